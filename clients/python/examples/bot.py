#!/usr/bin/env python3
"""A shop's whole bot on the terminal: orders, measuring, call-backs, contacts.

    lekalo demo                                               # in another terminal
    python examples/bot.py                                    # talk to it
    python examples/bot.py < examples/order.evopoliki.ru.txt  # or let a script talk

A number presses a button, 0 leads back, ‹ and › (or < and >) turn pages, anything else is text, e.g. a car: `камри 70`.
What the bot says comes from the service, but for the words in words.py.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import suppress
from dataclasses import replace

from terminal import Back, Terminal
from words import OWN_WORDS

from lekalo_client import BodyTypeRequired, Client, InvalidArgument, LekaloError, PriceNotConfigured, v1
from lekalo_client.bot import (
    Amount,
    Bot,
    Brand,
    Car,
    Category,
    LeadKind,
    Model,
    Pattern,
    Price,
    Search,
    Side,
    body_type_name,
)

Options = dict[str, str | bool | None]

PER_PAGE = 8
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")  # in `2018г` too, where a letter follows


class Conversation:
    """One customer's talk with one shop."""

    def __init__(self, client: Client, tenant: str, language: str) -> None:
        self.bot = Bot(client, tenant, language=language)
        self.shop = client.get_tenant(tenant)
        self.apology = self.bot.say("error_try_later")  # at hand when the service is not
        self.terminal = Terminal(self.bot.say("back"))
        self.words = OWN_WORDS[language]
        self.body_type: str | None = ""  # as the customer says it, where the price depends on it; None is none of them

    def talk(self) -> None:
        """From the greeting until there is nothing more to hear."""
        self.terminal.say(self.bot.say("welcome", shop=self.shop.display_name))
        actions = {"order": self.order, "callback": self.call_back, "contacts": self.tell_contacts}
        buttons = [self.words[name] for name in actions]
        while True:
            with suppress(Back):
                try:
                    pressed = self.terminal.press(self.bot.say("main_menu"), buttons, back=False)
                except EOFError:  # at the menu nothing is left half done
                    return print()
                list(actions.values())[pressed]()

    def call_back(self) -> None:
        """Takes down who wants to be called."""
        self.apply("callback")

    def tell_contacts(self) -> None:
        """Says where the shop is."""
        address = self.contact(v1.ContactKind.CONTACT_KIND_ADDRESS)
        phone = self.contact(v1.ContactKind.CONTACT_KIND_PHONE)
        self.terminal.say(self.bot.say("contacts", shop=self.shop.display_name, address=address, phone=phone))

    def contact(self, kind: v1.ContactKind.ValueType) -> str:
        """The shop's first contact of a kind."""
        return next((one.value for one in self.shop.contacts if one.kind == kind), self.words["ask"])

    def order(self) -> None:
        """From the category to the application's number."""
        self.body_type = ""
        categories = self.bot.available_categories()
        names = [category.name for category in categories]
        category = categories[self.terminal.press(self.bot.say("ask_category"), names)]
        search, car = self.find(category)
        if search.outcome in {"not_found", "not_sold"}:
            return self.measure(category, car)
        if search.outcome == "possible" and search.patterns:
            self.explain(car, search.patterns[0])
        else:
            self.terminal.say(self.bot.say("pattern_found", vehicle=car.title))
        plain = self.quote(category, car, {})
        options = self.choose_options(category, car, plain)
        price = self.quote(category, car, options)
        if self.agrees(self.summary(category, car, price)):
            return self.apply("order", category, car, options, price)
        return self.terminal.say(self.words["declined"])

    def measure(self, category: Category, car: Car) -> None:
        """Offers to measure a car that there is no pattern for."""
        self.terminal.say(self.bot.say("pattern_not_found", vehicle=car.title))
        address = self.contact(v1.ContactKind.CONTACT_KIND_ADDRESS)
        if self.agrees(self.bot.say("offer_individual_measure", address=address)):
            return self.apply("individual_measure", category, car)
        return self.terminal.say(self.words["declined"])

    def explain(self, car: Car, pattern: Pattern) -> None:
        """Says which pattern may fit, and why it only may."""
        nearest = f"{car.title}, {pattern.description}"
        self.terminal.say(self.bot.say("pattern_possible", vehicle=car.title, pattern=nearest))
        if reasons := "; ".join(mismatch.reason for mismatch in pattern.mismatches):
            self.terminal.say(f"{reasons[0].upper()}{reasons[1:]} — {self.words['master']}.")

    def find(self, category: Category) -> tuple[Search, Car]:
        """The patterns of the customer's car, pressed or typed, and what is known of the car."""
        while True:
            make = self.terminal.turn(
                lambda page: self.bot.brands(category.code, page=page, page_size=PER_PAGE),
                self.bot.say("ask_brand", category=category.name),
                brand_button,
                self.words["empty"].format(name=category.name),
            )
            try:
                if isinstance(make, Brand):
                    search = self.find_model(category, make.slug, make.canonical_name)
                else:
                    search = self.find_typed(category, make)
                if search and search.car:
                    return self.narrow(category, search, search.car)
            except Back:
                continue

    def find_model(self, category: Category, brand: str, name: str) -> Search | None:
        """The patterns of a model of a make that is already clear."""
        model = self.terminal.turn(
            lambda page: self.bot.models(category.code, brand, page=page, page_size=PER_PAGE),
            self.bot.say("ask_model", brand=name),
            model_button,
            self.words["empty"].format(name=name),
        )
        if isinstance(model, str):
            return self.find_typed(category, model, brand)
        return self.look(category, Car(brand, model.slug, f"{name} {model.canonical_name}"))

    def find_typed(self, category: Category, text: str, brand: str = "") -> Search | None:
        """Asks on until it is clear which car a text means, or that it is none we know; None is back to the list."""
        search = self.bot.search_patterns(category.code, text, brand=brand)
        if search.outcome == "choose":
            titles = [*(car.title for car in search.candidates), self.words["no"]]
            pressed = self.terminal.press(self.bot.say("did_you_mean", vehicle=titles[0]), titles)
            if pressed == len(search.candidates):
                return None
            car = search.candidates[pressed]
            return self.look(category, car) if car.model else self.find_model(category, car.brand, car.title)
        if search.outcome == "choose_model" and search.car:
            return self.find_model(category, search.car.brand, search.car.title)
        if search.car:
            return search
        heard = self.terminal.choose(self.bot.say("vehicle_not_found", query=text), [self.words["measure"]])
        if isinstance(heard, str):
            return self.find_typed(category, heard)
        return Search("not_found", Car("", "", text))  # known by the customer's own words only

    def narrow(self, category: Category, search: Search, car: Car) -> tuple[Search, Car]:
        """Asks for the year where only the model is clear, and for the steering where there are patterns for either."""
        if search.outcome in {"found", "possible"} and not car.year and not car.generation:
            heard = self.terminal.ask(self.bot.say("ask_year", vehicle=car.title))
            if year := YEAR.search(heard):
                car = replace(car, year=int(year[0]), title=f"{car.title} {year[0]}")
                search = self.look(category, car)
        if search.outcome == "found" and {"left", "right"} <= {pattern.steering for pattern in search.patterns}:
            sides = [self.words["left"], self.words["right"]]
            side = self.terminal.press(self.bot.say("ask_steering", vehicle=car.title), sides)
            search = self.look(category, car, "right" if side else "left")
        return search, car

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

    def choose_options(self, category: Category, car: Car, plain: Price | None) -> Options:
        """What the customer wants with it: first what has several values, then what can be had or not."""
        if self.body_type is None:
            return {}  # a manager settles what can be had for that body
        options = self.bot.options(category.code, body_type=plain.body_type if plain else "")
        chosen: Options = {}
        for option in options:
            if option.values:
                buttons = [priced(value.name, value.price) for value in option.values]
                chosen[option.code] = option.values[self.terminal.press(f"{option.name}:", buttons)].code
        extras = [option for option in options if not option.values]
        while extras:
            buttons = [priced(option.name, option.price, sign="+") for option in extras]
            text = self.bot.say("ask_options", category=category.name, vehicle=car.title)
            pressed = self.terminal.press(text, [*buttons, self.words["none"]])
            if pressed == len(extras):
                break
            chosen[extras.pop(pressed).code] = True
        return chosen

    def quote(self, category: Category, car: Car, options: Options) -> Price | None:
        """The price, or None where a manager has to say it."""
        while self.body_type is not None:
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
                pressed = self.terminal.press(self.words["body"], [*names, self.words["other_body"]])
                self.body_type = error.body_types[pressed] if pressed < len(names) else None
            except PriceNotConfigured:
                break
        return None

    def summary(self, category: Category, car: Car, price: Price | None) -> str:
        """The order and what it costs, as far as the customer may know it."""
        if price is None or price.base is None or price.total is None:
            return self.bot.say("price_on_request", category=category.name, vehicle=car.title)
        lines = [priced(category.name, price.base), *(priced(line.name, line.amount) for line in price.lines)]
        return self.bot.say(
            "quote_summary",
            category=category.name,
            vehicle=car.title,
            options="\n".join([*(f"• {line}" for line in lines), *price.assumptions]),
            total=price.total.figures,
            currency=price.total.unit,
        )

    def agrees(self, text: str) -> bool:
        """Asks a question that is answered by yes or no."""
        return self.terminal.press(text, [self.words["yes"], self.words["no"]]) == 0

    def apply(
        self,
        kind: LeadKind,
        category: Category | None = None,
        car: Car | None = None,
        options: Options | None = None,
        price: Price | None = None,
    ) -> None:
        """Takes down the application."""
        name = self.terminal.ask(self.bot.say("ask_name"))
        while True:
            phone = self.terminal.ask(self.bot.say("ask_phone", name=name))
            try:
                lead = self.bot.create_lead(
                    name=name,
                    phone=phone,
                    kind=kind,
                    category=category.code if category else "",
                    brand=car.brand if car else "",
                    model=car.model if car else "",
                    generation=car.generation if car else "",
                    year=car.year if car else None,
                    vehicle_text=self.described(car) if car else "",
                    options=options,
                    price=price,
                    language=self.bot.language,
                )
                break
            except InvalidArgument as error:
                if not any(violation.field.endswith("phone") for violation in error.violations):
                    raise
                self.terminal.say(self.words["phone"])
        key = "callback_requested" if kind == "callback" else "application_created"
        self.terminal.say(self.bot.say(key, name=name, number=lead.number, phone=lead.phone))

    def described(self, car: Car) -> str:
        """The car for the manager, with what the customer said of its body."""
        return f"{car.title}, {self.words['other_body']}" if self.body_type is None else car.title


def priced(name: str, price: Amount | None, sign: str = "") -> str:
    """A name with its price, if customers may see one."""
    return f"{name}: {sign}{price.text}" if price else name


def brand_button(brand: Brand) -> str:
    """A make, and how many models there are."""
    return f"{brand.name} ({brand.models})"


def model_button(model: Model) -> str:
    """A model, and its years."""
    return f"{model.name} ({model.years})" if model.years else model.name


def main() -> int:
    """Holds the conversation."""
    parser = argparse.ArgumentParser(description="A shop's bot, on the terminal.")
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
            conversation.talk()
        except LekaloError as error:
            print(error, file=sys.stderr)
            conversation.terminal.say(conversation.apology)
            return 1
        except (EOFError, KeyboardInterrupt):
            print()
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
