"""The bot's calls, against answers such as the service gives."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import logging
import pickle
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect
from fake import FakeService, failure, start
from google.type.money_pb2 import Money

from lekalo_client import AsyncClient, BodyTypeRequired, InvalidArgument, NotFound, Retry, v1
from lekalo_client.bot import AsyncBot, Bot, Car, Lead, Mismatch, Price, Search, body_type_name

CAMRY = v1.VehicleCandidate(
    brand="toyota", brand_name="Toyota", model="camry", model_name="Camry", generation="XV70", year=2018, score=0.98
)
PATTERN = v1.Pattern(
    id="23",
    brand="toyota",
    model="camry",
    generation="XV70",
    year_from=2018,
    year_to=2021,
    body_type="sedan",
    steering=v1.Steering.STEERING_LEFT,
    borders=v1.Borders.BORDERS_WITH,
    trunk=v1.Trunk.TRUNK_NO,
    notes="гибрид",
)
FOUND = v1.FindPatternsResponse(verdict=v1.Verdict.VERDICT_FOUND, patterns=[PATTERN])


APPLICATION = v1.Application(
    id="0198b5d2-8c1e-7f6a-9d43-5b0c2f7e1a90",
    status=v1.ApplicationStatus.APPLICATION_STATUS_NEW,
    customer=v1.Customer(name="Айбек", phone="+996555123456"),
)
CREATED = v1.CreateApplicationResponse(application=APPLICATION)


@pytest.fixture
def bot(connect: Connect, address: str) -> Any:
    return bot_of(connect(address))


def bot_of(client: Any) -> Any:
    if isinstance(client, AsyncClient):
        return AsyncBot(client, "evopoliki")
    return type(client)(Bot(client.sync, "evopoliki"))


def som(units: int) -> Money:
    return Money(currency_code="KGS", units=units)


def resolved(decision: str, *candidates: v1.VehicleCandidate) -> v1.ResolveVehicleResponse:
    return v1.ResolveVehicleResponse(decision=v1.Decision.Value(f"DECISION_{decision}"), candidates=candidates)


async def test_categories(bot: Any, service: FakeService) -> None:
    service.on(
        "ListCategories", v1.ListCategoriesResponse(categories=[v1.Category(code="eva_mats", display_name="EVA")])
    )
    (category,) = await bot.available_categories()
    assert (category.code, category.name) == ("eva_mats", "EVA")
    await bot.available_categories(language="ky")
    await bot.available_categories()
    assert [call.request.language for call in service.calls] == ["ru", "ky", "ru"]


async def test_brands_come_in_pages(bot: Any, service: FakeService) -> None:
    brand = v1.Brand(slug="audi", name="Audi", display_name="Ауди", model_count=5)
    service.on("ListBrands", v1.ListBrandsResponse(brands=[brand], total_size=17, language="ru"))
    page = await bot.brands("eva_mats", page=3, page_size=8)
    assert (page.number, page.pages, page.total, page.label) == (3, 3, 17, "стр. 3/3")
    assert (page.has_previous, page.has_next, len(page)) == (True, False, 1)
    assert [(brand.slug, brand.name, brand.canonical_name) for brand in page] == [("audi", "Ауди", "Audi")]
    request = service.calls[0].request
    assert (request.skip, request.page_size, request.order_by) == (16, 8, v1.OrderBy.ORDER_BY_NAME)


async def test_an_empty_list_is_one_page(bot: Any, service: FakeService) -> None:
    service.on("ListBrands", v1.ListBrandsResponse(language="en"))
    page = await bot.brands("eva_mats", name_prefix="zz")
    assert (page.pages, page.total, page.has_next, page.label) == (1, 0, False, "page 1/1")


@pytest.mark.parametrize("wrong", [{"page": 0}, {"page_size": 0}, {"page_size": 501}])
async def test_pages_that_cannot_be(bot: Any, wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="pages"):
        await bot.brands("eva_mats", **wrong)


@pytest.mark.parametrize(("method", "where"), [("brands", ()), ("models", ("toyota",))])
async def test_past_the_last_page_comes_the_last(
    bot: Any, service: FakeService, method: str, where: tuple[str, ...]
) -> None:
    service.on("ListBrands", v1.ListBrandsResponse(total_size=17))
    service.on("ListModels", v1.ListModelsResponse(total_size=17))
    page = await getattr(bot, method)("eva_mats", *where, page=99, page_size=8)
    assert (page.number, page.pages, page.has_next) == (3, 3, False)
    assert [call.request.skip for call in service.calls] == [98 * 8, 16]
    await getattr(bot, method)("eva_mats", *where, page=10**9, page_size=8)
    assert service.calls[2].request.skip == 100_000


async def test_models_show_their_years(bot: Any, service: FakeService) -> None:
    years = [(2011, 2021), (2018, 0), (0, 2012), (2015, 2015), (0, 0)]
    models = [v1.Model(brand="toyota", slug="x", year_from=first, year_to=last) for first, last in years]
    service.on("ListModels", v1.ListModelsResponse(models=models, total_size=5, language="ru"))
    page = await bot.models("eva_mats", "toyota", by_popularity=True)
    assert [model.years for model in page] == ["2011–2021", "с 2018", "до 2012", "2015", ""]
    assert service.calls[0].request.order_by == v1.OrderBy.ORDER_BY_POPULARITY


async def test_a_typed_car_is_resolved_and_looked_for(bot: Any, service: FakeService) -> None:
    service.on("ResolveVehicle", resolved("ACCEPT", CAMRY))
    service.on("FindPatterns", FOUND)
    search = await bot.search_patterns("eva_mats", "камри 70 2018", steering="left", body_type="sedan")
    assert search.outcome == "found"
    assert search.car == Car("toyota", "camry", "Toyota Camry XV70 2018", "XV70", 2018)
    assert search.patterns[0].description == "XV70, 2018–2021, седан, левый руль, с бортами, без багажника, гибрид"
    assert search.patterns[0].trunk is False
    assert service.calls[1].request == v1.FindPatternsRequest(
        tenant="evopoliki",
        category="eva_mats",
        brand="toyota",
        model="camry",
        year=2018,
        steering=v1.Steering.STEERING_LEFT,
        generation="XV70",
        body_type="sedan",
        language="ru",
    )


async def test_slugs_are_looked_for_at_once(bot: Any, service: FakeService) -> None:
    service.on("FindPatterns", v1.FindPatternsResponse(verdict=v1.Verdict.VERDICT_NOT_FOUND))
    search = await bot.search_patterns("eva_mats", brand="land-rover", model="range-rover", year=2015)
    assert (search.outcome, search.patterns) == ("not_found", ())
    assert search.car is not None
    assert search.car.title == "Land Rover Range Rover 2015"
    request = service.calls[0].request
    assert (request.year, request.HasField("steering"), request.HasField("generation")) == (2015, False, False)


async def test_names_instead_of_slugs_are_resolved(bot: Any, service: FakeService) -> None:
    service.on("FindPatterns", failure("NOT_FOUND", "BRAND_NOT_FOUND"), FOUND)
    service.on("ResolveVehicle", resolved("ACCEPT", CAMRY))
    assert (await bot.search_patterns("eva_mats", brand="Toyota", model="Camry")).outcome == "found"
    assert [call.method for call in service.calls] == ["FindPatterns", "ResolveVehicle", "FindPatterns"]
    assert service.calls[1].request.text == "Toyota Camry"


async def test_what_a_text_may_come_to(bot: Any, service: FakeService) -> None:
    make = v1.VehicleCandidate(brand="toyota", brand_name="Toyota")
    service.on(
        "ResolveVehicle",
        resolved("CHOOSE", CAMRY, make),
        resolved("ACCEPT", make),
        resolved("CHOOSE", make),
        resolved("NONE"),
        failure("FAILED_PRECONDITION", "CATEGORY_NOT_SOLD"),
        failure("NOT_FOUND", "CATEGORY_NOT_FOUND"),
    )
    choose = await bot.search_patterns("eva_mats", "камри")
    assert choose.outcome == "choose"
    assert [car.title for car in choose.candidates] == ["Toyota Camry XV70 2018", "Toyota"]
    for _ in range(2):
        assert await bot.search_patterns("eva_mats", "тойота") == Search("choose_model", Car("toyota", "", "Toyota"))
    assert await bot.search_patterns("eva_mats", "стол") == Search("unknown_car")
    assert await bot.search_patterns("eva_mats", "камри") == Search("not_sold")
    with pytest.raises(NotFound):
        await bot.search_patterns("no_mats", "камри")


@pytest.mark.parametrize("verdict", ["FOUND", "POSSIBLE", "NOT_FOUND", "NOT_SOLD"])
async def test_verdicts(bot: Any, service: FakeService, verdict: str) -> None:
    service.on("FindPatterns", v1.FindPatternsResponse(verdict=v1.Verdict.Value(f"VERDICT_{verdict}")))
    search = await bot.search_patterns("eva_mats", brand="toyota", model="camry")
    assert search.outcome == verdict.lower()


async def test_nothing_is_no_car(bot: Any, service: FakeService) -> None:
    assert await bot.search_patterns("eva_mats") == Search("unknown_car")
    assert await bot.search_patterns("eva_mats", " \n") == Search("unknown_car")
    assert not service.calls


async def test_a_make_alone_wants_a_model(bot: Any, service: FakeService) -> None:
    service.on("ResolveVehicle", resolved("ACCEPT", v1.VehicleCandidate(brand="toyota", brand_name="Toyota")))
    search = await bot.search_patterns("eva_mats", "  ", brand="toyota")
    assert search == Search("choose_model", Car("toyota", "", "Toyota"))
    assert service.calls[0].request.text == "toyota"


@pytest.mark.parametrize(
    ("language", "reasons"),
    [
        ("ru", ["лекало на 2018–2020, а не на 2015 год", "сторона руля в прайс-листе не указана"]),
        ("ky", ["үлгү башка жылга", "прайс-листте рулдун жагы көрсөтүлгөн эмес"]),
        ("en", ["the pattern is for another year", "the price list does not say for which side of the steering wheel"]),
    ],
)
async def test_what_keeps_a_pattern_from_fitting(
    bot: Any, service: FakeService, language: str, reasons: list[str]
) -> None:
    year = v1.PatternMismatch(field="year", reason="лекало на 2018–2020, а не на 2015 год")
    side = v1.PatternMismatch(field="steering", unknown=True, reason="сторона руля в прайс-листе не указана")
    newer = v1.PatternMismatch(field="colour", reason="другой цвет")
    pattern = v1.Pattern(id="1", mismatches=[year, side, newer])
    service.on("FindPatterns", v1.FindPatternsResponse(verdict=v1.Verdict.VERDICT_POSSIBLE, patterns=[pattern]))
    search = await bot.search_patterns("eva_mats", brand="toyota", model="camry", language=language)
    assert search.patterns[0].mismatches == (
        Mismatch("year", False, reasons[0]),
        Mismatch("steering", True, reasons[1]),
        Mismatch("colour", False, "другой цвет"),
    )


@pytest.mark.parametrize(("year", "sent"), [({}, False), ({"year": 2018}, True)])
async def test_words_that_are_none_are_told_with_those_that_are(
    bot: Any, service: FakeService, year: dict[str, int], sent: bool
) -> None:
    service.on("FindPatterns", FOUND)
    with pytest.raises(InvalidArgument, match="steering is one of left, right, both; not 'up'"):
        await bot.search_patterns("eva_mats", brand="toyota", model="camry", steering="up")
    with pytest.raises(InvalidArgument, match=r"kind is one of order, .*, complaint; not 'foo'"):
        await bot.create_lead(name="Айбек", phone="0555123456", kind="foo")
    with pytest.raises(InvalidArgument, match=r"channel is one of whatsapp, .*, web; not 'unspecified'"):
        await bot.create_lead(name="Айбек", phone="0555123456", channel="unspecified")
    await bot.search_patterns("eva_mats", brand="toyota", model="camry", **year)
    assert [call.request.HasField("year") for call in service.calls] == [sent]


async def test_a_fixed_price(bot: Any, service: FakeService) -> None:
    fixed = v1.PriceKind.PRICE_KIND_FIXED
    line = v1.QuoteLine(option="with_borders", display_name="С бортами", amount=som(400), kind=fixed)
    quote = v1.Quote(
        kind=fixed,
        base=som(2400),
        base_kind=fixed,
        lines=[line],
        total=som(2800),
        currency="KGS",
        prices_visible=True,
    )
    service.on("QuotePrice", v1.QuotePriceResponse(quote=quote, language="ru"))
    options = {"with_borders": True, "third_row": False, "leather": "press"}
    price = await bot.calculate_price("eva_mats", brand="toyota", model="camry", options=options)
    assert price.text == "2\u00a0800\u00a0сом"
    assert (price.total.value, price.base.value, price.lines[0].amount.value) == (
        Decimal(2800),
        Decimal(2400),
        Decimal(400),
    )
    assert (price.lines[0].name, price.lines[0].amount.text) == ("С бортами", "400\u00a0сом")
    assert list(service.calls[0].request.selections) == [
        v1.Selection(option="with_borders"),
        v1.Selection(option="leather", value="press"),
    ]


OPTION_CASES: list[tuple[Any, list[str]]] = [
    (True, [""]),
    ("true", [""]),
    ("Да", [""]),
    ("yes", [""]),
    ("ооба", [""]),
    ("нет", []),
    ("жок", []),
    ("no", []),
    (" True", [""]),
    ("press", ["press"]),
    (False, []),
    (None, []),
    ("false", []),
    ("", []),
]


@pytest.mark.parametrize(("given", "sent"), OPTION_CASES)
async def test_what_is_not_chosen_is_not_charged(bot: Any, service: FakeService, given: Any, sent: list[str]) -> None:
    service.on("QuotePrice", v1.QuotePriceResponse(quote=v1.Quote(prices_visible=True)))
    service.on("CreateApplication", CREATED)
    await bot.calculate_price("5d_mats", options={"trunk": given})
    await bot.create_lead(name="Айбек", phone="0555123456", options={"trunk": given})
    for selections in (service.calls[0].request.selections, service.calls[1].request.application.selections):
        assert [(one.option, one.value) for one in selections] == [("trunk", value) for value in sent]


@pytest.mark.parametrize("given", [1, 0, 1.0, ["press"], b"press"])
async def test_options_are_words_or_yes_and_no(bot: Any, service: FakeService, given: Any) -> None:
    with pytest.raises(InvalidArgument, match="option 'trunk' takes True, False or a value's code"):
        await bot.calculate_price("5d_mats", options={"trunk": given})
    assert not service.calls


async def test_a_price_of_another_time(bot: Any, service: FakeService) -> None:
    service.on("QuotePrice", v1.QuotePriceResponse(quote=v1.Quote(prices_visible=True)))
    await bot.calculate_price("5d_mats", at_time=datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert service.calls[0].request.at_time.seconds == 1767225600


@pytest.mark.parametrize(
    ("language", "kind", "upper", "text"),
    [
        ("ru", "RANGE", 19000, "4\u00a0000–19\u00a0000\u00a0сом"),
        ("ky", "RANGE", 19000, "4\u00a0000–19\u00a0000\u00a0сом"),
        ("ru", "FROM", None, "от 4\u00a0000\u00a0сом"),
        ("ky", "FROM", None, "кеминде 4\u00a0000\u00a0сом"),
        ("en-US", "FROM", None, "from 4\u00a0000\u00a0som"),
    ],
)
async def test_prices_are_never_more_exact_than_they_are(
    bot: Any, service: FakeService, language: str, kind: str, upper: int | None, text: str
) -> None:
    quote = v1.Quote(
        kind=v1.PriceKind.Value(f"PRICE_KIND_{kind}"), base=som(4000), total=som(4000), prices_visible=True
    )
    if upper is not None:
        quote.total_max.CopyFrom(som(upper))
    service.on("QuotePrice", v1.QuotePriceResponse(quote=quote, language=language))
    price = await bot.calculate_price("seat_covers", language=language)
    assert price.text == text
    assert price.total.upper == (upper and Decimal(upper))


async def test_a_price_that_is_not_shown(bot: Any, service: FakeService) -> None:
    line = v1.QuoteLine(option="trunk", display_name="Багажник", amount=som(777))
    quote = v1.Quote(kind=v1.PriceKind.PRICE_KIND_FIXED, base=som(777), lines=[line], total=som(1554))
    service.on("QuotePrice", v1.QuotePriceResponse(quote=quote))
    service.on("CreateApplication", CREATED)
    price = await bot.calculate_price("5d_mats")
    assert (price.text, price.total, price.base, price.lines[0].amount) == ("", None, None, None)
    assert price.lines[0].name == "Багажник"
    copies = (
        price,
        copy.deepcopy(price),
        pickle.loads(pickle.dumps(price)),  # noqa: S301
        dataclasses.replace(price),
        Price.from_json(price.to_json()),
    )
    for copied in copies:
        assert copied == price
        assert copied.for_lead.total.value == Decimal(1554)
        for dump in (
            repr(copied),
            str(dataclasses.asdict(copied)),
            json.dumps(dataclasses.asdict(copied), default=str),
        ):
            assert "777" not in dump
            assert "1554" not in dump
    await bot.create_lead(name="Айбек", phone="0555123456", price=price)
    assert service.calls[1].request.application.quoted_total.units == 1554


async def test_a_price_that_needs_the_body(bot: Any, service: FakeService) -> None:
    service.on("QuotePrice", failure("FAILED_PRECONDITION", "BODY_TYPE_REQUIRED", body_types="minivan_small"))
    with pytest.raises(BodyTypeRequired) as caught:
        await bot.calculate_price("eva_mats")
    assert [body_type_name(code) for code in caught.value.body_types] == ["Малый минивэн"]


async def test_options(bot: Any, service: FakeService) -> None:
    press = v1.OptionValue(
        code="press", display_name="Пресс", price=som(9000), price_kind=v1.PriceKind.PRICE_KIND_FIXED
    )
    leather = v1.ProductOption(
        code="leather", display_name="Кожа", kind=v1.OptionKind.OPTION_KIND_CHOICE, values=[press]
    )
    heating = v1.ProductOption(code="heating", display_name="Подогрев", kind=v1.OptionKind.OPTION_KIND_ADDON)
    service.on("ListOptions", v1.ListOptionsResponse(options=[leather, heating], language="ru", prices_visible=True))
    first, second = await bot.options("5d_mats", body_type="suv")
    assert (first.kind, first.price, first.values[0].price.text) == ("choice", None, "9\u00a0000\u00a0сом")
    assert (second.kind, second.values, second.price) == ("addon", (), None)


async def test_options_of_a_shop_that_shows_no_prices(bot: Any, service: FakeService) -> None:
    fixed = v1.PriceKind.PRICE_KIND_FIXED
    nappa = v1.OptionValue(code="nappa", display_name="Наппа", price=som(777), price_kind=fixed)
    material = v1.ProductOption(code="material", kind=v1.OptionKind.OPTION_KIND_CHOICE, values=[nappa])
    logo = v1.ProductOption(code="logo", kind=v1.OptionKind.OPTION_KIND_ADDON, price=som(777), price_kind=fixed)
    service.on("ListOptions", v1.ListOptionsResponse(options=[material, logo], language="ru"))
    options = await bot.options("premium_covers")
    assert [one.code for one in options] == ["material", "logo"]
    assert options[0].values[0].name == "Наппа"
    assert "777" not in repr(options) + json.dumps([dataclasses.asdict(one) for one in options])


async def test_a_lead(bot: Any, service: FakeService) -> None:
    service.on("CreateApplication", CREATED)
    lead = await bot.create_lead(
        name="Айбек",
        phone="0555 123 456",
        channel="telegram",
        customer_id="5000000001",
        category="eva_mats",
        brand="toyota",
        model="camry",
        year=2018,
        options={"with_borders": True},
        quoted_total=Decimal("2800.50"),
    )
    assert isinstance(lead, Lead)
    assert (lead.number, lead.status, lead.name, lead.phone) == ("2F7E1A90", "new", "Айбек", "+996555123456")
    assert "2F7E1A90" in repr(lead)
    assert "996555" not in repr(lead)
    assert "Айбек" not in repr(lead)
    sent = service.calls[0].request.application
    assert sent.kind == v1.ApplicationKind.APPLICATION_KIND_ORDER
    assert sent.quoted_total == Money(units=2800, nanos=500_000_000)
    assert (sent.customer.channel, sent.customer.language) == (v1.Channel.CHANNEL_TELEGRAM, "")  # it stays as it was
    await bot.create_lead(name="Айбек", phone="+996555123456", kind="callback", language="ky")
    assert not service.calls[1].request.application.HasField("quoted_total")
    assert service.calls[1].request.application.customer.language == "ky"
    assert [call.left for call in service.calls] == [pytest.approx(15, abs=1)] * 2


async def test_who_complains_need_not_leave_a_phone(bot: Any, service: FakeService) -> None:
    service.on("CreateApplication", CREATED)
    await bot.create_lead(kind="complaint", channel="telegram", customer_id="70", message="Шов разошёлся")
    sent = service.calls[0].request.application
    assert (sent.kind, sent.customer.external_id) == (v1.ApplicationKind.APPLICATION_KIND_COMPLAINT, "70")


@pytest.mark.parametrize(("name", "phone"), [("", "0555123456"), (" ", "0555123456"), ("Айбек", ""), ("", "\t")])
async def test_a_lead_without_a_name_or_a_phone_is_not_sent(
    bot: Any, service: FakeService, name: str, phone: str
) -> None:
    with pytest.raises(InvalidArgument, match="a lead needs the customer's") as caught:
        await bot.create_lead(name=name, phone=phone)
    missing = [key for key, given in (("name", name), ("phone", phone)) if not given.strip()]
    assert [violation.field for violation in caught.value.violations] == [
        f"application.customer.{key}" for key in missing
    ]
    assert caught.value.reason == "FIELD_REQUIRED"
    assert not service.calls


@pytest.mark.parametrize(("kind", "upper"), [("FIXED", None), ("FROM", None), ("RANGE", 19000)])
async def test_a_quote_is_written_down_as_exact_as_it_is(
    bot: Any, service: FakeService, kind: str, upper: int | None
) -> None:
    quote = v1.Quote(kind=v1.PriceKind.Value(f"PRICE_KIND_{kind}"), total=som(4000), prices_visible=True)
    if upper is not None:
        quote.total_max.CopyFrom(som(upper))
    service.on("QuotePrice", v1.QuotePriceResponse(quote=quote))
    service.on("CreateApplication", CREATED)
    price = await bot.calculate_price("seat_covers")
    kept = Price.from_json(price.to_json())
    assert kept == price
    await bot.create_lead(name="Айбек", phone="0555123456", price=kept)
    given = {"quoted_total": Decimal(4000), "quoted_total_max": upper and Decimal(upper), "quoted_kind": kind.lower()}
    await bot.create_lead(name="Айбек", phone="0555123456", **given)
    with pytest.raises(InvalidArgument, match="quoted_total"):
        await bot.create_lead(name="Айбек", phone="0555123456", quoted_kind=kind.lower())
    elsewhere = service.calls[2].request.application
    assert (elsewhere.quoted_kind, elsewhere.quoted_total.units) == (v1.PriceKind.Value(f"PRICE_KIND_{kind}"), 4000)
    assert elsewhere.quoted_total_max.units == (upper or 0)
    sent = service.calls[1].request.application
    assert (sent.quoted_kind, sent.quoted_total) == (v1.PriceKind.Value(f"PRICE_KIND_{kind}"), som(4000))
    assert sent.HasField("quoted_total_max") == (upper is not None)
    assert sent.quoted_total_max.units == (upper or 0)


async def test_a_lead_outlives_a_restart_of_the_service(connect: Connect, service: FakeService) -> None:
    service.on("CreateApplication", failure("UNAVAILABLE", "SHUTTING_DOWN", retry_after=0.1), CREATED)
    service.on("ListCategories", v1.ListCategoriesResponse())
    server, address = start(service, "127.0.0.1:0")
    bot = bot_of(connect(address, retry=Retry()))
    await bot.available_categories()  # connected
    lead = asyncio.ensure_future(bot.create_lead(name="Айбек", phone="0555123456"))
    await asyncio.sleep(0.3)
    server.stop(None).wait()
    await asyncio.sleep(6)
    server, _ = start(service, address)
    back = time.monotonic()
    try:
        assert (await lead).number == "2F7E1A90"
    finally:
        server.stop(None)
    assert time.monotonic() - back < 3
    sent = [call.request for call in service.calls if call.method == "CreateApplication"]
    assert len({request.request_id for request in sent}) == 1


async def test_a_lead_is_looked_up(bot: Any, service: FakeService) -> None:
    done = v1.Application(id="a1", status=v1.ApplicationStatus.APPLICATION_STATUS_COMPLETED)
    service.on("GetApplication", v1.GetApplicationResponse(application=done))
    assert (await bot.lead("a1")).status == "completed"
    assert service.calls[0].request == v1.GetApplicationRequest(tenant="evopoliki", id="a1")


async def test_a_lead_with_a_bad_phone(bot: Any, service: FakeService) -> None:
    service.on("CreateApplication", failure("INVALID_ARGUMENT", "FIELD_INVALID"))
    with pytest.raises(InvalidArgument):
        await bot.create_lead(name="Айбек", phone="12")


async def test_texts(bot: Any, service: FakeService) -> None:
    texts = [
        v1.Text(key="welcome", value="Здравствуйте! Это {shop}"),
        v1.Text(key="cities", value="Бишкек\nОш", list=v1.TextList(items=["Бишкек", "Ош"])),
        v1.Text(key="wants_phone", value="false", flag=False),
        v1.Text(key="wants_year", value="true", flag=True),
    ]
    service.on("BatchGetTexts", v1.BatchGetTextsResponse(texts=texts, missing_keys=["no_such"]))
    assert await bot.texts(["welcome", "cities", "wants_phone", "wants_year", "no_such"]) == {
        "welcome": "Здравствуйте! Это {shop}",
        "cities": ("Бишкек", "Ош"),
        "wants_phone": False,
        "wants_year": True,
    }


@pytest.mark.parametrize(
    ("text", "said", "choices", "is_on"),
    [
        (v1.Text(value="Да, {name}"), "Да, Айбек", ("Да, Айбек",), None),
        (v1.Text(value="{name}\nНет", list=v1.TextList(items=["{name}", "Нет"])), "Айбек\nНет", ("Айбек", "Нет"), None),
        (v1.Text(value="false", flag=False), "false", ("false",), False),
        (v1.Text(value="true", flag=True), "true", ("true",), True),
    ],
)
async def test_kinds_of_texts(
    bot: Any, service: FakeService, text: v1.Text, said: str, choices: tuple[str, ...], is_on: bool | None
) -> None:
    service.on("BatchGetTexts", v1.BatchGetTextsResponse(texts=[text]))
    assert await bot.say("key", name="Айбек") == said
    assert await bot.choices("key", name="Айбек") == choices
    for default in (False, True):
        assert await bot.is_on("key", default=default) is (default if is_on is None else is_on)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name}, на какой номер?", "Айбек, на какой номер?"),
        ("Страница {page} из {pages}", "Страница {page} из {pages}"),
        ("{name} {} } {0} {{name}} {name", "Айбек {} } {0} {Айбек} {name"),
        ("{odd}", "{name}"),
        ("{number}", "7"),
    ],
)
async def test_saying(bot: Any, service: FakeService, text: str, said: str) -> None:
    service.on("BatchGetTexts", v1.BatchGetTextsResponse(texts=[v1.Text(key="ask_phone", value=text)]))
    assert await bot.say("ask_phone", language="ky", name="Айбек", odd="{name}", number=7) == said
    request = service.calls[0].request
    assert (list(request.keys), request.language) == (["ask_phone"], "ky")


async def test_saying_what_has_no_text(bot: Any, service: FakeService, caplog: pytest.LogCaptureFixture) -> None:
    service.on("BatchGetTexts", v1.BatchGetTextsResponse(missing_keys=["no_such"]))
    with caplog.at_level(logging.WARNING, "lekalo_client"):
        assert await bot.say("no_such", name="Айбек") == ""
        assert await bot.choices("no_such", name="Айбек") == ()
        assert await bot.is_on("no_such", default=True) is True
    assert caplog.messages == ["evopoliki has no text 'no_such'"] * 3


async def test_values_of_a_newer_service_are_not_known(bot: Any, service: FakeService) -> None:
    odd = v1.Pattern(id="1", steering=99, borders=99)  # type: ignore[arg-type]
    service.on("FindPatterns", v1.FindPatternsResponse(verdict=99, patterns=[odd]))  # type: ignore[arg-type]
    search = await bot.search_patterns("eva_mats", brand="toyota", model="camry")
    assert (search.outcome, search.patterns[0].steering, search.patterns[0].description) == ("possible", None, "")


async def test_answers_are_frozen_and_become_json(bot: Any, service: FakeService) -> None:
    service.on("FindPatterns", FOUND)
    search = await bot.search_patterns("eva_mats", brand="toyota", model="camry")
    assert "левый руль" in json.dumps(dataclasses.asdict(search), ensure_ascii=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        search.outcome = "not_found"


SEED = Path(__file__).parents[3] / "data" / "seed.toml"


@pytest.mark.skipif(not SEED.exists(), reason="the service's seed is not here")
def test_bodies_are_named_as_the_service_names_them() -> None:
    tomllib = pytest.importorskip("tomllib")
    for body in tomllib.loads(SEED.read_text())["body_types"]:
        names = [body_type_name(body["code"], language) for language in ("ru", "ky", "en")]
        assert names == [body["ru"], body["ky"], body["en"]]


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"for_lead": null}', "1554", "not JSON"])
def test_what_is_no_price_is_told(text: str) -> None:
    with pytest.raises(InvalidArgument, match="not a price that to_json wrote"):
        Price.from_json(text)
