from __future__ import annotations

import pickle
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from google.type.money_pb2 import Money

from lekalo_client import Retry, Unavailable, to_datetime, to_decimal, to_money, to_timestamp, v1
from lekalo_client.errors import Details


@pytest.mark.parametrize(
    ("units", "nanos", "text"),
    [
        (0, 0, "0"),
        (2400, 0, "2400"),
        (99, 500_000_000, "99.5"),
        (0, 10_000_000, "0.01"),
        (-1, -750_000_000, "-1.75"),
        (10**14, 1, "100000000000000.000000001"),
    ],
)
def test_money_is_exact_both_ways(units: int, nanos: int, text: str) -> None:
    money = Money(currency_code="KGS", units=units, nanos=nanos)
    assert str(to_decimal(money)) == text
    assert to_money(Decimal(text), "KGS") == money


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), Decimal("0.0000000001")])
def test_what_is_no_amount_is_refused(amount: Decimal) -> None:
    with pytest.raises(ValueError, match="amount"):
        to_money(amount)


def test_a_float_is_no_amount() -> None:
    inexact: Any = 0.1
    with pytest.raises(TypeError):
        to_money(inexact)


def test_times_say_their_zone() -> None:
    bishkek = datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=6)))
    timestamp = to_timestamp(bishkek)
    assert timestamp is not None
    assert to_datetime(timestamp) == bishkek
    assert to_timestamp(None) is None
    with pytest.raises(ValueError, match="zone"):
        to_timestamp(datetime(2025, 1, 1))


def test_waits_grow_and_differ_and_heed_the_service() -> None:
    retry = Retry(first_wait=0.1, longest_wait=1.0)
    gone = Unavailable()
    for attempt, longest in [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (5, 1.0), (10_000, 1.0)]:
        waits = [retry.wait(attempt, gone) for _ in range(100)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 1
    assert retry.wait(1, Unavailable("", Details(retry_after=3.0))) >= 3.0


def test_messages_can_be_pickled() -> None:
    brand = v1.Brand(slug="toyota")
    assert pickle.loads(pickle.dumps(brand)) == brand  # noqa: S301
