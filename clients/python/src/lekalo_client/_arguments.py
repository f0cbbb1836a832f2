"""Arguments of which no request can be made: InvalidArgument, as if the service had refused them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import EncodeError

from .errors import wrong_argument

REFUSALS = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, EncodeError)
"""What Python, protobuf and gRPC raise for them."""


class Checked:
    """A class whose public methods raise nothing but LekaloErrors for wrong arguments."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, method in list(vars(cls).items()):
            if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_")):
                setattr(cls, name, checked(method))


@contextmanager
def refusing() -> Iterator[None]:
    """Turns what is raised for a wrong argument into InvalidArgument."""
    try:
        yield
    except REFUSALS as error:
        raise wrong_argument(error) from error


def refuse_surrogates(value: object) -> None:
    """Raises UnicodeEncodeError for a text that is none: as the word of an enum it ends protobuf's process."""
    match value:
        case str():
            value.encode()
        case Mapping():
            for pair in value.items():
                refuse_surrogates(pair)
        case tuple() | list() | set() | frozenset():
            for one in value:
                refuse_surrogates(one)


def checked(method: Callable[..., Any]) -> Callable[..., Any]:
    """The same method, whatever kind of function it is."""
    signature = inspect.signature(method)
    lists = [name for name, parameter in signature.parameters.items() if parameter.annotation == "Iterable[str]"]

    def check(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs).arguments
        for name, value in given.items():
            refuse_surrogates(value)
            if name in lists and isinstance(value, (str, bytes)):  # it would go through as a list of its letters
                raise TypeError(f"{name} is a list of texts, not one text")

    @functools.wraps(method)
    async def answer(*args: Any, **kwargs: Any) -> Any:
        with refusing():
            check(*args, **kwargs)
            return await method(*args, **kwargs)

    @functools.wraps(method)
    async def items(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with refusing():
            check(*args, **kwargs)
            found = method(*args, **kwargs)
            try:
                async for item in found:
                    yield item
            finally:
                await found.aclose()

    @functools.wraps(method)
    def items_now(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with refusing():
            check(*args, **kwargs)
            yield from method(*args, **kwargs)

    @functools.wraps(method)
    def answer_now(*args: Any, **kwargs: Any) -> Any:
        with refusing():
            check(*args, **kwargs)
            return method(*args, **kwargs)

    if inspect.isasyncgenfunction(method):
        return items
    if inspect.iscoroutinefunction(method):
        return answer
    return items_now if inspect.isgeneratorfunction(method) else answer_now
