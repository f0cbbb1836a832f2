#!/usr/bin/env python3
"""A whole order on the terminal: category, car, pattern, options, price, name, phone, application number.

    lekalo demo                                       # in another terminal
    python examples/bot.py                            # talk to it
    python examples/bot.py < examples/bot_script.txt  # or let a script talk

A number presses a button, ‹ and › (or < and >) turn pages, anything else is text, e.g. a car: `камри 70`.
What the bot says comes from the service, but for the words in OWN_WORDS.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from lekalo_client import BodyTypeRequired, Client, InvalidArgument, LekaloError, PriceNotConfigured, v1
from lekalo_client.bot import Amount, Bot, Brand, Car, Category, Model, Page, Price, Search, Side, body_type_name

ItemT = TypeVar("ItemT")
Options = dict[str, str | bool]

PER_PAGE = 8
TEXTS = [
    "welcome",
    "ask_category",
    "ask_brand",
    "ask_model",
    "ask_year",
    "ask_steering",
    "did_you_mean",
    "vehicle_not_found",
    "pattern_found",
    "pattern_possible",
    "pattern_not_found",
    "offer_individual_measure",
    "ask_options",
    "quote_summary",
    "price_on_request",
    "ask_name",
    "ask_phone",
    "application_created",
    "error_try_later",
]
OWN_WORDS = {
    "ru": {
        "yes": "Да",
        "no": "Нет",
        "left": "Слева",
        "right": "Справа",
        "none": "Больше ничего",
        "body": "Какой кузов?",
        "phone": "Номер не распознан.",
        "ask": "уточните у менеджера",
    },
    "ky": {
        "yes": "Ооба",
        "no": "Жок",
        "left": "Сол жакта",
        "right": "Оң жакта",
        "none": "Башка эч нерсе",
        "body": "Кузову кандай?",
        "phone": "Номер түшүнүксүз.",
        "ask": "менеджерден сураңыз",
    },
    "en": {
        "yes": "Yes",
        "no": "No",
        "left": "On the left",
        "right": "On the right",
        "none": "Nothing else",
        "body": "Which body?",
        "phone": "That is no phone number.",
        "ask": "ask a manager",
    },
}


def say(text: str) -> None:
    """Says something to the customer."""
    print(f"\n{text}", flush=True)


def hear() -> str:
    """What the customer says. A script's lines are shown, its comments passed over."""
    if sys.stdin.isatty():
        return input("> ").strip()
    while not (line := input().strip()) or line.startswith("#"):
        pass
    print(f"> {line}")
    return line


def press(text: str, buttons: Sequence[str]) -> int:
    """Asks until one of the buttons is pressed."""
    say(text)
    show(buttons)
    while not (pressed := number(hear(), len(buttons))):
        show(buttons)
    return pressed - 1


def show(buttons: Sequence[str]) -> None:
    """Shows numbered buttons."""
    for place, button in enumerate(buttons, 1):
        print(f"  [{place}] {button}")


def number(text: str, most: int) -> int:
    """The number of a button, or 0 for anything else."""
    return int(text) if text in map(str, range(1, most + 1)) else 0


def turn(load: Callable[[int], Page[ItemT]], text: str, button: Callable[[ItemT], str]) -> ItemT | str:
    """Shows a list page by page until an item is chosen, or something is typed instead."""
    page = load(1)
    while True:
        say(text.format(page=page.number, pages=page.pages))
        show([button(item) for item in page])
        print(f"  {'‹' if page.has_previous else ' '} {page.label} {'›' if page.has_next else ' '}")
        heard = hear()
        if heard in {"‹", "<"} and page.has_previous:
            page = load(page.number - 1)
        elif heard in {"›", ">"} and page.has_next:
            page = load(page.number + 1)
        elif pressed := number(heard, len(page)):
            return page.items[pressed - 1]
        elif heard not in {"‹", "›", "<", ">"}:
            return heard


class Conversation:
    """One customer's order with one shop."""

    def __init__(self, client: Client, tenant: str, language: str) -> None:
        self.bot = Bot(client, tenant, language=language)
        self.shop = client.get_tenant(tenant)
        self.texts = self.bot.texts(TEXTS)
        self.words = OWN_WORDS[language]
        self.body_type = ""  # as the customer says it, where the price depends on it and the car does not tell
        addresses = [
            contact.value for contact in self.shop.contacts if contact.kind == v1.ContactKind.CONTACT_KIND_ADDRESS
        ]
        self.address = addresses[0] if addresses else self.words["ask"]

    def text(self, key: str, **values: str) -> str:
        """One of the service's texts, with its placeholders filled in."""
        return self.texts[key].format(**values)

    def order(self) -> None:
        """From the greeting to the application's number."""
        say(self.text("welcome", shop=self.shop.display_name))
        categories = self.bot.available_categories()
        category = categories[press(self.text("ask_category"), [category.name for category in categories])]
        search = self.find(category)
        car = search.car
        if car is None:
            return
        if search.outcome == "not_found":
            say(self.text("pattern_not_found", vehicle=car.title))
            if self.agrees(self.text("offer_individual_measure", address=self.address)):
                self.apply("individual_measure", category, car, {}, None)
            return
        if search.outcome == "possible":
            nearest = ", ".join([car.title, *(pattern.description for pattern in search.patterns[:1])])
            say(self.text("pattern_possible", vehicle=car.title, pattern=nearest))
        else:
            say(self.text("pattern_found", vehicle=car.title))
        plain = self.quote(category, car, {})
        options = self.choose_options(category, car, plain.body_type if plain else "")
        price = self.quote(category, car, options)
        if self.agrees(self.summary(category, car, price)):
            self.apply("order", category, car, options, price)

    def find(self, category: Category) -> Search:
        """The patterns of the customer's car, pressed or typed."""
        text = self.texts["ask_brand"].replace("{category}", category.name)
        while True:
            made = turn(lambda page: self.bot.brands(category.code, page=page, page_size=PER_PAGE), text, brand_button)
            if isinstance(made, Brand):
                search = self.find_model(category, made.slug, made.canonical_name)
            else:
                search = self.settle(category, self.bot.search_patterns(category.code, made), made)
            if search.car:
                return self.narrow(category, search, search.car)

    def find_model(self, category: Category, brand: str, name: str) -> Search:
        """The patterns of a model of a make that is already clear."""
        text = self.texts["ask_model"].replace("{brand}", name)
        model = turn(
            lambda page: self.bot.models(category.code, brand, page=page, page_size=PER_PAGE), text, model_button
        )
        if isinstance(model, str):
            return self.settle(category, self.bot.search_patterns(category.code, model, brand=brand), model)
        return self.look(category, Car(brand, model.slug, f"{name} {model.canonical_name}"))

    def settle(self, category: Category, search: Search, query: str) -> Search:
        """Asks on until it is clear which car a text means; a search without a car is one that came to nothing."""
        if search.outcome == "choose":
            titles = [*(car.title for car in search.candidates), self.words["no"]]
            pressed = press(self.text("did_you_mean", vehicle=titles[0]), titles)
            if pressed == len(search.candidates):
                return Search("unknown_car")
            car = search.candidates[pressed]
            return self.look(category, car) if car.model else self.find_model(category, car.brand, car.title)
        if search.outcome == "choose_model" and search.car:
            return self.find_model(category, search.car.brand, search.car.title)
        if search.car is None:
            say(self.text("vehicle_not_found", query=query))
        return search

    def narrow(self, category: Category, search: Search, car: Car) -> Search:
        """Asks for the year where only the model is clear, and for the steering where there are patterns for either."""
        if search.outcome in {"found", "possible"} and not car.year and not car.generation:
            say(self.text("ask_year", vehicle=car.title))
            if years := re.findall(r"\b(?:19|20)\d\d\b", hear()):
                car = replace(car, year=int(years[0]), title=f"{car.title} {years[0]}")
                search = self.look(category, car)
        if search.outcome == "found" and {"left", "right"} <= {pattern.steering for pattern in search.patterns}:
            sides = [self.words["left"], self.words["right"]]
            side = press(self.text("ask_steering", vehicle=car.title), sides)
            search = self.look(category, car, "right" if side else "left")
        return search

    def look(self, category: Category, car: Car, steering: Side | None = None) -> Search:
        """The patterns of a car that is clear."""
        search = self.bot.search_patterns(
            category.code,
            brand=car.brand,
            model=car.model,
            generation=car.generation,
            year=car.year,
            steering=steering,
        )
        return replace(search, car=car)

    def choose_options(self, category: Category, car: Car, body_type: str) -> Options:
        """What the customer wants with it: first what has several values, then what can be had or not."""
        options = self.bot.options(category.code, body_type=body_type)
        chosen: Options = {}
        for option in options:
            if option.values:
                buttons = [self.priced(value.name, value.price) for value in option.values]
                chosen[option.code] = option.values[press(f"{option.name}:", buttons)].code
        extras = [option for option in options if not option.values]
        while extras:
            buttons = [self.priced(option.name, option.price, sign="+") for option in extras]
            text = self.text("ask_options", category=category.name, vehicle=car.title)
            pressed = press(text, [*buttons, self.words["none"]])
            if pressed == len(extras):
                break
            chosen[extras.pop(pressed).code] = True
        return chosen

    def priced(self, name: str, price: Amount | None, sign: str = "") -> str:
        """A button with its price, if the shop shows prices."""
        return f"{name}: {sign}{price.text}" if price and self.shop.prices_visible else name

    def quote(self, category: Category, car: Car, options: Options) -> Price | None:
        """The price, or None where a manager has to say it."""
        while True:
            try:
                return self.bot.calculate_price(
                    category.code,
                    brand=car.brand,
                    model=car.model,
                    generation=car.generation,
                    year=car.year,
                    body_type=self.body_type,
                    options=options,
                )
            except BodyTypeRequired as error:
                names = [body_type_name(code, self.bot.language) for code in error.body_types]
                self.body_type = error.body_types[press(self.words["body"], names)]
            except PriceNotConfigured:
                return None

    def summary(self, category: Category, car: Car, price: Price | None) -> str:
        """The order and what it costs, as far as the customer may know it."""
        if price is None or not price.visible:
            return self.text("price_on_request", category=category.name, vehicle=car.title)
        lines = [(category.name, price.base), *((line.name, line.amount) for line in price.lines)]
        return self.text(
            "quote_summary",
            category=category.name,
            vehicle=car.title,
            options="\n".join([*(f"• {name}: {amount.text}" for name, amount in lines), *price.assumptions]),
            total=price.total.figures,
            currency=price.total.unit,
        )

    def agrees(self, text: str) -> bool:
        """Asks a question that is answered by yes or no."""
        return press(text, [self.words["yes"], self.words["no"]]) == 0

    def apply(self, kind: str, category: Category, car: Car, options: Options, price: Price | None) -> None:
        """Takes down the application."""
        say(self.text("ask_name"))
        name = hear()
        while True:
            say(self.text("ask_phone", name=name))
            try:
                lead = self.bot.create_lead(
                    name=name,
                    phone=hear(),
                    channel="web",
                    kind="order" if kind == "order" else "individual_measure",
                    category=category.code,
                    brand=car.brand,
                    model=car.model,
                    generation=car.generation,
                    year=car.year,
                    vehicle_text=car.title,
                    options=options,
                    quoted_total=price.total.value if price and price.visible else None,
                )
            except InvalidArgument as error:
                if not any(violation.field.endswith("phone") for violation in error.violations):
                    raise
                say(self.words["phone"])
            else:
                return say(self.text("application_created", name=name, number=lead.number, phone=lead.phone))


def brand_button(brand: Brand) -> str:
    """A make, and how many models there are."""
    return f"{brand.name} ({brand.models})"


def model_button(model: Model) -> str:
    """A model, and its years."""
    return f"{model.name} ({model.years})" if model.years else model.name


def main() -> int:
    """Holds the conversation."""
    parser = argparse.ArgumentParser(description="Orders at a shop, on the terminal.")
    parser.add_argument("--address", default=os.environ.get("LEKALO_ADDR", "127.0.0.1:50051"), help="HOST:PORT")
    parser.add_argument("--tenant", default="evopoliki", help="the shop's slug")
    parser.add_argument("--language", default="ru", choices=sorted(OWN_WORDS))
    arguments = parser.parse_args()
    with Client(arguments.address, api_key=os.environ.get("LEKALO_API_KEY")) as client:
        try:
            conversation = Conversation(client, arguments.tenant, arguments.language)
        except LekaloError as error:
            print(error, file=sys.stderr)
            return 1
        try:
            conversation.order()
        except LekaloError as error:
            print(error, file=sys.stderr)
            say(conversation.text("error_try_later"))
            return 1
        except (EOFError, KeyboardInterrupt):
            print()
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
