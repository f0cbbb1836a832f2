"""The soak's load: what bots and managers do, some of it cut short. A step depends on the seed and its number alone."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TypeVar

from soak_ledger import LANGUAGES, PREFIX, Lead, Ledger, Slot

from lekalo_client import Aborted, AsyncClient, DeadlineExceeded, LekaloError, v1
from lekalo_client.values import to_decimal, to_money

T = TypeVar("T")

TIMEOUT = 30.0
"""The seconds that a call may take that is not cut short: a busy machine is not what is looked for here."""
CUT = 0.03
"""How many calls get a deadline that is too short, and how many are cancelled."""
SHORTEST, LONGEST = 0.0005, 0.02
CATEGORIES = ("eva_mats", "5d_mats")
BODIES = ("", "sedan", "suv")
BRANDS = {
    "toyota": ["Camry", "Corolla", "Prado 150", "Land Cruiser 200", "RAV4"],
    "honda": ["Fit", "Accord", "CR-V"],
    "lexus": ["RX 350", "GX 470", "LX 570"],
    "mercedes-benz": ["E W212", "C W204", "Sprinter"],
    "bmw": ["X5", "X3"],
    "hyundai": ["Sonata", "Tucson", "Santa Fe"],
    "kia": ["Rio", "Sportage", "Sorento"],
    "nissan": ["X-Trail", "Almera", "Qashqai"],
    "subaru": ["Forester", "Outback", "Impreza"],
    "mazda": ["CX-5", "6", "3"],
}
"""The makes, one for each worker, and their models as price lists have them."""
MODELS = {"toyota": "camry", "honda": "fit", "lexus": "rx", "bmw": "x5", "hyundai": "sonata", "kia": "rio"}
TYPED = (
    "камри 70 2018", "тайота камри", "rfvhb 70", "прадо 150", "крузак 200", "хонда фит 2008г", "мерс w212",
    "bmw x5 e70", "киа рио", "матиз", "степвагон рф3 правый руль", "субару форестер sg5", "lexus rx 350 2012",
    "привет", "сколько стоит коврик на спринтер?", "самокат", "toyotta kamry", "hyundai sonata 2019", "спортедж 4",
    "королла", "🙂", "нужны полики на альфард 30 с бортами",
)  # fmt: skip
Status = v1.ApplicationStatus
NEW, IN_PROGRESS = Status.APPLICATION_STATUS_NEW, Status.APPLICATION_STATUS_IN_PROGRESS
COMPLETED, CANCELLED = Status.APPLICATION_STATUS_COMPLETED, Status.APPLICATION_STATUS_CANCELLED
NEXT = {NEW: (IN_PROGRESS, CANCELLED), IN_PROGRESS: (COMPLETED, CANCELLED, NEW), CANCELLED: (NEW,)}
"""Where an application may go from where it is, by the contract."""


class Tally:
    """How many calls there were, how long they took, and how they failed."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.times: list[float] = []
        self.taken = 0

    def take(self) -> tuple[int, list[float]]:
        """The calls and their milliseconds since last asked."""
        calls, times = self.calls.total() - self.taken, self.times
        self.taken += calls
        self.times = []
        return calls, times

    def in_words(self) -> str:
        """Each method's calls."""
        calls = "  ".join(f"{name} {count}" for name, count in sorted(self.calls.items()))
        return f"{calls}\ncut short: " + "  ".join(f"{name} {count}" for name, count in sorted(self.cut.items()))


class Caller:
    """Who calls: with a tally, and with calls that are cut short now and then."""

    def __init__(self, client: AsyncClient, ledger: Ledger, tally: Tally, tenant: str, name: str) -> None:
        self.client = client
        self.ledger = ledger
        self.tally = tally
        self.tenant = tenant
        self.name = name
        self.shop = ledger.shops[tenant]
        self.random = Random(name)  # noqa: S311  # to be repeated, not to be secret

    async def timed(self, name: str, call: Awaitable[T]) -> T:
        """A call, in the tally."""
        self.tally.calls[name] += 1
        began = time.monotonic()
        try:
            answer = await call
        except asyncio.CancelledError as error:
            # grpcio ends an upload so whose answer, here of a deadline, comes before all of it is sent.
            task = asyncio.current_task()
            if task is None or getattr(task, "cancelling", lambda: 1)():
                raise
            raise asyncio.TimeoutError(name) from error
        self.tally.times.append(1000 * (time.monotonic() - began))
        return answer

    async def send(self, name: str, call: Callable[[float], Awaitable[T]]) -> T | None:
        """A call; None where it was cut short."""
        luck, limit = self.random.random(), self.random.uniform(SHORTEST, LONGEST)
        if luck < CUT:
            try:
                return await self.timed(name, call(limit))
            except (DeadlineExceeded, asyncio.TimeoutError):
                self.tally.cut["by a deadline"] += 1
                return None
        if luck < 2 * CUT:
            task = asyncio.ensure_future(self.timed(name, call(TIMEOUT)))
            if not (await asyncio.wait({task}, timeout=limit))[0]:
                task.cancel()
            try:
                return await task
            except asyncio.CancelledError:
                self.tally.cut["cancelled"] += 1
                return None
        return await self.timed(name, call(TIMEOUT))

    async def write(self, name: str, call: Callable[[str, float], Awaitable[T]]) -> T:
        """A write, sent again with the same id until it is acknowledged."""
        request_id = self.new_id()
        answer = await self.send(name, lambda timeout: call(request_id, timeout))
        return await self.timed(name, call(request_id, TIMEOUT)) if answer is None else answer

    def new_id(self) -> str:
        """A `request_id` of this seed; the shop is new, so it is new there."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def failed(self, what: str, error: Exception) -> None:
        """Notes what should not have failed."""
        self.tally.wrong.append(f"{self.tenant}: {what} of {self.name}: {error}")


class Worker(Caller):
    """A bot and a manager in one, with a make, texts and applications that no other worker has."""

    def __init__(
        self, client: AsyncClient, ledger: Ledger, tally: Tally, tenant: str, *, seed: int, place: int
    ) -> None:
        super().__init__(client, ledger, tally, tenant, f"{seed}/{place}")
        self.place = place
        self.step = 0
        self.brand = list(BRANDS)[place]
        self.open: list[Lead] = []
        self.acts: dict[Callable[[], Awaitable[None]], int] = {
            self.look_around: 20, self.find: 14, self.resolve: 18, self.quote: 12, self.read_texts: 8,
            self.read_leads: 6, self.apply: 10, self.transition: 10, self.race: 1, self.apply_again: 2,
            self.set_price: 4, self.say: 4,
        }  # fmt: skip

    async def run(self, until: float, period: float) -> None:
        """One act each period. One that is late makes the next ones late: the load is not made up for."""
        for category in CATEGORIES:
            for body in BODIES:
                await self.set(((category, self.brand, body),))
        due = time.monotonic()
        while (due := max(due + period, time.monotonic())) < until:
            await asyncio.sleep(due - time.monotonic())
            self.step += 1
            self.random.seed(f"{self.name}/{self.step}")
            (act,) = self.random.choices(list(self.acts), list(self.acts.values()))
            try:
                await act()
            except LekaloError as error:
                self.failed(act.__name__, error)

    async def look_around(self) -> None:
        """Categories, makes or models."""
        category, language = self.random.choice(CATEGORIES), self.random.choice(LANGUAGES)
        match self.random.randrange(3):
            case 0:
                shown = await self.send(
                    "ListCategories",
                    lambda timeout: self.client.list_categories(self.tenant, language=language, timeout=timeout),
                )
                if shown:
                    codes = [one.code for one in shown.categories]
                    self.ledger.expect(codes == [*CATEGORIES], f"{self.tenant}: sells {codes}")
            case 1:
                await self.send(
                    "ListBrands",
                    lambda timeout: self.client.list_brands(
                        self.tenant, category, language=language, page_size=8, timeout=timeout
                    ),
                )
            case _:
                await self.send(
                    "ListModels",
                    lambda timeout: self.client.list_models(
                        self.tenant, category, "toyota", order_by=v1.OrderBy.ORDER_BY_POPULARITY, timeout=timeout
                    ),
                )

    async def find(self) -> None:
        """Patterns of a car that is on the list, or is not."""
        category, year = self.random.choice(CATEGORIES), self.random.choice([None, self.random.randint(1995, 2024)])
        brand, model = self.random.choice(list(MODELS.items()))
        await self.send(
            "FindPatterns",
            lambda timeout: self.client.find_patterns(self.tenant, category, brand, model, year=year, timeout=timeout),
        )

    async def resolve(self) -> None:
        """A car as people type it."""
        text = self.random.choice(TYPED)
        await self.send(
            "ResolveVehicle", lambda timeout: self.client.resolve_vehicle(text, tenant=self.tenant, timeout=timeout)
        )

    async def quote(self) -> None:
        """A price that this worker set: it has to be the one that was acknowledged last."""
        category, body = self.random.choice(CATEGORIES), self.random.choice(BODIES[1:])
        answer = await self.send(
            "QuotePrice",
            lambda timeout: self.client.quote_price(
                self.tenant, category, brand=self.brand, body_type=body, timeout=timeout
            ),
        )
        wanted = self.shop.prices[category, self.brand, body][-1].amount
        if answer and answer.quote.total.units != wanted.units:
            quoted = to_decimal(answer.quote.total)
            self.ledger.expect(False, f"{self.tenant}: {category} for {self.brand} {body} at {quoted}, not {wanted}")

    async def read_texts(self) -> None:
        """What the bot says."""
        language = self.random.choice(LANGUAGES)
        await self.send(
            "BatchGetTexts",
            lambda timeout: self.client.batch_get_texts(
                self.tenant, ["welcome", "ask_brand", f"{PREFIX}{self.place}.0"], language=language, timeout=timeout
            ),
        )

    async def read_leads(self) -> None:
        """One application, or the newest."""
        if self.open and self.random.randrange(2):
            lead = self.random.choice(self.open)
            read = await self.send(
                "GetApplication",
                lambda timeout: self.client.get_application(self.tenant, lead.last.id, timeout=timeout),
            )
            good = read is None or read == lead.last
            self.ledger.expect(good, f"{self.tenant}: application {lead.name} is not as answered: {read}")
        else:
            await self.send(
                "ListApplications",
                lambda timeout: self.client.list_applications(self.tenant, page_size=20, timeout=timeout),
            )

    async def apply(self) -> None:
        """A new application. Half of those that are cut short are given up, the others sent again."""
        name = f"{self.place}/{self.step}"
        customer = v1.Customer(
            channel=v1.Channel.CHANNEL_TELEGRAM,
            external_id=name,
            name="Айбек",
            phone=f"+9965551{self.step % 100_000:05}",
        )
        asked = v1.Application(
            kind=v1.ApplicationKind.APPLICATION_KIND_ORDER,
            customer=customer,
            category=self.random.choice(CATEGORIES),
            vehicle_text=self.random.choice(TYPED),
            quoted_total=to_money(self.random.randint(1000, 9000)),
            message=name,
        )
        request_id, gives_up = self.new_id(), self.random.randrange(2) == 0
        self.shop.given_up.add(name)
        made = await self.send(
            "CreateApplication",
            lambda timeout: self.client.create_application(self.tenant, asked, request_id=request_id, timeout=timeout),
        )
        if made is None:
            if gives_up:
                return
            again = self.client.create_application(self.tenant, asked, request_id=request_id)
            made = await self.timed("CreateApplication", again)
        self.shop.given_up.remove(name)
        self.shop.leads[name] = lead = Lead(name, asked, request_id, made)
        self.open.append(lead)
        del self.open[:-200]

    async def apply_again(self) -> None:
        """An application whose answer did not reach the bot, say: the same comes back."""
        if not self.open:
            return
        lead = self.random.choice(self.open)
        made = await self.send(
            "CreateApplication",
            lambda timeout: self.client.create_application(
                self.tenant, lead.request, request_id=lead.request_id, timeout=timeout
            ),
        )
        if made:
            self.ledger.expect(made.id == lead.last.id, f"{self.tenant}: {lead.name} is {lead.last.id} and {made.id}")

    async def transition(self) -> None:
        """An application moves on."""
        moving = [lead for lead in self.open if lead.last.status in NEXT]
        if not moving:
            return
        lead = self.random.choice(moving)
        was, to, note = lead.last.status, self.random.choice(NEXT[lead.last.status]), f"{self.place}/{self.step}"
        for _ in range(10):
            try:
                lead.last = await self.write(
                    "TransitionApplication",
                    lambda request_id, timeout: self.client.transition_application(
                        self.tenant, lead.last.id, to, actor="soak", note=note, request_id=request_id, timeout=timeout
                    ),
                )
                break
            except Aborted as error:
                if error.reason != "CONCURRENT_CHANGE":  # nothing was written, as the contract says
                    raise
                self.tally.cut["CONCURRENT_CHANGE"] += 1
        else:
            self.ledger.expect(False, f"{self.tenant}: {lead.name} cannot be moved")
            return
        lead.steps.append((was, to, note))

    async def race(self) -> None:
        """Two decide on the same application at once: one is told that the other was faster."""
        moving = [lead for lead in self.open if len(NEXT.get(lead.last.status, ())) > 1]
        if not moving:
            return
        lead = self.random.choice(moving)
        was = lead.last.status
        notes = {to: f"{self.place}/{self.step}/{to}" for to in NEXT[was][:2]}
        calls = [
            self.timed(
                "TransitionApplication",
                self.client.transition_application(
                    self.tenant, lead.last.id, to, actor="soak", note=note, etag=lead.last.etag
                ),
            )
            for to, note in notes.items()
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        won = [one for one in answers if isinstance(one, v1.Application)]
        lost = [one.reason for one in answers if isinstance(one, Aborted)]
        good = len(won) + len(lost) == len(calls) and (len(won) == 1 or (not won and "CONCURRENT_CHANGE" in lost))
        self.ledger.expect(good, f"{self.tenant}: two moved {lead.name}: {answers}")
        for one in won:
            lead.last = one
            lead.steps.append((was, one.status, notes[one.status]))
        self.tally.cut["lost a race"] += len(lost)

    async def set_price(self) -> None:
        """One or two prices of this worker's make."""
        slots = [(category, self.brand, body) for category in CATEGORIES for body in BODIES]
        await self.set(self.random.sample(slots, self.random.randint(1, 2)))

    async def set(self, slots: Sequence[Slot]) -> None:
        """New prices, into the ledger."""
        prices = [
            v1.Price(
                category=category,
                brand=brand,
                body_type=body,
                kind=v1.PriceKind.PRICE_KIND_FIXED,
                amount=to_money(self.random.randint(1000, 9000)),
            )
            for category, brand, body in slots
        ]
        answer = await self.write(
            "SetPrices",
            lambda request_id, timeout: self.client.set_prices(
                self.tenant, prices, request_id=request_id, timeout=timeout
            ),
        )
        for slot, price in zip(slots, answer.prices, strict=True):
            self.shop.prices.setdefault(slot, []).append(price)

    async def say(self) -> None:
        """A text of this worker's in all languages."""
        key = f"{PREFIX}{self.place}.{self.random.randrange(5)}"
        texts = [v1.Text(key=key, language=one, value=f"{{name}}: {one} {self.step}") for one in LANGUAGES]
        answer = await self.write(
            "UpsertTexts",
            lambda request_id, timeout: self.client.upsert_texts(
                self.tenant, texts, request_id=request_id, timeout=timeout
            ),
        )
        for text in answer.texts:
            self.shop.texts[text.key, text.language] = text.value
