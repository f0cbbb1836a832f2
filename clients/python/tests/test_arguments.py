"""Whatever a method is given, it answers or raises a LekaloError: a bot's tools are called by models, with anything."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import grpc
import pytest
from conftest import FAST
from fake import STREAMS, FakeService

from lekalo_client import AsyncClient, Cancelled, Client, FailedPrecondition, InvalidArgument, LekaloError, v1
from lekalo_client.bot import AsyncBot, Bot, Price

WRONG: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    1e300,
    Decimal("-1"),
    Decimal("NaN"),
    Decimal("1e999999"),
    "",
    "no such word",
    "\ud800",
    b"\xff",
    ["\ud800"],
    [None],
    ["no.such.field"],
    {"a": object()},
    {None: None},
    datetime(2026, 1, 1),
    datetime.max.replace(tzinfo=timezone.utc),
    v1.Tenant(),
    v1.Pattern,
    iter(()),
    object(),
)


class Echo(FakeService):
    """Answers each method with its empty message."""

    def handle(self, method: str, request: Any, context: grpc.ServicerContext) -> Any:
        if isinstance(request, Iterator):
            list(request)
        return iter(()) if method in STREAMS else getattr(v1, method + "Response")()


@pytest.fixture
def service() -> FakeService:
    return Echo()


def methods(of: type) -> list[str]:
    found = [name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")]
    return [name for name in found if name not in {"close", "pages"}]


def fitting(parameter: inspect.Parameter) -> Any:
    """What a parameter takes."""
    kind = str(parameter.annotation)
    if kind == "bytes":
        return b"x"
    if kind.endswith(".ValueType"):
        return 1
    if kind.startswith("Iterable"):
        return []
    return "x" if kind == "str" else getattr(v1, kind)()


def calls(of: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each method with one wrong argument, then without any, and with one that it does not have."""
    for name in methods(type(of)):
        parameters = inspect.signature(getattr(of, name)).parameters.values()
        named = [one for one in parameters if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}]
        right = {one.name: fitting(one) for one in named if one.default is one.empty}
        yield name, {}
        yield name, right
        yield name, right | {"no_such_argument": 1}
        for one in named:
            for wrong in WRONG:
                yield name, right | {one.name: wrong}


def told(name: str, given: dict[str, Any], error: Exception) -> str:
    return f"{name}({given}): {type(error).__name__}: {error}"


def test_wrong_arguments_are_lekalo_errors(address: str) -> None:
    with Client(address, timeout=2, retry=FAST) as client:
        refused = 0
        for of in (client, Bot(client, "evopoliki")):
            for name, given in calls(of):
                began = time.monotonic()
                try:
                    answer = getattr(of, name)(**given)
                    list(answer) if isinstance(answer, Iterator) else None
                except LekaloError:
                    refused += 1
                except Exception as error:
                    raise AssertionError(told(name, given, error)) from error
                assert time.monotonic() - began < 3, (name, given)
        assert refused > 1000


async def test_wrong_arguments_are_lekalo_errors_with_asyncio(address: str) -> None:
    async with AsyncClient(address, timeout=2, retry=FAST) as client:
        refused = 0
        for of in (client, AsyncBot(client, "evopoliki")):
            for name, given in calls(of):
                began = time.monotonic()
                try:
                    answer = getattr(of, name)(**given)
                    [one async for one in answer] if isinstance(answer, AsyncIterator) else await answer
                except LekaloError:
                    refused += 1
                except Exception as error:
                    raise AssertionError(told(name, given, error)) from error
                assert time.monotonic() - began < 3, (name, given)
        assert refused > 1000


def test_what_is_refused_says_why(address: str) -> None:
    with Client(address) as client:
        bot = Bot(client, "evopoliki")
        lead = {"name": "Айбек", "phone": "0555123456"}
        wrong: dict[str, Callable[[], Any]] = {
            "is a list of texts": lambda: client.update_tenant(v1.Tenant(), "active"),
            "keys is a list": lambda: client.delete_texts("evopoliki", "greeting"),
            "surrogates": lambda: client.list_brands("evopoliki", "\ud800"),
            "zone": lambda: client.list_prices("evopoliki", at_time=datetime(2026, 1, 1)),
            "kind is one of": lambda: bot.create_lead(kind="gift", **lead),  # type: ignore[arg-type]
            "takes True, False": lambda: bot.calculate_price("eva_mats", options={"trunk": 1.5}),  # type: ignore[dict-item]
            "pages count": lambda: bot.brands("eva_mats", page=0),
            "missing a required": lambda: client.list_brands("evopoliki"),  # type: ignore[call-arg]
            "unexpected": lambda: client.get_tenant("evopoliki", colour="red"),  # type: ignore[call-arg]
            "not finite|no amount|not an amount": lambda: bot.create_lead(quoted_total=Decimal("NaN"), **lead),  # type: ignore[arg-type]
        }
        for why, call in wrong.items():
            with pytest.raises(InvalidArgument, match=why) as caught:
                call()
            assert caught.value.reason == "ARGUMENT_INVALID"
    for make in (Client, AsyncClient):
        for options in ({"api_key": "ключ"}, {"tls": "/etc/ca.pem"}, {"api_key": 7}, {"options": 7}, {"retries": 3}):
            with pytest.raises(InvalidArgument):
                make(address, **options)
    for text in ("", "[]", "null", "{}", None, 7, b"\xff", '{"for_lead": null}'):
        with pytest.raises(InvalidArgument, match="not a price"):
            Price.from_json(text)  # type: ignore[arg-type]


def slow(answer: Any) -> Callable[[Any, grpc.ServicerContext], Any]:
    def wait(_: Any, __: grpc.ServicerContext) -> Any:
        time.sleep(1.5)
        return answer

    return wait


def test_close_under_a_call_is_cancelled(address: str, service: FakeService) -> None:
    service.handle = FakeService.handle.__get__(service)  # type: ignore[method-assign]
    service.on("ListCategories", slow(v1.ListCategoriesResponse()))
    service.on("WatchApplications", slow(iter(())))
    client = Client(address)
    errors: list[LekaloError] = []

    def ask(call: Callable[[], Any]) -> None:
        with pytest.raises(Cancelled) as caught:
            call()
        errors.append(caught.value)

    asked = (lambda: client.list_categories("x"), lambda: list(client.watch_applications("x")))
    threads = [threading.Thread(target=ask, args=(call,)) for call in asked]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    client.close()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 1
    assert [error.reason for error in errors] == ["CLIENT_CLOSED"] * 2


async def test_close_under_a_call_is_cancelled_with_asyncio(address: str, service: FakeService) -> None:
    service.handle = FakeService.handle.__get__(service)  # type: ignore[method-assign]
    service.on("ListCategories", slow(v1.ListCategoriesResponse()))
    service.on("WatchApplications", slow(iter(())))
    client = AsyncClient(address)

    async def watch() -> None:
        async for _ in client.watch_applications("x"):
            pass

    tasks = [asyncio.ensure_future(client.list_categories("x")), asyncio.ensure_future(watch())]
    await asyncio.sleep(0.3)
    await client.close()
    found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1)
    assert [isinstance(one, Cancelled) and one.reason for one in found] == ["CLIENT_CLOSED"] * 2


def test_a_client_belongs_to_one_event_loop(address: str) -> None:
    client = AsyncClient(address)

    async def ask() -> None:
        await client.list_categories("evopoliki")

    async def watch() -> None:
        async for _ in client.watch_applications("evopoliki"):
            pass

    asyncio.run(ask())
    for call in (ask, watch):
        with pytest.raises(FailedPrecondition, match=r"asyncio\.run") as caught:
            asyncio.run(call())
        assert caught.value.reason == "CLIENT_OF_ANOTHER_LOOP"
    asyncio.run(client.close())
    with pytest.raises(Cancelled):
        asyncio.run(ask())
