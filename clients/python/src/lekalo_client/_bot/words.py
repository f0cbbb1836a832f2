"""The few words that the client itself adds to what the service says, in the service's three languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    page: str
    at_least: str
    since: str
    until: str
    currencies: Mapping[str, str]
    steering: Mapping[str | None, str]
    borders: Mapping[str | None, str]
    seat_rows: Mapping[str | None, str]
    trunk: Mapping[bool | None, str]
    mismatches: Mapping[tuple[str, bool], str]
    """By the field of the request, and whether the price list leaves it out."""
    body_types: Mapping[str, str]

    def years(self, first: int | None, last: int | None) -> str:
        """The years from first to last; None is open, or not known."""
        match first, last:
            case None, None:
                return ""
            case _, None:
                return self.since.format(year=first)
            case None, _:
                return self.until.format(year=last)
            case _:
                return f"{first}" if first == last else f"{first}–{last}"

    def figures(self, kind: str, value: Decimal, upper: Decimal | None) -> str:
        """An amount without its currency."""
        if upper is not None:
            return f"{figure(value)}–{figure(upper)}"
        return self.at_least.format(amount=figure(value)) if kind == "from" else figure(value)


def figure(amount: Decimal) -> str:
    """An amount in groups of three, with decimals only where it has any."""
    grouped = f"{amount:,f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"
    return grouped.replace(",", NO_BREAK).replace(".", ",")


def words_of(language: str) -> Words:
    """The words of a language; those of Russian for one that the service does not have either."""
    return WORDS.get(language.partition("-")[0].lower(), WORDS["ru"])


WORDS = {
    "ru": Words(
        page="стр. {number}/{pages}",
        at_least="от {amount}",
        since="с {year}",
        until="до {year}",
        currencies={"KGS": "сом"},
        steering={"left": "левый руль", "right": "правый руль", "both": "левый и правый руль"},
        borders={"with": "с бортами", "without": "без бортов", "medium": "средние борта", "high": "высокие борта"},
        seat_rows={"two": "два ряда", "three": "три ряда", "full": "весь салон", "front_only": "только передние"},
        trunk={True: "с багажником", False: "без багажника"},
        mismatches={},  # the service says them
        body_types={
            "sedan": "Седан",
            "hatchback": "Хэтчбек",
            "liftback": "Лифтбек",
            "wagon": "Универсал",
            "coupe": "Купе",
            "convertible": "Кабриолет",
            "suv": "Внедорожник",
            "pickup": "Пикап",
            "van": "Фургон",
            "minivan": "Минивэн",
            "minivan_small": "Малый минивэн",
            "minivan_medium": "Средний минивэн",
            "minivan_large": "Большой минивэн",
            "truck": "Грузовик",
            "truck_single": "Грузовик, одинарная кабина",
            "truck_double": "Грузовик, двойная кабина",
        },
    ),
    "ky": Words(
        page="бет {number}/{pages}",
        at_least="кеминде {amount}",
        since="{year}-жылдан",
        until="{year}-жылга чейин",
        currencies={"KGS": "сом"},
        steering={"left": "сол руль", "right": "оң руль", "both": "сол жана оң руль"},
        borders={"with": "четтүү", "without": "четсиз", "medium": "чети орточо", "high": "чети бийик"},
        seat_rows={"two": "эки катар", "three": "үч катар", "full": "салон толугу менен", "front_only": "алды гана"},
        trunk={True: "жүк салгычы менен", False: "жүк салгычы жок"},
        mismatches={
            ("body_type", True): "прайс-листте кузову көрсөтүлгөн эмес",
            ("body_type", False): "үлгү башка кузовго",
            ("generation", True): "прайс-листте мууну көрсөтүлгөн эмес",
            ("generation", False): "үлгү башка муунга",
            ("year", True): "прайс-листте жылы көрсөтүлгөн эмес",
            ("year", False): "үлгү башка жылга",
            ("steering", True): "прайс-листте рулдун жагы көрсөтүлгөн эмес",
            ("steering", False): "үлгү рулу башка жактагы унаага",
        },
        body_types={
            "sedan": "Седан",
            "hatchback": "Хэтчбек",
            "liftback": "Лифтбек",
            "wagon": "Универсал",
            "coupe": "Купе",
            "convertible": "Кабриолет",
            "suv": "Жол тандабас",
            "pickup": "Пикап",
            "van": "Фургон",
            "minivan": "Минивэн",
            "minivan_small": "Кичи минивэн",
            "minivan_medium": "Орто минивэн",
            "minivan_large": "Чоң минивэн",
            "truck": "Жүк ташуучу унаа",
            "truck_single": "Жүк ташуучу унаа, бир катар кабина",
            "truck_double": "Жүк ташуучу унаа, эки катар кабина",
        },
    ),
    "en": Words(
        page="page {number}/{pages}",
        at_least="from {amount}",
        since="since {year}",
        until="until {year}",
        currencies={"KGS": "som"},
        steering={"left": "left-hand drive", "right": "right-hand drive", "both": "left- and right-hand drive"},
        borders={"with": "with borders", "without": "no borders", "medium": "medium borders", "high": "high borders"},
        seat_rows={"two": "two rows", "three": "three rows", "full": "whole interior", "front_only": "front only"},
        trunk={True: "with trunk", False: "without trunk"},
        mismatches={
            ("body_type", True): "the price list does not say for which body",
            ("body_type", False): "the pattern is for another body",
            ("generation", True): "the price list does not say for which generation",
            ("generation", False): "the pattern is for another generation",
            ("year", True): "the price list does not say for which year",
            ("year", False): "the pattern is for another year",
            ("steering", True): "the price list does not say for which side of the steering wheel",
            ("steering", False): "the pattern is for the steering wheel on the other side",
        },
        body_types={
            "sedan": "Sedan",
            "hatchback": "Hatchback",
            "liftback": "Liftback",
            "wagon": "Wagon",
            "coupe": "Coupe",
            "convertible": "Convertible",
            "suv": "SUV",
            "pickup": "Pickup",
            "van": "Van",
            "minivan": "Minivan",
            "minivan_small": "Small minivan",
            "minivan_medium": "Medium minivan",
            "minivan_large": "Large minivan",
            "truck": "Truck",
            "truck_single": "Truck, single cab",
            "truck_double": "Truck, double cab",
        },
    ),
}
