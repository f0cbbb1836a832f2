"""Whole orders with a real server: the demo at LEKALO_ADDR."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from lekalo_client import (
    Aborted,
    AsyncClient,
    Client,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PriceNotConfigured,
    v1,
)
from lekalo_client.bot import AsyncBot, Bot

ADDRESS = os.environ.get("LEKALO_ADDR", "")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="LEKALO_ADDR names no demo")


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(ADDRESS) as client:
        yield client


@pytest.mark.parametrize("language", ["ru", "ky", "en"])
@pytest.mark.parametrize(("tenant", "category"), [("evopoliki", "eva_mats"), ("five_deluxe", "5d_mats")])
def test_an_order(client: Client, tenant: str, category: str, language: str) -> None:
    bot = Bot(client, tenant, language=language)
    assert category in [one.code for one in bot.available_categories()]
    brands = bot.brands(category, page_size=8)
    assert len(brands) == 8
    pages = [bot.brands(category, page=number, page_size=8) for number in range(1, brands.pages + 1)]
    assert len({brand.slug for page in pages for brand in page}) == brands.total
    assert "camry" in [model.slug for model in bot.models(category, "toyota")]
    search = bot.search_patterns(category, "toyota camry 70")
    assert search.outcome == "found"
    assert search.car is not None
    assert (search.car.brand, search.car.model) == ("toyota", "camry")
    assert search.patterns[0].description
    options = bot.options(category, body_type="sedan")
    chosen = {option.code: option.values[0].code if option.values else True for option in options}
    price = bot.calculate_price(category, brand="toyota", model="camry", options=chosen, language=language)
    assert price.visible == (tenant == "evopoliki")
    assert bool(price.text) == price.visible
    assert price.for_lead.total.value == (Decimal(2800) if category == "eva_mats" else Decimal(8000))
    shown = json.dumps([dataclasses.asdict(price), *map(dataclasses.asdict, options)], default=str)
    assert ("2800" in shown, "400" in shown) == (price.visible, price.visible)
    assert "000" not in shown
    lead = bot.create_lead(
        name="Айбек",
        phone="0555 123 456",
        channel="telegram",
        customer_id="5000000001",
        category=category,
        brand="toyota",
        model="camry",
        options=chosen,
        price=price,
        language=language,
    )
    assert (lead.status, lead.phone) == ("new", "+996555123456")
    kept = client.get_application(tenant, lead.id)
    assert kept.id.upper().endswith(lead.number)
    assert kept.customer.language == language
    assert bot.lead(lead.id) == lead


async def test_an_order_with_asyncio() -> None:
    async with AsyncClient(ADDRESS) as client:
        bot = AsyncBot(client, "evopoliki")
        search = await bot.search_patterns("eva_mats", "камрюха 70")
        assert search.car is not None
        assert search.car.model == "camry"
        price = await bot.calculate_price("eva_mats", brand="toyota", model="camry")
        assert price.total is not None
        assert price.total.value == Decimal(2400)
        assert (
            await bot.say("ask_phone", name="Айбек")
            == "Айбек, на какой номер вам позвонить? Например: +996 700 000 000"
        )
        lead = await bot.create_lead(name="Айбек", phone="+996555123456", kind="callback")
        assert (await client.get_application("evopoliki", lead.id)).id == lead.id


def test_a_lead_is_not_doubled(client: Client) -> None:
    bot = Bot(client, "evopoliki")
    chosen = str(uuid.uuid4())
    first, again = (
        bot.create_lead(name="Айбек", phone="+996555123456", kind="callback", request_id=chosen) for _ in range(2)
    )
    assert first == again


def test_of_two_managers_one_takes_a_lead(client: Client) -> None:
    lead = Bot(client, "evopoliki").create_lead(name="Айбек", phone="+996555123456", kind="callback")
    seen = client.get_application("evopoliki", lead.id)
    taken = v1.ApplicationStatus.APPLICATION_STATUS_IN_PROGRESS
    client.transition_application("evopoliki", lead.id, taken, actor="Айгуль", etag=seen.etag)
    with pytest.raises(Aborted) as lost:
        client.transition_application("evopoliki", lead.id, taken, actor="Бакыт", etag=seen.etag)
    assert lost.value.reason == "ETAG_MISMATCH"
    assert Bot(client, "evopoliki").lead(lead.id).status == "in_progress"


def test_of_two_managers_at_once_one_takes_a_lead(client: Client) -> None:
    bot = Bot(client, "evopoliki")
    taken = v1.ApplicationStatus.APPLICATION_STATUS_IN_PROGRESS

    def take(actor: str, seen: v1.Application) -> bool:
        try:
            client.transition_application("evopoliki", seen.id, taken, actor=actor, etag=seen.etag)
        except (Aborted, FailedPrecondition):
            return False
        return True

    with ThreadPoolExecutor(4) as managers:
        for _ in range(10):
            lead = bot.create_lead(name="Айбек", phone="+996555123456", kind="callback")
            seen = client.get_application("evopoliki", lead.id)
            assert sum(managers.map(take, "АБВГ", [seen] * 4)) == 1


def test_a_pattern_says_why_it_may_not_fit(client: Client) -> None:
    search = Bot(client, "evopoliki").search_patterns("eva_mats", "прадо 2020")
    assert search.outcome == "possible"
    mismatch = next(one for one in search.patterns[0].mismatches if one.field == "year")
    assert not mismatch.unknown
    assert "а не на 2020 год" in mismatch.reason


def test_a_customers_language_stays(client: Client) -> None:
    bot = Bot(client, "evopoliki")
    customer = str(uuid.uuid4())
    for language in ("ky", ""):
        lead = bot.create_lead(
            name="Айбек",
            phone="+996555123456",
            channel="telegram",
            customer_id=customer,
            kind="callback",
            language=language,
        )
        assert client.get_application("evopoliki", lead.id).customer.language == "ky"


def test_mistakes_are_told(client: Client) -> None:
    bot = Bot(client, "evopoliki")
    with pytest.raises(InvalidArgument) as wrong:
        bot.create_lead(name="Айбек", phone="12", kind="callback")
    assert [violation.field for violation in wrong.value.violations] == ["application.customer.phone"]
    with pytest.raises(NotFound) as unknown:
        bot.models("eva_mats", "toyotta")
    assert unknown.value.reason == "BRAND_NOT_FOUND"
    with pytest.raises(PriceNotConfigured):
        bot.calculate_price("seat_covers", options={"heating": True})
    assert bot.search_patterns("premium_covers", "камри").outcome == "not_sold"
    assert bot.search_patterns("premium_covers", brand="toyota", model="camry").outcome == "not_sold"
    assert bot.search_patterns("eva_mats", "письменный стол").outcome == "unknown_car"


def test_applications_are_watched(client: Client) -> None:
    bot = Bot(client, "evopoliki")
    lead = bot.create_lead(name="Айбек", phone="+996555123456", kind="callback")
    events = client.watch_applications("evopoliki", timeout=10)
    event = next(event for event in events if event.application.id == lead.id)
    assert event.kind == v1.ApplicationEventKind.APPLICATION_EVENT_KIND_CREATED
    later = bot.create_lead(name="Айгуль", phone="+996555123457", kind="callback")
    resumed = client.watch_applications("evopoliki", after=event.cursor, timeout=10)
    assert next(event for event in resumed).application.id == later.id


def test_the_readme_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0]
    exec(code.replace("127.0.0.1:50051", ADDRESS), {})  # noqa: S102
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    for expected in ("'EVA-коврики', '5D-коврики'", "стр. 2/5", "'Камри', 'Королла'", "found", "2 800 сом\n"):
        assert expected in shown
    assert shown.rstrip().endswith(" +996555123456")
