#!/usr/bin/env python3
"""Makes `lekalo_client._sync` from `lekalo_client._async`, so that both clients are written once.

Run it after each change there. `--check` writes nothing and fails if the committed files are not what it would write.
"""

import re
import sys
import tempfile
from pathlib import Path

from generated import publish, tidy

PACKAGE = Path(__file__).parents[1] / "src" / "lekalo_client"

# Each pattern's matches become the text beside it, one after the other.
RULES = [
    (r"^import asyncio\n", ""),
    (r"^.*  # asyncio alone\n", ""),
    (r"^( *)except asyncio\.CancelledError:.*\n(?:\1 +.*\n)+", ""),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bgrpc\.aio\.", "grpc."),
    (r"\b(\w+Service)AsyncStub\b", r"\1Stub"),
    (r"^if TYPE_CHECKING:\n    from \.\._proto\.\S+ import \w+Stub\n\n", "\n"),
    (r"^from typing import TYPE_CHECKING\n", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
    (r", Awaitable\b|\bAwaitable, ", ""),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\bAsync([A-Z]\w+)\b", r"\1"),
    (r"\.\._async\b", ".._sync"),
    (r"many tasks may share\. It may be made where .* loop yet\.", "many threads may share."),
]


def main() -> int:
    """Translates into a temporary folder, then publishes or compares."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "_sync"
        target.mkdir()
        for path in (PACKAGE / "_async").glob("*.py"):
            (target / path.name).write_text(translate(path.read_text()))
        (target / "__init__.py").write_text('"""The client without asyncio. Made from `_async`; not to be edited."""\n')
        tidy(target)
        return publish(Path(folder), PACKAGE, ["_sync"], check="--check" in sys.argv)


def translate(source: str) -> str:
    """The same module without asyncio."""
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    return source


if __name__ == "__main__":
    sys.exit(main())
