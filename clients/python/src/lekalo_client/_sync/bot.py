"""The calls of a bot's tools: the shop's categories, makes, models, patterns, prices, and taking down a lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from .. import v1
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
    Search,
    Side,
    Wanted,
)
from ..errors import FailedPrecondition, NotFound
from ..values import to_money
from .client import Client


class Bot:
    """One shop's bot. Each method is one call for an AI's tool or a button, and answers with what can be shown.

    `language` (`ru`, `ky` or `en`) is the one to answer in; each method takes another for the customer at hand, and
    none remembers it. Errors are LekaloErrors, as everywhere.
    """

    def __init__(self, client: Client, tenant: str, *, language: str = "ru") -> None:
        self.client = client
        self.tenant = tenant
        self.language = language

    def available_categories(self, *, language: str = "") -> tuple[Category, ...]:
        """What the shop sells, in its own order."""
        response = self.client.list_categories(self.tenant, language=language or self.language)
        return tuple(convert.category(message) for message in response.categories)

    def brands(
        self,
        category: str,
        *,
        page: int = 1,
        page_size: int = 50,
        name_prefix: str = "",
        by_popularity: bool = False,
        language: str = "",
    ) -> Page[Brand]:
        """The makes that the shop has patterns for in a category: one page of them, counted from 1."""
        response = self.client.list_brands(
            self.tenant,
            category,
            language=language or self.language,
            name_prefix=name_prefix,
            order_by=v1.OrderBy.ORDER_BY_POPULARITY if by_popularity else v1.OrderBy.ORDER_BY_NAME,
            page_size=page_size,
            skip=convert.skip(page, page_size),
        )
        items = [convert.brand(message) for message in response.brands]
        return convert.page(items, response.total_size, page, page_size, response.language)

    def models(
        self,
        category: str,
        brand: str,
        *,
        page: int = 1,
        page_size: int = 50,
        by_popularity: bool = False,
        language: str = "",
    ) -> Page[Model]:
        """The models of a make (by its slug) that the shop has patterns for: one page of them, counted from 1."""
        response = self.client.list_models(
            self.tenant,
            category,
            brand,
            language=language or self.language,
            order_by=v1.OrderBy.ORDER_BY_POPULARITY if by_popularity else v1.OrderBy.ORDER_BY_NAME,
            page_size=page_size,
            skip=convert.skip(page, page_size),
        )
        items = [convert.model(message, response.language) for message in response.models]
        return convert.page(items, response.total_size, page, page_size, response.language)

    def search_patterns(
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
        `model`: their slugs, or names if need be.
        """
        if not text and not (brand and model):
            raise ValueError("a search takes a text, or a brand and a model")
        wanted = Wanted(generation, year, steering, body_type, language or self.language)
        if text:
            return self._search_text(category, text, brand, wanted)
        try:
            car = convert.named_car(brand, model, generation, year)
            return self._find(category, car, wanted)
        except NotFound as error:
            if error.reason not in {"BRAND_NOT_FOUND", "MODEL_NOT_FOUND"}:
                raise
        return self._search_text(category, f"{brand} {model}", "", wanted)

    def _search_text(self, category: str, text: str, brand: str, wanted: Wanted) -> Search:
        try:
            response = self.client.resolve_vehicle(
                text, tenant=self.tenant, category=category, brand=brand, year=wanted.year or 0
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
            return self._find(category, cars[0], wanted)
        return Search("unknown_car")

    def _find(self, category: str, car: Car, wanted: Wanted) -> Search:
        response = self.client.find_patterns(
            self.tenant,
            category,
            car.brand,
            car.model,
            year=car.year or wanted.year,
            steering=convert.value(v1.Steering, "STEERING_", wanted.steering) if wanted.steering else None,
            generation=car.generation or wanted.generation or None,
            body_type=wanted.body_type or None,
        )
        patterns = tuple(convert.pattern(message, wanted.language) for message in response.patterns)
        return Search(convert.outcome(response.verdict), car, patterns)

    def options(self, category: str, *, body_type: str = "", language: str = "") -> tuple[Option, ...]:
        """What can be chosen with a product, in the order to ask for it."""
        response = self.client.list_options(
            self.tenant, category, body_type=body_type, language=language or self.language
        )
        return tuple(convert.option(message, response.language) for message in response.options)

    def calculate_price(
        self,
        category: str,
        *,
        brand: str = "",
        model: str = "",
        generation: str = "",
        year: int | None = None,
        body_type: str = "",
        options: Mapping[str, str | bool] | None = None,
        language: str = "",
    ) -> Price:
        """What a product for a car costs with `options`, e.g. `{"leather": "press", "trunk": True}`.

        Raises BodyTypeRequired where the price depends on a body that is not known (ask which of its `body_types`), and
        PriceNotConfigured where nothing says what this costs (a manager has to).
        """
        response = self.client.quote_price(
            self.tenant,
            category,
            brand=brand,
            model=model,
            generation=generation,
            year=year or 0,
            body_type=body_type,
            selections=convert.selections(options or {}),
            language=language or self.language,
        )
        return convert.price(response.quote, response.language)

    def create_lead(
        self,
        *,
        name: str,
        phone: str,
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
        options: Mapping[str, str | bool] | None = None,
        quoted_total: Decimal | None = None,
        message: str = "",
        language: str = "",
        request_id: str = "",
    ) -> Lead:
        """Takes down what a customer asks for.

        `customer_id` is the customer's id on the channel, which every channel but the web has. Retries do not double
        the lead; where the bot itself may be restarted in between, give each lead its own `request_id` (a UUID).
        Raises InvalidArgument with `violations` where something is not right, e.g. the phone number.
        """
        application = v1.Application(
            kind=convert.value(v1.ApplicationKind, "APPLICATION_KIND_", kind),
            customer=v1.Customer(
                channel=convert.value(v1.Channel, "CHANNEL_", channel),
                external_id=customer_id,
                name=name,
                phone=phone,
                username=username,
                language=language or self.language,
            ),
            category=category,
            brand=brand,
            model=model,
            generation=generation,
            year=year or 0,
            vehicle_text=vehicle_text,
            selections=convert.selections(options or {}),
            quoted_total=None if quoted_total is None else to_money(quoted_total),
            message=message,
        )
        return convert.lead(self.client.create_application(self.tenant, application, request_id=request_id))

    def texts(self, keys: Iterable[str], *, language: str = "") -> dict[str, str]:
        """What the bot says, by key, with placeholders such as `{name}`; a key without a text is left out."""
        response = self.client.batch_get_texts(self.tenant, keys, language=language or self.language)
        return {text.key: text.value for text in response.texts}
