"""The one event loop that an asyncio client belongs to."""

from __future__ import annotations

import asyncio

from .errors import Details, FailedPrecondition


def runs_in(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether this is the loop that runs; a client that has not called yet belongs to none, and to any."""
    return loop is None or loop is asyncio.get_running_loop()


def refuse_another_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Raises FailedPrecondition in any other loop: gRPC would wait there for ever, or break."""
    if not runs_in(loop):
        message = "this client has called in another event loop, to which it belongs; make one in each asyncio.run"
        raise FailedPrecondition(message, Details(reason="CLIENT_OF_ANOTHER_LOOP"))


def is_cancelled_itself() -> bool:
    """Whether the task is to end, and not only the call it waits for. Python 3.10 cannot tell."""
    task = asyncio.current_task()
    cancelling = getattr(task, "cancelling", None)
    return bool(cancelling and cancelling())
