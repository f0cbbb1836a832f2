"""What a chat bot needs while it talks, as one call each: `Bot`, and `AsyncBot` for asyncio.

Their answers are frozen dataclasses with exact amounts and with names that can be shown as they are.
"""

from ._async.bot import AsyncBot
from ._bot.types import (
    Amount,
    Brand,
    Car,
    Category,
    Channel,
    ForLead,
    Lead,
    LeadKind,
    LeadStatus,
    Mismatch,
    Model,
    Option,
    OptionKind,
    OptionValue,
    Outcome,
    Page,
    Pattern,
    Price,
    PriceKind,
    PriceLine,
    Search,
    Side,
    TextValue,
)
from ._bot.words import words_of
from ._sync.bot import Bot

__all__ = [
    "Amount",
    "AsyncBot",
    "Bot",
    "Brand",
    "Car",
    "Category",
    "Channel",
    "ForLead",
    "Lead",
    "LeadKind",
    "LeadStatus",
    "Mismatch",
    "Model",
    "Option",
    "OptionKind",
    "OptionValue",
    "Outcome",
    "Page",
    "Pattern",
    "Price",
    "PriceKind",
    "PriceLine",
    "Search",
    "Side",
    "TextValue",
    "body_type_name",
]


def body_type_name(code: str, language: str = "ru") -> str:
    """The name of a body type, e.g. for BodyTypeRequired's choices: `Малый минивэн` for `minivan_small`."""
    return words_of(language).body_types.get(code, code)
