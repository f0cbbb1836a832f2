#!/usr/bin/env python3
"""A soak: mixed load for an hour or a night, then every acknowledged write is looked for, and what grew is named.

lekalo serve                                                   # in another terminal; the demo has no admin port
export LEKALO_API_KEY=$(lekalo key issue --role admin)
python examples/soak.py --seconds 3600                         # reads http://127.0.0.1:50052/metrics meanwhile
python examples/soak.py --seconds 60 --admin off               # only what was lost, not what grew

It runs on any server that is not in production, alone there: it makes two shops of its own with CreateTenant, with
slugs that nobody has, and touches no other. There is no call that removes a shop: they stay behind, inactive, with all
that was written. The same seed sends the same load. Exit code 0 is good; 1 is something lost, doubled, failed or grown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
import uuid
from contextlib import suppress
from typing import NamedTuple

from soak_ledger import Ledger
from soak_load import BRANDS, CATEGORIES, TIMEOUT, Tally, Worker
from soak_measures import Admin, Sample, after, percentile, table
from soak_streams import Follower, Uploader

from lekalo_client import AsyncClient, LekaloError, v1
from lekalo_client.values import to_money

LEAST_SAMPLES = 8
"""Fewer make no quarters to compare."""


class Arguments(NamedTuple):
    """What the command line says."""

    address: str
    admin: str
    seconds: float
    every: float
    warm_up: float
    rate: float
    workers: int
    seed: int


async def make_tenant(client: AsyncClient, slug: str) -> str:
    """A shop of our own, which sells two categories, with a price for everything and a few patterns."""
    tenant = v1.Tenant(slug=slug, display_name="Soak", prices_visible=True, categories=CATEGORIES)
    await client.create_tenant(tenant, timeout=TIMEOUT)
    money = to_money(1000)
    prices = [v1.Price(category=one, kind=v1.PriceKind.PRICE_KIND_FIXED, amount=money) for one in CATEGORIES]
    await client.set_prices(slug, prices, timeout=TIMEOUT)
    return slug


async def report(given: Arguments, admin: Admin | None, ledger: Ledger, tally: Tally, samples: list[Sample]) -> None:
    """A line each interval, and a sample of what the server says of itself."""
    last = began = time.monotonic()
    beat = 1
    while True:
        await asyncio.sleep(max(began + beat * given.every - time.monotonic(), 0))
        beat += 1
        now = time.monotonic()
        calls, times = tally.take()
        words = [
            f"{now - began:6.0f} s",
            f"{calls / (now - last):5.1f} calls/s",
            f"p50 {percentile(times, 50):4.0f} ms",
            f"p99 {percentile(times, 99):5.0f} ms",
            ledger.so_far(),
        ]
        last = now
        if admin:
            try:
                sample = await admin.sample()
            except OSError as error:  # a server that restarts
                words.append(str(error))
            else:
                words.append(sample.in_words())
                if now - began >= given.warm_up:
                    samples.append(sample)
        print("  ".join(words), flush=True)


async def load(
    given: Arguments, client: AsyncClient, admin: Admin | None, ledger: Ledger, tally: Tally
) -> list[Sample]:
    """All the load, until the time is up and everything that began has ended; the samples that were taken."""
    began = time.monotonic()
    until = began + given.seconds
    samples: list[Sample] = []
    tenants = list(ledger.shops)
    followers = [Follower(client, ledger, tally, tenant, given.seed) for tenant in tenants]
    following = [asyncio.create_task(follower.run()) for follower in followers]
    reporting = asyncio.create_task(report(given, admin, ledger, tally, samples))
    busy = [
        *(
            Worker(client, ledger, tally, tenants[place % len(tenants)], seed=given.seed, place=place).run(
                until, given.workers / given.rate
            )
            for place in range(given.workers)
        ),
        *(Uploader(client, ledger, tally, tenant, given.seed).run(until) for tenant in tenants),
    ]
    try:
        await asyncio.gather(*busy)
        reporting.cancel()
        for follower in followers:
            await follower.catch_up()
    finally:
        for task in (reporting, *following):
            task.cancel()
        ended = await asyncio.gather(reporting, *following, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
    return samples


async def soak(given: Arguments) -> int:
    """The soak; how many things were wrong."""
    admin = None if given.admin == "off" else Admin(given.admin)
    ledger, tally = Ledger(), Tally()
    async with AsyncClient(given.address, api_key=os.environ.get("LEKALO_API_KEY"), timeout=TIMEOUT) as client:
        before = await admin.sample() if admin else None
        slug = f"soak-{uuid.uuid4().hex[:12]}"
        for which in "ab":
            ledger.open(await make_tenant(client, f"{slug}-{which}"))
        print(f"{given.seconds:.0f} s, seed {given.seed}, shops {slug}-a and {slug}-b", flush=True)
        try:
            samples = await load(given, client, admin, ledger, tally)
            for tenant in ledger.shops:
                await ledger.compare(client, tenant)
        finally:
            for tenant in ledger.shops:
                with suppress(LekaloError):
                    await client.update_tenant(v1.Tenant(slug=tenant, active=False), ["active"])
        print(f"\n{ledger.so_far()}\n{tally.in_words()}\n")
        grown = 0
        if admin and len(samples) < LEAST_SAMPLES:
            ledger.wrong.append(f"{len(samples)} samples of the metrics at {given.admin} are too few to compare")
        elif admin and before:
            grown, lines = table(samples)
            left, idle = await after(admin, before)
            print("\n".join([*lines, idle]))
            grown += left
    wrong = ledger.wrong + tally.wrong
    for line in wrong[:20]:
        print(f"error: {line}", file=sys.stderr)
    if len(wrong) > len(wrong[:20]):
        print(f"error: … and {len(wrong) - 20} more", file=sys.stderr)
    print(
        "\n" + (f"{len(wrong)} wrong, {grown} grew" if wrong or grown else "nothing lost, nothing twice, all in order")
    )
    return len(wrong) + grown


def arguments() -> Arguments:
    """The command line."""
    parser = argparse.ArgumentParser(description="Mixed load on a server that is not in production.")
    parser.add_argument("--address", default=os.environ.get("LEKALO_ADDR", "127.0.0.1:50051"), help="HOST:PORT")
    parser.add_argument("--admin", default="http://127.0.0.1:50052", help="the admin port's URL, or off")
    parser.add_argument("--seconds", type=float, default=3600, help="how long (default: 3600)")
    parser.add_argument(
        "--every", type=float, help="seconds from line to line (default: a sixtieth of all, at least 1)"
    )
    parser.add_argument("--warm-up", type=float, help="seconds that are not compared (default: a tenth, at most 60)")
    parser.add_argument("--rate", type=float, default=30, help="calls a second (default: 30)")
    parser.add_argument("--workers", type=int, default=6, help=f"calls at once (default: 6, at most {len(BRANDS)})")
    parser.add_argument("--seed", type=int, help="the load's, for the same again (default: a new one)")
    given = parser.parse_args()
    every = given.every or max(1.0, given.seconds / 60)
    warm_up = min(60.0, given.seconds / 10) if given.warm_up is None else given.warm_up
    if given.seconds - warm_up <= LEAST_SAMPLES * every:
        parser.error(f"too short for quarters: --seconds is more than the warm-up and {LEAST_SAMPLES} times --every")
    if not 0 < given.workers <= len(BRANDS):
        parser.error(f"--workers is from 1 to {len(BRANDS)}")
    if min(given.rate, every) <= 0:
        parser.error("--rate and --every are above 0")
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    return Arguments(given.address, given.admin, given.seconds, every, warm_up, given.rate, given.workers, seed)


def main() -> int:
    """Soaks."""
    given = arguments()
    try:
        return 1 if asyncio.run(soak(given)) else 0
    except (LekaloError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
