"""What the server says of itself on its admin port, and whether it grows."""

from __future__ import annotations

import asyncio
import http.client
import math
import re
import time
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
CODE = re.compile(r'grpc_code="(\w+)"')
MIB = 1 << 20
WAIT = 15.0
"""The seconds that a server has to let go of what the load held."""

BOUNDS = {"memory, MiB": 8.0, "open fds": 12.0, "pool connections": 6.0, "calls in flight": 10.0}
"""What may be added to 110 % of the first quarter: a burst on a busy machine is no leak, which has no end."""
ERRORS, SPREAD = 5.0, 4.0
"""For errors of one code, so many more, and so many standard deviations: what is cut short is a matter of luck."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the metrics."""

    gauges: dict[str, float]
    used: float
    watchers: float
    codes: dict[str, float]
    """Calls that ended, by code, since the server's start."""

    def in_words(self) -> str:
        """For the interval's line."""
        memory, fds, pool, flight = self.gauges.values()
        errors = sum(count for code, count in self.codes.items() if code != "OK")
        return f"memory {memory:.1f} MiB  fds {fds:.0f}  pool {pool:.0f}  in flight {flight:.0f}  errors {errors:.0f}"


class Admin:
    """The admin port."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.at = urlsplit(url if "//" in url else f"//{url}")

    async def sample(self) -> Sample:
        """Reads /metrics."""
        try:
            text = await asyncio.to_thread(self.read)
        except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: no URL
            raise OSError(f"no metrics at {self.url} (--admin): {error}") from error
        values: dict[str, float] = {}
        codes: dict[str, float] = {}
        for name, labels, value in (found.groups() for found in map(LINE.match, text.splitlines()) if found):
            if name == "grpc_server_handled_total" and (code := CODE.search(labels)):
                codes[code[1]] = codes.get(code[1], 0.0) + float(value)
            key = "used" if name == "db_client_connections_usage" and 'state="used"' in labels else ""
            for one in filter(None, (name, key)):
                values[one] = values.get(one, 0.0) + float(value)
        try:
            readings = (
                values["process_resident_memory_bytes"] / MIB,
                values["process_open_fds"],
                values["db_client_connections_usage"],
                values["grpc_server_in_flight"],
            )
            return Sample(dict(zip(BOUNDS, readings, strict=True)), values["used"], values["lekalo_watchers"], codes)
        except KeyError as error:
            raise OSError(f"{self.url} (--admin) has no metric {error}") from error

    def read(self) -> str:
        """The page."""
        kind = http.client.HTTPSConnection if self.at.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.at.hostname or "", self.at.port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise OSError(f"HTTP {response.status}")
            return response.read().decode()
        finally:
            connection.close()


def ended_in(part: list[Sample]) -> dict[str, float]:
    """The calls that ended between the first of these samples and the last, by code."""
    first, last = part[0].codes, part[-1].codes
    return {code: count - first.get(code, 0.0) for code, count in last.items() if count}


def table(samples: list[Sample]) -> tuple[int, list[str]]:
    """The first quarter beside the last, and how many measures grow. Gauges are medians, errors are of 1000 calls."""
    size = max(2, len(samples) // 4)
    first, last = samples[:size], samples[-size:]
    rows = []
    for name, more in BOUNDS.items():
        was = median(one.gauges[name] for one in first)
        rows.append((name, was, median(one.gauges[name] for one in last), was * 1.1 + more))
    before, behind = ended_in(first), ended_in(last)
    calls, later = max(sum(before.values()), 1.0), max(sum(behind.values()), 1.0)
    for code in sorted(behind.keys() - {"OK"}):
        was, now = before.get(code, 0.0) / calls, behind[code] / later
        most = was * 1.1 + (ERRORS + SPREAD * math.sqrt(was * later)) / later
        rows.append((f"{code} in 1000 calls", 1000 * was, 1000 * now, 1000 * most))
    lines = [f"{'':32}{'first quarter':>15}{'last quarter':>15}{'at most':>10}"]
    for name, was, now, most in rows:
        lines.append(f"{name:32}{was:15.1f}{now:15.1f}{most:10.1f}  {'GROWS' if now > most else 'FLAT'}")
    return sum(now > most for _, _, now, most in rows), lines


async def after(admin: Admin, before: Sample) -> tuple[int, str]:
    """Whether what the load held is let go of: calls, watches and connections that are used."""
    until = time.monotonic() + WAIT
    while True:
        sample = await admin.sample()
        held = {
            "calls": sample.gauges["calls in flight"] - before.gauges["calls in flight"],
            "watches": sample.watchers - before.watchers,
            "used connections": sample.used - before.used,
        }
        left = [f"{count:.0f} {name}" for name, count in held.items() if count > 0]
        if not left:
            return 0, f"{'held after the load':32}{'none':>15}{'':25}  FLAT"
        if time.monotonic() > until:
            return 1, f"{'held after the load':32}  {', '.join(left)}  GROWS"
        await asyncio.sleep(0.2)


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent are not above; 0 of none."""
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)] if values else 0.0
