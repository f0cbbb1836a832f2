"""The bot's answers: small, frozen, and with names in the language asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from .._arguments import REFUSALS
from ..errors import wrong_argument

ItemT = TypeVar("ItemT")

Outcome = Literal["found", "possible", "not_found", "not_sold", "choose", "choose_model", "unknown_car"]
"""What became of a search:

- `found`: there are patterns that cover all that was asked;
- `possible`: there are patterns for the model, but none surely covers that year, steering, generation or body;
- `not_found`: there is none for that model; offer to measure the car;
- `not_sold`: the shop does not sell that category;
- `choose`: the text may mean several cars; ask which of `candidates`;
- `choose_model`: only the make is clear, `car.brand`; ask for the model;
- `unknown_car`: the text is no car that is known, or empty.
"""
Side = Literal["left", "right", "both"]
PriceKind = Literal["fixed", "from", "range"]
OptionKind = Literal["boolean", "choice", "addon"]
LeadKind = Literal["order", "individual_measure", "callback", "complaint"]
LeadStatus = Literal["new", "in_progress", "completed", "cancelled"]
Channel = Literal["whatsapp", "telegram", "instagram", "web"]
# A phrase, a list, or a switch.
TextValue: TypeAlias = str | tuple[str, ...] | bool


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """One page of a list, for a keyboard with arrows."""

    items: tuple[ItemT, ...]
    number: int
    """The page's number, from 1."""
    pages: int
    """How many pages there are, at least 1."""
    total: int
    """How many items are on all pages together."""
    label: str
    """To be shown between the arrows: `стр. 2/7`."""

    def __iter__(self) -> Iterator[ItemT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before."""
        return self.number > 1

    @property
    def has_next(self) -> bool:
        """Whether there is a page after."""
        return self.number < self.pages


@dataclass(frozen=True, slots=True)
class Category:
    """Something the shop sells."""

    code: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Brand:
    """A make with at least one pattern."""

    slug: str
    name: str
    """To be shown, e.g. `Ленд Ровер`."""
    canonical_name: str
    """In English, e.g. `Land Rover`."""
    models: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model with at least one pattern."""

    brand: str
    """The make's slug."""
    slug: str
    name: str
    """To be shown, without the make."""
    canonical_name: str
    years: str
    """The years that its patterns cover, to be shown; empty if not known."""
    patterns: int


@dataclass(frozen=True, slots=True)
class Car:
    """A car, as far as it is known."""

    brand: str
    """The make's slug."""
    model: str
    """The model's slug; empty where only the make is clear."""
    title: str
    """To be shown: `Toyota Camry XV70 2018`."""
    generation: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that keeps a pattern from surely fitting."""

    field: str
    """What it is about: `body_type`, `generation`, `year` or `steering`."""
    unknown: bool
    """True: the price list does not say, a master has to. False: the pattern is for another one."""
    reason: str
    """Why, to be shown: `лекало на 2018–2020, а не на 2015 год`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A cutting pattern: what fits one car in one way. None is not known."""

    id: str
    generation: str
    year_from: int | None
    year_to: int | None
    body_type: str
    steering: Side | None
    borders: Literal["with", "without", "medium", "high"] | None
    seat_rows: Literal["two", "three", "full", "front_only"] | None
    trunk: bool | None
    notes: str
    """What else the price list says, in its own words."""
    description: str
    """All of it in a line, to be shown: `XV70, 2018–2021, левый руль, с бортами`."""
    mismatches: tuple[Mismatch, ...] = ()
    """`possible`: why it may not fit, most important first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a pattern, besides the car."""

    generation: str
    year: int | None
    steering: Side | None
    body_type: str
    language: str


@dataclass(frozen=True, slots=True)
class Search:
    """What became of a search for patterns."""

    outcome: Outcome
    car: Car | None = None
    """The car that was looked for, if one is clear."""
    patterns: tuple[Pattern, ...] = ()
    """`found`: those that fit; `possible`: the nearest, best first."""
    candidates: tuple[Car, ...] = ()
    """`choose`: what the text may mean, likeliest first."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, exact, least or between two."""

    kind: PriceKind
    value: Decimal
    """The price, the least, or the lower end."""
    upper: Decimal | None
    """The upper end of a range."""
    currency: str
    """The ISO 4217 code."""
    figures: str
    """To be shown, without the currency: `от 2 400`, `4 000–19 000`."""
    unit: str
    """The currency to be shown: `сом`."""

    @property
    def text(self) -> str:
        """To be shown: `от 2 400 сом`."""
        return f"{self.figures}\u00a0{self.unit}"


@dataclass(frozen=True, slots=True)
class OptionValue:
    """One value of a choice."""

    code: str
    name: str
    price: Amount | None
    """What it costs; None where no price is configured, or where customers may not see it."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen with a product."""

    code: str
    name: str
    kind: OptionKind
    """A `choice` takes the code of one of `values`, the others True."""
    values: tuple[OptionValue, ...]
    price: Amount | None
    """As a value's."""


@dataclass(frozen=True, slots=True)
class PriceLine:
    """What one option adds."""

    option: str
    name: str
    amount: Amount | None
    """None where customers may not see it."""


@dataclass(eq=False, init=False, repr=False)
class ForLead:
    """What a price came to, whoever may see it: for the shop's own record, not for the customer.

    It has no fields, so that neither `repr` nor `dataclasses.asdict` nor JSON of a price carries it.
    """

    __slots__ = ("_total",)

    def __init__(self, total: Amount) -> None:
        self._total = total

    @property
    def total(self) -> Amount:
        """The total, also where customers may not see it."""
        return self._total


@dataclass(frozen=True, slots=True)
class Price:
    """What a product costs. Where customers may not see it, no amount is in it: a manager tells them."""

    visible: bool
    """Whether customers may see it."""
    total: Amount | None
    """None where customers may not see it, as the other amounts."""
    base: Amount | None
    """Without the options."""
    lines: tuple[PriceLine, ...]
    assumptions: tuple[str, ...]
    """What was taken for granted, to be shown."""
    body_type: str
    """The body that was priced; empty where prices do not depend on it."""
    for_lead: ForLead = field(repr=False, compare=False)
    """What create_lead writes down."""

    @property
    def text(self) -> str:
        """The total to be shown; empty where customers may not see it."""
        return self.total.text if self.total else ""

    def to_json(self) -> str:
        """All of it, for the bot to keep between two messages, also what customers may not see: it is not for them."""
        known = asdict(self) | {"for_lead": asdict(self.for_lead.total)}
        return json.dumps(known, default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Price:
        """The price that `to_json` wrote. Raises InvalidArgument for anything else."""

        def amount(known: dict[str, Any] | None) -> Amount | None:
            if known is None:
                return None
            upper = known["upper"]
            exact = {"value": Decimal(known["value"]), "upper": None if upper is None else Decimal(upper)}
            return Amount(**(known | exact))

        try:
            known = json.loads(text)
            total = amount(known["for_lead"])
            if total is None:
                raise ValueError("without its total")
            lines = (PriceLine(**(line | {"amount": amount(line["amount"])})) for line in known["lines"])
            read = {
                "total": amount(known["total"]),
                "base": amount(known["base"]),
                "lines": tuple(lines),
                "assumptions": tuple(known["assumptions"]),
                "for_lead": ForLead(total),
            }
            return cls(**(known | read))
        except REFUSALS as error:
            raise wrong_argument(ValueError(f"not a price that to_json wrote: {error}")) from error


@dataclass(frozen=True, slots=True)
class Lead:
    """An application that was taken down."""

    id: str
    number: str
    """What the customer is told: the last eight characters of the id."""
    status: LeadStatus
    name: str = field(repr=False)
    phone: str = field(repr=False)
    """The customer's number as it was understood, e.g. `+996700123456`."""
    created_at: datetime
    assignee: str = ""
    """The manager who works on it; empty while nobody does."""
