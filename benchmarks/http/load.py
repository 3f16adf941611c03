"""Drive a served API with submissions, reads and live streams at once, and time each.

    python -m benchmarks.http.load [--seconds 30] [--streams 200] [--readers 8] [--thousands 0]

A real API process on embedded servers of its own, over the loopback. ``--readers`` clients read
experiments, runs and histories as fast as they are answered, two submit, and ``--streams`` clients
follow an experiment whose worker is played: its use-cases record five epochs per second.
Prints calls per second, latencies, errors, the API's memory in the course of it, and the time from
an epoch's commit to its event at the client. ``--thousands`` goes on until so many thousand calls
were answered. Exits with 1 where a call failed.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from benchmarks.http.listeners import Heard, Listeners
from benchmarks.http.serving import Service, Store, megabytes
from benchmarks.options import program
from service.database.tables import Run

#: Experiments that are there to be read, with this many runs and epochs each.
_STORED, _RUNS, _EPOCHS = 10, 10, 100
_SUBMITTERS = 2
_SAMPLES = 10


@dataclass
class Measured:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    calls: int = 0
    heard: Heard = field(default_factory=Heard)
    #: The API's resident megabytes after so many calls.
    memory: list[tuple[int, float]] = field(default_factory=list)
    elapsed: float = 0.0


class Drive:
    """All clients at once, in one event loop, until the time and the calls are over."""

    def __init__(self, store: Store, url: str, pid: int, options: argparse.Namespace) -> None:
        self.measured = Measured()
        self._store, self._url, self._pid, self._options = store, url, pid, options
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Drive; the figures are in ``measured``."""
        stored = await asyncio.to_thread(self._fill)
        self._store.submit(epochs=20_000)
        listeners = Listeners(self._store, self._url, await asyncio.to_thread(self._store.claim))
        self.measured.heard = listeners.heard
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, limits=limits) as client:
            await listeners.open(self._options.streams)
            work = [asyncio.create_task(listeners.train(self._over))]
            work += [
                asyncio.create_task(self._read(client, stored, first))
                for first in range(self._options.readers)
            ]
            work += [asyncio.create_task(self._submit(client)) for _ in range(_SUBMITTERS)]
            await self._watch()
            self._over.set()
            await asyncio.gather(*work)
            self.measured.errors += await listeners.close()

    def _fill(self) -> list[Run]:
        """Store experiments to be read."""
        stored = [
            run for _ in range(_STORED) for run in self._store.submit(seeds=_RUNS, epochs=_EPOCHS)
        ]
        self._store.complete(stored)
        return stored

    async def _watch(self) -> None:
        """Note the API's memory until the time is over and enough calls were answered."""
        began = time.monotonic()
        seconds, calls = self._options.seconds, 1000 * self._options.thousands
        for number in count():
            share = number / _SAMPLES
            while time.monotonic() - began < share * seconds or (
                self.measured.calls < share * calls
            ):
                await asyncio.sleep(0.05)
            self.measured.memory.append((self.measured.calls, megabytes(self._pid)))
            if number == _SAMPLES:
                self.measured.elapsed = time.monotonic() - began
                return

    async def _call(
        self, client: httpx.AsyncClient, name: str, method: str, path: str, **request: Any
    ) -> None:
        began = time.perf_counter()
        try:
            answer = await client.request(method, path, **request)
        except httpx.HTTPError as error:
            self.measured.errors.append(f"{method} {path}: {error!r}")
            return
        self.measured.seconds[name].append(time.perf_counter() - began)
        self.measured.calls += 1
        if not answer.is_success:
            self.measured.errors.append(f"{method} {path}: {answer.status_code} {answer.text}")

    async def _read(self, client: httpx.AsyncClient, stored: list[Run], first: int) -> None:
        for number in count(first):
            if self._over.is_set():
                return
            run = stored[number % len(stored)]
            in_it = {"experiment_id": str(run.experiment_id)}
            await self._call(client, "list of experiments", "GET", "/v1/experiments")
            await self._call(client, "experiment", "GET", f"/v1/experiments/{run.experiment_id}")
            await self._call(client, "search of runs", "GET", "/v1/runs", params=in_it)
            await self._call(client, "run", "GET", f"/v1/runs/{run.id}")
            await self._call(client, "history", "GET", f"/v1/runs/{run.id}/history")

    async def _submit(self, client: httpx.AsyncClient) -> None:
        spec = {"activation": ["relu", "tanh"], "epochs": 1, "seeds": 5, "device": "cuda"}
        while not self._over.is_set():
            name = "submission of 10 runs"
            await self._call(client, name, "POST", "/v1/experiments", json=spec | {"reuse": False})


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else values * 99
    return f"{1000 * cuts[49]:9.1f} {1000 * cuts[94]:9.1f} {1000 * cuts[98]:9.1f}"


def report(measured: Measured) -> None:
    """Print the table."""
    seconds = measured.elapsed
    print(f"\n{'':26}{'calls/s':>9} {'p50 ms':>9} {'p95 ms':>9} {'p99 ms':>9}")
    for name, values in measured.seconds.items():
        print(f"{name:26}{len(values) / seconds:9.1f} {_quantiles(values)}")
    shown = f"{'commit of an epoch to its event':<35} {_quantiles(measured.heard.delays)}"
    print(f"{shown}\n")
    print(
        f"{measured.calls:,} calls, {len(measured.heard.delays):,} events to "
        f"{len(measured.heard.received)} "
        f"streams in {seconds:.0f} s; {len(measured.errors)} errors."
    )
    print("Memory of the API, by thousands of calls answered:")
    print("  ".join(f"{calls / 1000:.1f}: {size:.0f} MB" for calls, size in measured.memory))
    for error in measured.errors[:10]:
        print(error, file=sys.stderr)


def main() -> None:
    """Drive and report."""
    parser = program("benchmarks.http.load", __doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--thousands", type=float, default=0.0)
    options = parser.parse_args()
    with Service() as service:
        pid = service.api().pid
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {service.url}", flush=True)
        drive = Drive(service.store, service.url, pid, options)
        asyncio.run(drive.run())
        report(drive.measured)
    sys.exit(1 if drive.measured.errors else 0)


if __name__ == "__main__":
    main()
