"""The contract's messages to the bot's answers, and the bot's arguments to messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from google.type.money_pb2 import Money

from .. import v1
from ..errors import Details, InvalidArgument, Violation
from ..values import to_datetime, to_decimal, to_money
from . import types
from .words import Words, words_of

ItemT = TypeVar("ItemT")

MAX_PAGE_SIZE = 500
"""The service cuts larger pages, and the pages after them would not begin where this one ends."""

MAX_SKIP = 100_000
"""The service passes over no more."""


YES_AND_NO: Mapping[str, str | None] = {
    **dict.fromkeys(("true", "yes", "да", "ооба"), ""),
    **dict.fromkeys(("false", "no", "нет", "жок", ""), None),
}
"""What a string says of an option instead of naming a value, which is therefore never called so."""


class Enum(Protocol):
    """An enum of the contract."""

    def keys(self) -> Iterable[str]:
        """The values' names."""

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
    """STEERING_LEFT for `left`. Raises ValueError, which names the words there are, for any other."""
    words = [key.removeprefix(prefix).lower() for key in kind.keys()]  # noqa: SIM118, an enum is not a mapping
    words.remove("unspecified")
    if name.lower() not in words:
        raise ValueError(f"{prefix.lower().replace('_', ' ')}is one of {', '.join(words)}; not {name!r}")
    return kind.Value(prefix + name.upper())


def page(items: Sequence[ItemT], total: int, number: int, size: int, language: str) -> types.Page[ItemT]:
    """A page of a list of `total` items, `size` of them to a page."""
    pages = last_page(total, size)
    label = words_of(language).page.format(number=number, pages=pages)
    return types.Page(tuple(items), number, pages, total, label)


def last_page(total: int, size: int) -> int:
    """The number of the last page; an empty list has one, too."""
    return max(1, -(-total // size))


def skip(number: int, size: int) -> int:
    """How many items come before a page. Raises ValueError for a page or a size that there cannot be."""
    if number < 1 or not 1 <= size <= MAX_PAGE_SIZE:
        raise ValueError(f"pages count from 1 and have 1 to {MAX_PAGE_SIZE} items")
    return min((number - 1) * size, MAX_SKIP)


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
        mismatches=tuple(mismatch(one, words) for one in message.mismatches),
    )


def mismatch(message: v1.PatternMismatch, words: Words) -> types.Mismatch:
    """Why a pattern may not fit; the service says it in Russian only."""
    reason = words.mismatches.get((message.field, message.unknown), message.reason)
    return types.Mismatch(message.field, message.unknown, reason)


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


def option(message: v1.ProductOption, language: str, *, visible: bool) -> types.Option:
    """An option, with its prices where customers may see them."""
    values = [
        types.OptionValue(one.code, one.display_name, option_price(one, language) if visible else None)
        for one in message.values
    ]
    return types.Option(
        code=message.code,
        name=message.display_name,
        kind=word(v1.OptionKind, "OPTION_KIND_", message.kind),
        values=tuple(values),
        price=option_price(message, language) if visible else None,
    )


def option_price(message: v1.ProductOption | v1.OptionValue, language: str) -> types.Amount | None:
    """What an option or a value costs, if anything says so."""
    if not message.HasField("price"):
        return None
    upper = message.price_max if message.HasField("price_max") else None
    return amount(price_kind(message.price_kind), message.price, upper, words_of(language))


def price(message: v1.Quote, language: str) -> types.Price:
    """A quote, with its amounts where customers may see them."""
    words = words_of(language)
    upper = message.total_max if message.HasField("total_max") else None
    total = amount(price_kind(message.kind), message.total, upper, words)

    def part(kind: v1.PriceKind.ValueType, lower: Money, upper: Money | None) -> types.Amount | None:
        return amount(price_kind(kind), lower, upper, words) if message.prices_visible else None

    return types.Price(
        visible=message.prices_visible,
        total=total if message.prices_visible else None,
        base=part(message.base_kind, message.base, message.base_max if message.HasField("base_max") else None),
        lines=tuple(
            types.PriceLine(
                option=line.option,
                name=line.display_name,
                amount=part(line.kind, line.amount, line.amount_max if line.HasField("amount_max") else None),
            )
            for line in message.lines
        ),
        assumptions=tuple(message.assumptions),
        body_type=message.body_type,
        for_lead=types.ForLead(total),
    )


def quote_to(
    application: v1.Application,
    total: Decimal,
    upper: Decimal | None = None,
    kind: types.PriceKind | None = None,
    currency: str = "",
) -> None:
    """Writes down what was quoted, as exact as it was."""
    application.quoted_total.CopyFrom(to_money(total, currency))
    if kind is not None:
        application.quoted_kind = value(v1.PriceKind, "PRICE_KIND_", kind)
    if upper is not None:
        application.quoted_total_max.CopyFrom(to_money(upper, currency))


def selections(options: Mapping[str, str | bool | None]) -> list[v1.Selection]:
    """What was chosen. Raises TypeError for what is neither True, False, None nor a string."""
    chosen = {code: selection(code, given) for code, given in options.items()}
    return [v1.Selection(option=code, value=value) for code, value in chosen.items() if value is not None]


def selection(code: str, given: object) -> str | None:
    """An option's value for the service: empty for yes, None for no."""
    match given:
        case True:
            return ""
        case False | None:
            return None
        case str():  # a model writes `true` where it means True, and a customer's word goes through it as it is
            return YES_AND_NO.get(given.strip().lower(), given)
        case _:
            raise TypeError(f"option {code!r} takes True, False or a value's code, not {given!r}")


def require(**customer: str) -> None:
    """Raises InvalidArgument, as the service does, where something that must be known of a customer is blank."""
    missing = [name for name, given in customer.items() if not given.strip()]
    if missing:
        wrong = (Violation(f"application.customer.{name}", "must be given", "FIELD_REQUIRED") for name in missing)
        details = Details(reason="FIELD_REQUIRED", violations=tuple(wrong))
        raise InvalidArgument(f"a lead needs the customer's {' and '.join(missing)}", details)


def text_value(message: v1.Text) -> types.TextValue:
    """What stands under a key."""
    if message.HasField("list"):
        return tuple(message.list.items)
    return message.flag if message.HasField("flag") else message.value


def fill(text: str, values: Mapping[str, object]) -> str:
    """The text with its placeholders filled in; those without a value, and any other brace, stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text)


def lead(message: v1.Application) -> types.Lead:
    """An application."""
    return types.Lead(
        id=message.id,
        number=message.id[-8:].upper(),
        status=word(v1.ApplicationStatus, "APPLICATION_STATUS_", message.status),
        name=message.customer.name,
        phone=message.customer.phone,
        created_at=to_datetime(message.created_at),
        assignee=message.assignee,
    )
