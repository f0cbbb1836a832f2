"""When a call is tried again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .errors import Aborted, LekaloError, ResourceExhausted, Unavailable


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a call is repeated. All of it stays within the call's one deadline.

    Reads are repeated, and writes that carry a `request_id`; `Retry(attempts=1)` repeats nothing.
    """

    attempts: int | None = None
    """How often a call is sent at most; None is as often as its deadline allows."""
    first_wait: float = 0.1
    """The seconds before the second attempt; each further wait is twice as long. A random half of it is left out."""
    longest_wait: float = 1.0
    """No wait is longer, unless the service asks for more."""

    def allows(self, error: LekaloError, *, decided: bool = False) -> bool:
        """Whether the same call may succeed a little later, and should.

        `decided` is a write that its caller decided on by what was read before: if another write came first, it is to
        be decided again, not sent again.
        """
        match error:
            case Unavailable():
                return True
            case ResourceExhausted():  # without RetryInfo it is no passing thing, e.g. too large an answer
                return error.retry_after is not None
            case Aborted():  # nothing was written; a stale etag stays stale
                return error.reason == "CONCURRENT_CHANGE" and not decided
            case _:
                return False

    def wait(self, attempt: int, error: LekaloError) -> float:
        """The seconds to wait after the failure of this attempt, the first being 1."""
        longest = min(self.longest_wait, self.first_wait * 2 ** min(attempt - 1, 32))
        # Never sooner than the service asks, and not all callers at once; the jitter is no secret.
        return (error.retry_after or 0.0) + random.uniform(longest / 2, longest)  # noqa: S311


RETRY = Retry()
"""How calls are repeated unless told otherwise."""
