"""Exact amounts: `google.type.Money` to Decimal and back."""

from __future__ import annotations

from decimal import Decimal

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
