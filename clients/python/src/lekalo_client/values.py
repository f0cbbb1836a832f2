"""Amounts and times: the messages of the contract to Decimal and datetime, and back."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

NANOS = Decimal(10**9)


def to_decimal(money: Money) -> Decimal:
    """The exact amount: `Decimal("2400")`, `Decimal("99.5")`."""
    return Decimal(money.units) + (Decimal(money.nanos) / NANOS).normalize()


def to_money(amount: Decimal | int, currency: str = "") -> Money:
    """The amount as a message; an empty currency is the tenant's.

    Raises ValueError for an amount that is not finite or has more than nine decimals.
    """
    if isinstance(amount, float):
        raise TypeError("an amount of money is a Decimal or an int: a float is not exact")
    amount = Decimal(amount)
    if not amount.is_finite():
        raise ValueError(f"not an amount of money: {amount}")
    units = int(amount)
    nanos = (amount - units) * NANOS
    if nanos != int(nanos):
        raise ValueError(f"an amount has at most nine decimals: {amount}")
    return Money(currency_code=currency, units=units, nanos=int(nanos))


def to_datetime(timestamp: Timestamp) -> datetime:
    """The time in UTC."""
    return timestamp.ToDatetime(tzinfo=timezone.utc)


def to_timestamp(time: datetime | None) -> Timestamp | None:
    """The time as a message; None stays None. Raises ValueError where the time does not say its zone."""
    if time is None:
        return None
    if time.utcoffset() is None:
        raise ValueError("a time without a zone could be any: give it a tzinfo")
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
