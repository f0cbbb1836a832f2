from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import pytest
from fake import FakeService, start

from lekalo_client import AsyncClient, Client, Retry

Connect: TypeAlias = Callable[..., Any]
FAST = Retry(first_wait=0.01)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def address(service: FakeService) -> Iterator[str]:
    server, address = start(service, "127.0.0.1:0")
    yield address
    server.stop(None)


class Awaited:
    """A sync client or bot that tests call as if it were an async one, so that each test runs against both."""

    def __init__(self, sync: Any) -> None:
        self.sync = sync

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.sync, name)
        return partial(iterate, method) if name.startswith(("watch_", "pages")) else partial(asyncio.to_thread, method)


async def iterate(method: Callable[..., Iterator[Any]], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    args = tuple(arg.args[0] if isinstance(arg, partial) else arg for arg in args)  # a method, back from Awaited's
    iterator = method(*args, **kwargs)
    end = object()
    while (item := await asyncio.to_thread(next, iterator, end)) is not end:
        yield item


@pytest.fixture(params=["sync", "async"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes clients of one kind, then of the other; tests await the methods of both."""
    clients: list[Client | AsyncClient] = []

    def make(address: str, **options: Any) -> Any:
        options = {"retry": FAST} | options
        client = Client(address, **options) if request.param == "sync" else AsyncClient(address, **options)
        clients.append(client)
        return client if isinstance(client, AsyncClient) else Awaited(client)

    yield make
    for client in clients:
        if isinstance(client, Client):
            client.close()
        else:
            await client.close()


@pytest.fixture
def client(connect: Connect, address: str) -> Any:
    return connect(address)
