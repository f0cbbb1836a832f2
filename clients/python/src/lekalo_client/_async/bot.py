"""The calls of a bot's tools: the shop's categories, makes, models, patterns, prices, and taking down a lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from .. import v1
from .._arguments import Checked
from .._bot import convert
from .._bot.types import (
    Brand,
    Car,
    Category,
    Channel,
    Lead,
    LeadKind,
    Model,
    Option,
    Page,
    Price,
    PriceKind,
    Search,
    Side,
    TextValue,
    Wanted,
)
from ..channel import LEAD_TIMEOUT
from ..errors import FailedPrecondition, NotFound
from .client import AsyncClient
from .connection import log


class AsyncBot(Checked):
    """One shop's bot. Each method is one call for an AI's tool or a button, and answers with what can be shown.

    `language` (`ru`, `ky` or `en`) is the one to answer in; each method takes another for the customer at hand, and
    none remembers it. Errors are LekaloErrors, as everywhere.
    """

    def __init__(self, client: AsyncClient, tenant: str, *, language: str = "ru") -> None:
        self.client = client
        self.tenant = tenant
        self.language = language

    async def available_categories(self, *, language: str = "") -> tuple[Category, ...]:
        """What the shop sells, in its own order."""
        response = await self.client.list_categories(self.tenant, language=language or self.language)
        return tuple(convert.category(message) for message in response.categories)

    async def brands(
        self,
        category: str,
        *,
        page: int = 1,
        page_size: int = 50,
        name_prefix: str = "",
        by_popularity: bool = False,
        language: str = "",
    ) -> Page[Brand]:
        """The makes that the shop has patterns for in a category: one page of them, counted from 1.

        Past the last page comes the last one.
        """
        while True:
            response = await self.client.list_brands(
                self.tenant,
                category,
                language=language or self.language,
                name_prefix=name_prefix,
                order_by=v1.OrderBy.ORDER_BY_POPULARITY if by_popularity else v1.OrderBy.ORDER_BY_NAME,
                page_size=page_size,
                skip=convert.skip(page, page_size),
            )
            last = convert.last_page(response.total_size, page_size)
            if page <= last:
                break
            page = last
        items = [convert.brand(message) for message in response.brands]
        return convert.page(items, response.total_size, page, page_size, response.language)

    async def models(
        self,
        category: str,
        brand: str,
        *,
        page: int = 1,
        page_size: int = 50,
        by_popularity: bool = False,
        language: str = "",
    ) -> Page[Model]:
        """The models of a make (by its slug) that the shop has patterns for: one page of them, counted from 1.

        Past the last page comes the last one.
        """
        while True:
            response = await self.client.list_models(
                self.tenant,
                category,
                brand,
                language=language or self.language,
                order_by=v1.OrderBy.ORDER_BY_POPULARITY if by_popularity else v1.OrderBy.ORDER_BY_NAME,
                page_size=page_size,
                skip=convert.skip(page, page_size),
            )
            last = convert.last_page(response.total_size, page_size)
            if page <= last:
                break
            page = last
        items = [convert.model(message, response.language) for message in response.models]
        return convert.page(items, response.total_size, page, page_size, response.language)

    async def search_patterns(
        self,
        category: str,
        text: str = "",
        *,
        brand: str = "",
        model: str = "",
        generation: str = "",
        year: int | None = None,
        steering: Side | None = None,
        body_type: str = "",
        language: str = "",
    ) -> Search:
        """Whether the shop has a pattern for a car; `outcome` says what to do next.

        The car is given as a person typed it in `text` ("камри 70"; `brand` may already be known), or as `brand` and
        `model`: their slugs, or names if need be. With nothing of it, the car is unknown.
        """
        wanted = Wanted(generation, year, steering, body_type, language or self.language)
        if text.strip():
            return await self._search_text(category, text, brand, wanted)
        if not (brand and model):
            known = brand or model
            return await self._search_text(category, known, "", wanted) if known.strip() else Search("unknown_car")
        try:
            car = convert.named_car(brand, model, generation, year)
            return await self._find(category, car, wanted)
        except NotFound as error:
            if error.reason not in {"BRAND_NOT_FOUND", "MODEL_NOT_FOUND"}:
                raise
        return await self._search_text(category, f"{brand} {model}", "", wanted)

    async def _search_text(self, category: str, text: str, brand: str, wanted: Wanted) -> Search:
        try:
            response = await self.client.resolve_vehicle(
                text,
                tenant=self.tenant,
                category=category,
                brand=brand,
                year=wanted.year or 0,
                language=wanted.language,
            )
        except FailedPrecondition as error:
            if error.reason != "CATEGORY_NOT_SOLD":
                raise
            return Search("not_sold")
        cars = tuple(convert.candidate(message) for message in response.candidates)
        if len(cars) == 1 and not cars[0].model:
            return Search("choose_model", cars[0])
        if response.decision == v1.Decision.DECISION_CHOOSE:
            return Search("choose", candidates=cars)
        if response.decision == v1.Decision.DECISION_ACCEPT:
            return await self._find(category, cars[0], wanted)
        return Search("unknown_car")

    async def _find(self, category: str, car: Car, wanted: Wanted) -> Search:
        response = await self.client.find_patterns(
            self.tenant,
            category,
            car.brand,
            car.model,
            year=car.year or wanted.year,
            steering=convert.value(v1.Steering, "STEERING_", wanted.steering) if wanted.steering else None,
            generation=car.generation or wanted.generation or None,
            body_type=wanted.body_type or None,
            language=wanted.language,
        )
        patterns = tuple(convert.pattern(message, wanted.language) for message in response.patterns)
        return Search(convert.outcome(response.verdict), car, patterns)

    async def options(self, category: str, *, body_type: str = "", language: str = "") -> tuple[Option, ...]:
        """What can be chosen with a product, in the order to ask for it."""
        response = await self.client.list_options(
            self.tenant, category, body_type=body_type, language=language or self.language
        )
        return tuple(
            convert.option(message, response.language, visible=response.prices_visible) for message in response.options
        )

    async def calculate_price(
        self,
        category: str,
        *,
        brand: str = "",
        model: str = "",
        generation: str = "",
        year: int | None = None,
        body_type: str = "",
        options: Mapping[str, str | bool | None] | None = None,
        at_time: datetime | None = None,
        language: str = "",
    ) -> Price:
        """What a product for a car costs with `options`, e.g. `{"leather": "press", "trunk": True}`, now or `at_time`.

        An option that is False, None or empty is not chosen; yes and no in English, Russian or Kyrgyz, `"true"` and
        `"false"` are True and False.
        Raises BodyTypeRequired where the price depends on a body that is not known (ask which of its `body_types`), and
        PriceNotConfigured where nothing says what this costs (a manager has to).
        """
        response = await self.client.quote_price(
            self.tenant,
            category,
            brand=brand,
            model=model,
            generation=generation,
            year=year or 0,
            body_type=body_type,
            selections=convert.selections(options or {}),
            at_time=at_time,
            language=language or self.language,
        )
        return convert.price(response.quote, response.language)

    async def create_lead(
        self,
        *,
        name: str = "",
        phone: str = "",
        channel: Channel = "web",
        customer_id: str = "",
        username: str = "",
        kind: LeadKind = "order",
        category: str = "",
        brand: str = "",
        model: str = "",
        generation: str = "",
        year: int | None = None,
        vehicle_text: str = "",
        options: Mapping[str, str | bool | None] | None = None,
        price: Price | None = None,
        quoted_total: Decimal | None = None,
        quoted_total_max: Decimal | None = None,
        quoted_kind: PriceKind | None = None,
        message: str = "",
        language: str = "",
        request_id: str = "",
        timeout: float | None = LEAD_TIMEOUT,
    ) -> Lead:
        """Takes down what a customer asks for.

        `customer_id` is the customer's id on the channel, which every channel but the web has. `price` is the answer of
        calculate_price that the lead goes by; `quoted_total` is a total from elsewhere: the price, the least
        or, with `quoted_total_max`, the lower end, as `quoted_kind` says. `language` is the one to speak
        to this customer in from now on; left out, it stays as it was.
        Retries do not double the lead; where the bot itself may be restarted in between, give each lead its own
        `request_id` (a UUID).
        A complaint needs a phone or, on any channel, the `customer_id`, and no name.
        Raises InvalidArgument with `violations` where something is not right, e.g. a phone number, or missing.
        """
        if kind != "complaint":
            convert.require(name=name, phone=phone)
        application = v1.Application(
            kind=convert.value(v1.ApplicationKind, "APPLICATION_KIND_", kind),
            customer=v1.Customer(
                channel=convert.value(v1.Channel, "CHANNEL_", channel),
                external_id=customer_id,
                name=name,
                phone=phone,
                username=username,
                language=language,
            ),
            category=category,
            brand=brand,
            model=model,
            generation=generation,
            year=year or 0,
            vehicle_text=vehicle_text,
            selections=convert.selections(options or {}),
            message=message,
        )
        if quoted_total is None and (quoted_total_max is not None or quoted_kind is not None):
            raise ValueError("quoted_total_max and quoted_kind say more of quoted_total, which is not given")
        if quoted_total is not None:
            convert.quote_to(application, quoted_total, quoted_total_max, quoted_kind)
        elif price:
            total = price.for_lead.total
            convert.quote_to(application, total.value, total.upper, total.kind, total.currency)
        return convert.lead(
            await self.client.create_application(self.tenant, application, request_id=request_id, timeout=timeout)
        )

    async def lead(self, id: str) -> Lead:
        """A lead as it is now, e.g. for its `status`."""
        return convert.lead(await self.client.get_application(self.tenant, id))

    async def texts(self, keys: Iterable[str], *, language: str = "") -> dict[str, TextValue]:
        """What the bot says, by key, with placeholders such as `{name}`; a key without a text is left out.

        A phrase is a str, a list a tuple of them, and a switch a bool.
        """
        response = await self.client.batch_get_texts(self.tenant, keys, language=language or self.language)
        return {text.key: convert.text_value(text) for text in response.texts}

    async def say(self, key: str, /, *, language: str = "", **values: object) -> str:
        """One of the texts, with its placeholders filled in: `say("ask_phone", name="Айбек")`.

        A placeholder without a value stays as it is. A key without a text is a warning in the log, and an empty text:
        a bot does not break off for it. A list is said item by item, one a line; of a switch it is `true` or `false`.
        """
        text = await self._text(key, language)
        return convert.fill(text.value, values) if text else ""

    async def choices(self, key: str, /, *, language: str = "", **values: object) -> tuple[str, ...]:
        """The items of a list, buttons say, with their placeholders filled in; of a phrase it is that alone.

        A key without a text is a warning in the log, and no items.
        """
        text = await self._text(key, language)
        if text is None:
            return ()
        return tuple(convert.fill(item, values) for item in (text.list.items or [text.value]))

    async def is_on(self, key: str, *, default: bool = False, language: str = "") -> bool:
        """What a switch says: `is_on("wants_phone")`; where there is no such switch, it is `default`.

        A key without a text is a warning in the log, too.
        """
        text = await self._text(key, language)
        return text.flag if text and text.HasField("flag") else default

    async def _text(self, key: str, language: str) -> v1.Text | None:
        response = await self.client.batch_get_texts(self.tenant, [key], language=language or self.language)
        if not response.texts:
            log.warning("%s has no text %r", self.tenant, key)
            return None
        return response.texts[0]
