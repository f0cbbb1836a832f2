"""The contract's messages to the bot's answers, and the bot's arguments to messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from google.type.money_pb2 import Money

from .. import v1
from ..values import to_datetime, to_decimal
from . import types
from .words import Words, words_of

ItemT = TypeVar("ItemT")

MAX_PAGE_SIZE = 500
"""The service cuts larger pages, and the pages after them would not begin where this one ends."""


class Enum(Protocol):
    """An enum of the contract."""

    def Name(self, number: Any, /) -> str:  # noqa: N802
        """The value's name."""

    def Value(self, name: str, /) -> Any:  # noqa: N802
        """The value of a name."""


def word(kind: Enum, prefix: str, number: int) -> Any:
    """`left` for STEERING_LEFT; None for what is not given, or not known to this version."""
    try:
        name = kind.Name(number).removeprefix(prefix).lower()
    except ValueError:
        return None
    return None if name == "unspecified" else name


def value(kind: Enum, prefix: str, name: str) -> Any:
    """STEERING_LEFT for `left`. Raises ValueError for a word that is not one of the enum's."""
    return kind.Value(prefix + name.upper())


def page(items: Sequence[ItemT], total: int, number: int, size: int, language: str) -> types.Page[ItemT]:
    """A page of a list of `total` items, `size` of them to a page."""
    pages = max(1, -(-total // size))
    label = words_of(language).page.format(number=number, pages=pages)
    return types.Page(tuple(items), number, pages, total, label)


def skip(number: int, size: int) -> int:
    """How many items come before a page. Raises ValueError for a page or a size that there cannot be."""
    if number < 1 or not 1 <= size <= MAX_PAGE_SIZE:
        raise ValueError(f"pages count from 1 and have 1 to {MAX_PAGE_SIZE} items")
    return (number - 1) * size


def category(message: v1.Category) -> types.Category:
    """A category."""
    return types.Category(message.code, message.display_name, message.description)


def brand(message: v1.Brand) -> types.Brand:
    """A make."""
    return types.Brand(message.slug, message.display_name, message.name, message.model_count)


def model(message: v1.Model, language: str) -> types.Model:
    """A model."""
    years = words_of(language).years(message.year_from or None, message.year_to or None)
    return types.Model(message.brand, message.slug, message.display_name, message.name, years, message.pattern_count)


def named_car(brand_slug: str, model_slug: str, generation: str, year: int | None) -> types.Car:
    """A car that is known by its slugs only."""
    names = [slug.replace("-", " ").title() for slug in (brand_slug, model_slug)]
    return types.Car(brand_slug, model_slug, title(*names, generation, year), generation, year)


def candidate(message: v1.VehicleCandidate) -> types.Car:
    """A car that a text may mean."""
    year = message.year or None
    shown = title(message.brand_name, message.model_name, message.generation, year)
    return types.Car(message.brand, message.model, shown, message.generation, year)


def title(*parts: str | int | None) -> str:
    """What is known of a car, in a line."""
    return " ".join(str(part) for part in parts if part)


def pattern(message: v1.Pattern, language: str) -> types.Pattern:
    """A pattern."""
    words = words_of(language)
    years = message.year_from or None, message.year_to or None
    steering = word(v1.Steering, "STEERING_", message.steering)
    borders = word(v1.Borders, "BORDERS_", message.borders)
    seat_rows = word(v1.SeatRows, "SEAT_ROWS_", message.seat_rows)
    trunk = {v1.Trunk.TRUNK_YES: True, v1.Trunk.TRUNK_NO: False}.get(message.trunk)
    description = [
        message.generation,
        words.years(*years),
        words.body_types.get(message.body_type, message.body_type).lower(),
        words.steering.get(steering),
        words.borders.get(borders),
        words.seat_rows.get(seat_rows),
        words.trunk.get(trunk),
        message.notes,
    ]
    return types.Pattern(
        id=message.id,
        generation=message.generation,
        year_from=years[0],
        year_to=years[1],
        body_type=message.body_type,
        steering=steering,
        borders=borders,
        seat_rows=seat_rows,
        trunk=trunk,
        notes=message.notes,
        description=", ".join(part for part in description if part),
    )


def outcome(verdict: v1.Verdict.ValueType) -> types.Outcome:
    """What a search came to; a verdict that this version does not know is no promise."""
    known: types.Outcome | None = word(v1.Verdict, "VERDICT_", verdict)
    return known or "possible"


def price_kind(number: v1.PriceKind.ValueType) -> types.PriceKind:
    """How exact an amount is; a kind that this version does not know is no promise."""
    known: types.PriceKind | None = word(v1.PriceKind, "PRICE_KIND_", number)
    return known or "from"


def amount(kind: types.PriceKind, lower: Money, upper: Money | None, words: Words) -> types.Amount:
    """An amount, with its words."""
    least = to_decimal(lower)
    most = to_decimal(upper) if upper is not None else None
    return types.Amount(
        kind=kind,
        value=least,
        upper=most,
        currency=lower.currency_code,
        figures=words.figures(kind, least, most),
        unit=words.currencies.get(lower.currency_code, lower.currency_code),
    )


def option(message: v1.ProductOption, language: str) -> types.Option:
    """An option."""
    values = [types.OptionValue(one.code, one.display_name, option_price(one, language)) for one in message.values]
    return types.Option(
        code=message.code,
        name=message.display_name,
        kind=word(v1.OptionKind, "OPTION_KIND_", message.kind),
        values=tuple(values),
        price=option_price(message, language),
    )


def option_price(message: v1.ProductOption | v1.OptionValue, language: str) -> types.Amount | None:
    """What an option or a value costs, if anything says so."""
    if not message.HasField("price"):
        return None
    upper = message.price_max if message.HasField("price_max") else None
    return amount(price_kind(message.price_kind), message.price, upper, words_of(language))


def price(message: v1.Quote, language: str) -> types.Price:
    """A quote."""
    words = words_of(language)

    def part(lower: Money, upper: Money | None) -> types.Amount:
        return amount("fixed" if upper is None else "range", lower, upper, words)

    return types.Price(
        visible=message.prices_visible,
        total=amount(
            price_kind(message.kind),
            message.total,
            message.total_max if message.HasField("total_max") else None,
            words,
        ),
        base=part(message.base, message.base_max if message.HasField("base_max") else None),
        lines=tuple(
            types.PriceLine(
                option=line.option,
                name=line.display_name,
                amount=part(line.amount, line.amount_max if line.HasField("amount_max") else None),
            )
            for line in message.lines
        ),
        assumptions=tuple(message.assumptions),
        body_type=message.body_type,
    )


def selections(options: Mapping[str, str | bool]) -> list[v1.Selection]:
    """What was chosen: True for a boolean or an addon, a value's code for a choice; False is as if not named."""
    return [
        v1.Selection(option=code, value="" if chosen is True else chosen)
        for code, chosen in options.items()
        if chosen is not False
    ]


def lead(message: v1.Application) -> types.Lead:
    """An application."""
    return types.Lead(
        id=message.id,
        number=message.id[-8:].upper(),
        status=word(v1.ApplicationStatus, "APPLICATION_STATUS_", message.status),
        phone=message.customer.phone,
        created_at=to_datetime(message.created_at),
    )
