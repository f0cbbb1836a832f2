"""The bot's calls, against answers such as the service gives."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect
from fake import FakeService, failure
from google.type.money_pb2 import Money

from lekalo_client import AsyncClient, BodyTypeRequired, InvalidArgument, NotFound, v1
from lekalo_client.bot import AsyncBot, Bot, Car, Lead, Search, body_type_name

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


@pytest.fixture
def bot(connect: Connect, address: str) -> Any:
    client = connect(address)
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
    with pytest.raises(ValueError, match="pages"):
        await bot.brands("eva_mats", **wrong)


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


async def test_a_search_wants_a_car(bot: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        await bot.search_patterns("eva_mats", brand="toyota")


async def test_a_fixed_price(bot: Any, service: FakeService) -> None:
    line = v1.QuoteLine(option="with_borders", display_name="С бортами", amount=som(400))
    quote = v1.Quote(
        kind=v1.PriceKind.PRICE_KIND_FIXED,
        base=som(2400),
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
    quote = v1.Quote(kind=v1.PriceKind.PRICE_KIND_FIXED, base=som(9000), total=som(9000), prices_visible=False)
    service.on("QuotePrice", v1.QuotePriceResponse(quote=quote))
    assert (await bot.calculate_price("5d_mats")).text == ""


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
    service.on("ListOptions", v1.ListOptionsResponse(options=[leather, heating], language="ru"))
    first, second = await bot.options("5d_mats", body_type="suv")
    assert (first.kind, first.price, first.values[0].price.text) == ("choice", None, "9\u00a0000\u00a0сом")
    assert (second.kind, second.values, second.price) == ("addon", (), None)


async def test_a_lead(bot: Any, service: FakeService) -> None:
    application = v1.Application(
        id="0198b5d2-8c1e-7f6a-9d43-5b0c2f7e1a90",
        status=v1.ApplicationStatus.APPLICATION_STATUS_NEW,
        customer=v1.Customer(phone="+996555123456"),
    )
    service.on("CreateApplication", v1.CreateApplicationResponse(application=application))
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
    assert (lead.number, lead.status, lead.phone) == ("2F7E1A90", "new", "+996555123456")
    sent = service.calls[0].request.application
    assert sent.kind == v1.ApplicationKind.APPLICATION_KIND_ORDER
    assert sent.quoted_total == Money(units=2800, nanos=500_000_000)
    assert (sent.customer.channel, sent.customer.language) == (v1.Channel.CHANNEL_TELEGRAM, "ru")
    await bot.create_lead(name="Айбек", phone="+996555123456", kind="callback", language="ky")
    assert not service.calls[1].request.application.HasField("quoted_total")


async def test_a_lead_with_a_bad_phone(bot: Any, service: FakeService) -> None:
    service.on("CreateApplication", failure("INVALID_ARGUMENT", "FIELD_INVALID"))
    with pytest.raises(InvalidArgument):
        await bot.create_lead(name="Айбек", phone="12")


async def test_texts(bot: Any, service: FakeService) -> None:
    text = v1.Text(key="welcome", value="Здравствуйте! Это {shop}")
    service.on("BatchGetTexts", v1.BatchGetTextsResponse(texts=[text], missing_keys=["no_such"]))
    assert await bot.texts(["welcome", "no_such"]) == {"welcome": "Здравствуйте! Это {shop}"}


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
