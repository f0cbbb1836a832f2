"""The soak's streams: events that are followed over broken streams, and price lists that are watched to their end."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import time

from soak_ledger import Ledger, Upload
from soak_load import BRANDS, CATEGORIES, Caller, Tally

from lekalo_client import AsyncClient, DeadlineExceeded, LekaloError, Unavailable, v1

HEADER = ["ID", "Марка", "Модель", "Год", "Описание"]
DESCRIPTIONS = (
    "с бортами левый руль",
    "правый руль с бортами",
    "без бортов",
    "с бортами + багаж",
    "гибрид, правый руль",
)
SMALL, MEDIUM = (10, 40), (300, 1200)
"""How many rows a price list has."""
IMPORT_TIMEOUT = 300.0
CATCH_UP = 60.0


class Follower(Caller):
    """Who follows a shop's events. The stream ends by a deadline or is dropped, and is resumed by the last cursor."""

    def __init__(self, client: AsyncClient, ledger: Ledger, tally: Tally, tenant: str, seed: int) -> None:
        super().__init__(client, ledger, tally, tenant, f"{seed}/{tenant[-1]}/events")

    async def run(self) -> None:
        """Follows until cancelled."""
        while True:
            lasts = self.random.uniform(2, 12)
            if self.random.randrange(2):
                await self.listen(lasts)
            else:
                task = asyncio.ensure_future(self.listen(None))
                try:
                    await asyncio.wait({task}, timeout=lasts)
                finally:
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                if not task.cancelled() and (error := task.exception()):
                    raise error

    async def listen(self, timeout: float | None) -> None:
        """One stream, from behind the last event on."""
        self.tally.calls["WatchApplications"] += 1
        after = self.shop.heard[-1].cursor if self.shop.heard else ""
        try:
            async for event in self.client.watch_applications(self.tenant, after=after, timeout=timeout):
                self.shop.heard.append(event)
        except DeadlineExceeded:
            pass
        except Unavailable:  # a server that restarts; calls with a long deadline tell where it stays away
            self.tally.cut["streams, by a server that was away"] += 1
            await asyncio.sleep(0.5)
        except LekaloError as error:
            self.failed("WatchApplications", error)
            await asyncio.sleep(1)

    async def catch_up(self) -> None:
        """Waits for the events of all that was acknowledged; the comparison then tells which did not come."""
        until = time.monotonic() + CATCH_UP
        while len(self.shop.heard) < self.shop.expected_events() and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # for one too many


class Uploader(Caller):
    """A manager with price lists, one after the other, each watched to its end."""

    def __init__(self, client: AsyncClient, ledger: Ledger, tally: Tally, tenant: str, seed: int) -> None:
        super().__init__(client, ledger, tally, tenant, f"{seed}/{tenant[-1]}/uploads")
        self.step = 0

    async def run(self, until: float) -> None:
        """Uploads until the time is up."""
        while time.monotonic() < until:
            self.step += 1
            self.random.seed(f"{self.name}/{self.step}")
            try:
                await self.upload()
            except LekaloError as error:
                self.failed("upload", error)
            await asyncio.sleep(max(min(self.random.uniform(2, 8), until - time.monotonic()), 0))

    async def upload(self) -> None:
        """One price list, small or, one in four, medium."""
        rows = [HEADER, *self.rows(self.random.randint(*(SMALL if self.random.randrange(4) else MEDIUM)))]
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        content, name = text.getvalue().encode(), f"{self.step}.csv"
        category = self.random.choice(CATEGORIES)
        taken = await self.write(
            "UploadImport",
            lambda request_id, timeout: self.client.upload_import(
                self.tenant, category, name, content, request_id=request_id, timeout=timeout
            ),
        )
        self.tally.calls["WatchImport"] += 1
        states = [one async for one in self.client.watch_import(self.tenant, taken.id, timeout=IMPORT_TIMEOUT)]
        last = states[-1] if states else taken
        self.shop.uploads[name] = Upload(rows, last)
        counts = last.counts
        outcomes = (counts.created, counts.updated, counts.unchanged, counts.merged, counts.rejected, counts.headers)
        good = (
            last.state == v1.ImportState.IMPORT_STATE_SUCCEEDED
            and sum(outcomes) == counts.rows_read == len(rows)
            and last.sha256 == hashlib.sha256(content).hexdigest()
        )
        ended = f"{v1.ImportState.Name(last.state)} {last.error.code}, of {len(rows)} rows {counts}"
        self.ledger.expect(good, f"{self.tenant}: {name} ({last.id}) came to {ended}")

    def rows(self, count: int) -> list[list[str]]:
        """Cars that there are, each with an id of its own."""
        made = []
        for number in range(count):
            brand = self.random.choice(list(BRANDS))
            model, year = self.random.choice(BRANDS[brand]), str(self.random.randint(1998, 2024))
            made.append([f"{self.step}-{number}", brand, model, year, self.random.choice(DESCRIPTIONS)])
        return made
