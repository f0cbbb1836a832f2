#!/usr/bin/env python3
"""A short order with asyncio: a car typed, its pattern, its price, a name and a phone number.

lekalo demo                                                     # in another terminal
python examples/bot_async.py "камри 70 2018" Айбек "0555 123 456"
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from lekalo_client import AsyncClient, BodyTypeRequired, LekaloError, PriceNotConfigured
from lekalo_client.bot import AsyncBot, Car, Price, body_type_name


async def order(bot: AsyncBot, category: str, text: str, name: str, phone: str) -> str:
    """From the customer's words to what the bot answers."""
    search, welcome, categories = await asyncio.gather(
        bot.search_patterns(category, text), bot.say("welcome", shop=bot.tenant), bot.available_categories()
    )
    print(welcome)
    car = search.car
    if car is None or not car.model:
        return await bot.say("vehicle_not_found", query=text)
    if search.outcome not in {"found", "possible"}:
        return await bot.say("pattern_not_found", vehicle=car.title)
    price = await price_of(bot, category, car)
    if price and price.text:
        print(f"{car.title}: {price.text}")
    else:
        names = {one.code: one.name for one in categories}
        print(await bot.say("price_on_request", category=names.get(category, category), vehicle=car.title))
    lead = await bot.create_lead(
        name=name,
        phone=phone,
        category=category,
        brand=car.brand,
        model=car.model,
        generation=car.generation,
        year=car.year,
        vehicle_text=text,
        price=price,
    )
    return await bot.say("application_created", name=name, number=lead.number, phone=lead.phone)


async def price_of(bot: AsyncBot, category: str, car: Car) -> Price | None:
    """The price, or None where a manager has to say it."""
    try:
        return await bot.calculate_price(
            category, brand=car.brand, model=car.model, generation=car.generation, year=car.year
        )
    except BodyTypeRequired as error:
        print("Кузов?", ", ".join(body_type_name(code) for code in error.body_types))
    except PriceNotConfigured:
        pass
    return None


async def main() -> int:
    """Places one order."""
    parser = argparse.ArgumentParser(description="Orders at a shop, with asyncio.")
    parser.add_argument("--address", default=os.environ.get("LEKALO_ADDR", "127.0.0.1:50051"), help="HOST:PORT")
    parser.add_argument("--tenant", default="evopoliki", help="the shop's slug")
    parser.add_argument("--category", default="eva_mats", help="the category's code")
    parser.add_argument("text", help="the car")
    parser.add_argument("name")
    parser.add_argument("phone")
    given = parser.parse_args()
    async with AsyncClient(given.address, api_key=os.environ.get("LEKALO_API_KEY")) as client:
        try:
            print(await order(AsyncBot(client, given.tenant), given.category, given.text, given.name, given.phone))
        except LekaloError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
