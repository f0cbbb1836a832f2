"""The soak's ledger: every write that was acknowledged, to be compared with what the server says at the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from lekalo_client import AsyncClient, v1
from lekalo_client.values import to_datetime, to_decimal

PAGE = 500
LANGUAGES = ("ru", "ky", "en")
PREFIX = "soak."
LOOKS = 50
"""How many of the prices that were replaced are looked for in the past, and how many imports' rows are read."""

Slot = tuple[str, str, str]
"""What a price is for: category, make, body."""


@dataclass(slots=True)
class Lead:
    """An application that was acknowledged, and each of its acknowledged transitions by its note."""

    name: str
    request: v1.Application
    request_id: str
    last: v1.Application
    steps: list[tuple[int, int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Upload:
    """A price list that was taken, and what became of it."""

    rows: list[list[str]]
    ended: v1.Import


@dataclass(slots=True)
class Shop:
    """What one shop acknowledged, and what was heard of it."""

    leads: dict[str, Lead] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    """Applications that were cut short and not sent again: they may be there, once, or not."""
    prices: dict[Slot, list[v1.Price]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    heard: list[v1.ApplicationEvent] = field(default_factory=list)

    def expected_events(self) -> int:
        """How many events there are at least."""
        return sum(1 + len(lead.steps) for lead in self.leads.values())


class Ledger:
    """All shops', and what was wrong with them."""

    def __init__(self) -> None:
        self.shops: dict[str, Shop] = {}
        self.wrong: list[str] = []

    def open(self, tenant: str) -> None:
        """Begins with a shop."""
        self.shops[tenant] = Shop()

    def expect(self, good: bool, what: str) -> None:
        """Notes what is wrong."""
        if not good:
            self.wrong.append(" ".join(what.split()))

    def so_far(self) -> str:
        """How much was acknowledged."""
        shops = self.shops.values()
        prices = sum(len(prices) for shop in shops for prices in shop.prices.values())
        return (
            f"{sum(len(shop.leads) for shop in shops)} leads  {sum(len(shop.heard) for shop in shops)} events"
            f"  {prices} prices  {sum(len(shop.texts) for shop in shops)} texts"
            f"  {sum(len(shop.uploads) for shop in shops)} imports"
        )

    async def compare(self, client: AsyncClient, tenant: str) -> None:
        """Looks for everything that a shop acknowledged."""
        shop = self.shops[tenant]
        found = await self.compare_leads(client, tenant, shop)
        await self.compare_events(client, tenant, shop, found)
        await self.compare_prices(client, tenant, shop)
        await self.compare_texts(client, tenant, shop)
        await self.compare_imports(client, tenant, shop)

    async def compare_leads(self, client: AsyncClient, tenant: str, shop: Shop) -> dict[str, str]:
        """Each once, as it was last answered; the names of all by their ids."""
        pages = client.pages(client.list_applications, tenant, page_size=PAGE)
        listed = [one async for page in pages for one in page.applications]
        for name in twice(one.message for one in listed):
            self.expect(False, f"{tenant}: application {name} is there twice")
        by_name = {one.message: one for one in listed}
        for name, lead in shop.leads.items():
            there = by_name.get(name)
            if there is None:
                self.expect(False, f"{tenant}: application {name} ({lead.last.id}) is lost")
            else:
                self.expect(there == lead.last, f"{tenant}: application {name} is not as answered: {there}")
        for name in by_name.keys() - shop.leads.keys() - shop.given_up:
            self.expect(False, f"{tenant}: nobody made application {name}")
        return {one.id: one.message for one in listed}

    async def compare_events(self, client: AsyncClient, tenant: str, shop: Shop, names: dict[str, str]) -> None:
        """Heard once each, in the order of the server's own history, which has what was acknowledged and no more."""
        heard = [event.cursor for event in shop.heard]
        history = [event.cursor async for event in replay(client, tenant, heard[-1] if heard else "")]
        for cursor in twice(heard):
            self.expect(False, f"{tenant}: the event {cursor} came twice")
        self.expect(heard == history, f"{tenant}: heard {len(heard)} events, of which there are {len(history)}")
        by_lead: dict[str, list[tuple[int, int, str]]] = {}
        for event in shop.heard:
            by_lead.setdefault(event.application.id, []).append((getattr(event, "from"), event.to, event.note))
        created = (v1.ApplicationStatus.APPLICATION_STATUS_UNSPECIFIED, v1.ApplicationStatus.APPLICATION_STATUS_NEW, "")
        for id, name in names.items():
            steps = shop.leads[name].steps if name in shop.leads else []
            told = by_lead.pop(id, [])
            self.expect(told == [created, *steps], f"{tenant}: application {name} made {steps}, heard was {told}")
        self.expect(not by_lead, f"{tenant}: events of applications that are not there: {list(by_lead)}")

    async def compare_prices(self, client: AsyncClient, tenant: str, shop: Shop) -> None:
        """Now the last of each; and some of those before, at the moment they began."""
        pages = client.pages(client.list_prices, tenant, page_size=PAGE)
        now = [one async for page in pages for one in page.prices if one.brand]
        for slot in twice(slot_of(one) for one in now):
            self.expect(False, f"{tenant}: two prices for {slot}")
        there = {slot_of(one): one for one in now}
        for slot, prices in shop.prices.items():
            good = slot in there and there[slot].id == prices[-1].id and amount(there[slot]) == amount(prices[-1])
            self.expect(good, f"{tenant}: the price for {slot} is {there.get(slot)}, not {prices[-1]}")
        self.expect(there.keys() == shop.prices.keys(), f"{tenant}: prices for {there.keys() - shop.prices.keys()}")
        earlier = [(slot, one) for slot, prices in sorted(shop.prices.items()) for one in prices[:-1]]
        for slot, price in earlier[:: len(earlier) // LOOKS + 1]:
            begins = to_datetime(price.valid_from)
            pages = client.pages(client.list_prices, tenant, at_time=begins, page_size=PAGE)
            then = [one async for page in pages for one in page.prices if slot_of(one) == slot]
            good = [(one.id, amount(one)) for one in then] == [(price.id, amount(price))]
            self.expect(good, f"{tenant}: at {begins} the price for {slot} was {then}, not {price}")

    async def compare_texts(self, client: AsyncClient, tenant: str, shop: Shop) -> None:
        """Each key in each language once, as it was last answered."""
        for language in LANGUAGES:
            answer = await client.batch_get_texts(tenant, key_prefix=PREFIX, language=language)
            there = [(text.key, text.value) for text in answer.texts if text.language == language]
            wanted = sorted((key, value) for (key, of), value in shop.texts.items() if of == language)
            self.expect(sorted(there) == wanted, f"{tenant}: texts in {language} are {there}, not {wanted}")

    async def compare_imports(self, client: AsyncClient, tenant: str, shop: Shop) -> None:
        """Each once, as it ended, with as many rows as its file has; of some, the cells of every row."""
        pages = client.pages(client.list_imports, tenant, page_size=PAGE)
        listed = [one async for page in pages for one in page.imports]
        for name in twice(one.file_name for one in listed):
            self.expect(False, f"{tenant}: {name} was imported twice")
        by_name = {one.file_name: one for one in listed}
        self.expect(by_name.keys() == shop.uploads.keys(), f"{tenant}: imports {by_name.keys() ^ shop.uploads.keys()}")
        for place, (name, upload) in enumerate(shop.uploads.items()):
            self.expect(by_name.get(name) == upload.ended, f"{tenant}: {name} is not as it ended: {by_name.get(name)}")
            written = upload.ended.state == v1.ImportState.IMPORT_STATE_SUCCEEDED  # another is an error already
            if written and place % (len(shop.uploads) // LOOKS + 1) == 0:
                rows = client.pages(client.list_import_rows, tenant, upload.ended.id, page_size=PAGE)
                cells = [list(row.cells) async for page in rows for row in page.rows]
                self.expect(cells == upload.rows, f"{tenant}: the rows of {name} are not those of the file")


async def replay(client: AsyncClient, tenant: str, last: str) -> AsyncIterator[v1.ApplicationEvent]:
    """The server's history from the first event on, past the one that is thought to be the last."""
    watch = client.watch_applications(tenant, timeout=60.0)
    is_over = not last
    while True:
        try:
            event = await asyncio.wait_for(anext(watch), 1.0 if is_over else 60.0)
        except asyncio.TimeoutError:
            return
        yield event
        is_over = is_over or event.cursor == last


def twice(values: Iterable[object]) -> list[object]:
    """What is there more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def slot_of(price: v1.Price) -> Slot:
    """What a price is for."""
    return price.category, price.brand, price.body_type


def amount(price: v1.Price) -> Decimal:
    """What it costs."""
    return to_decimal(price.amount)
