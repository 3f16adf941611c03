"""Drive a served API with submissions, reads and live streams at once, and time each.

    python -m benchmarks.load [--seconds 30] [--streams 200] [--readers 8] [--thousands 0]

A real API process on embedded servers of its own, over the loopback. ``--readers`` clients read
experiments, runs and histories as fast as they are answered, two submit, and ``--streams`` clients
follow an experiment in which a worker's part is played: its use-cases record five epochs a second.
Prints calls a second, latencies, errors, the API's memory in the course of it, and the time from
an epoch's commit to its event at the client. ``--thousands`` goes on until so many thousand calls
were answered. Exits with 1 where a call failed.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from alembic import command
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from deploy.embedded import EmbeddedServers
from deploy.embedded.ports import free_port
from service import claiming, experiments, recording
from service.config import Settings
from service.database import alembic_config, create_database_engine, session_factory
from service.holding import Claim
from service.models import Epoch, Run
from service.recording import EpochRecord
from service.spec import ExperimentSpec

#: Experiments that are there to be read, with this many runs and epochs each.
_STORED, _RUNS, _EPOCHS = 10, 10, 100
_EPOCH_SECONDS = 0.2
_SUBMITTERS = 2
_SAMPLES = 10

_METRICS = dict.fromkeys(
    ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "gradient_norm"), 0.5
)
_ENGINE = {"device": "cpu", "torch": "-", "numpy": "-"}


@dataclass
class Measured:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    calls: int = 0
    #: When the commit of each epoch of the followed run was answered.
    committed: dict[int, float] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    #: The API's resident megabytes after so many calls.
    memory: list[tuple[int, float]] = field(default_factory=list)
    elapsed: float = 0.0


class Store:
    """The database, and a worker's part in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._engine = create_database_engine(settings)
        self._sessions: sessionmaker[Session] = session_factory(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def submit(self, runs_wanted: int, epochs: int) -> list[Run]:
        spec = {"activation": "relu", "epochs": epochs, "seeds": runs_wanted, "reuse": False}
        with self._sessions() as session:
            made = experiments.submit(
                session,
                ExperimentSpec.model_validate(spec),
                caller="bench",
                settings=self.settings,
                render=lambda _: b"",
            )
            with session.begin():
                wanted = select(Run).where(Run.experiment_id == made.experiment_id)
                return list(session.scalars(wanted.order_by(Run.position)))

    def complete(self, stored: list[Run]) -> None:
        """Let runs have been trained, all at once."""
        ids = [each.id for each in stored]
        rows = [
            {"run_id": each, "epoch": n + 1, **_METRICS} for each in ids for n in range(_EPOCHS)
        ]
        with self._sessions() as session, session.begin():
            session.execute(insert(Epoch), rows)
            ended = {"status": "completed", "epoch": _EPOCHS, "finished_at": func.now()}
            session.execute(update(Run).where(Run.id.in_(ids)).values(ended))

    def claim(self) -> Claim:
        with self._sessions() as session:
            taken = claiming.claim(
                session, worker="bench", engine=_ENGINE, settings=self.settings, most=1
            )
        if not taken:
            raise RuntimeError("No run waits, though one was just submitted.")
        return taken[0]

    def record(self, held: Claim, epoch: int) -> None:
        ending = "completed" if epoch == held.epochs else None
        with self._sessions() as session:
            record = EpochRecord(held, epoch, _METRICS, ending)
            recording.record_epochs(session, [record], self.settings)


@contextmanager
def served() -> Iterator[tuple[Store, str, int]]:
    """Serve the API in a process of its own; gives the store, the API's URL and process."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        endpoints = stack.enter_context(EmbeddedServers(home))
        port = free_port()
        settings = Settings(
            database_url=endpoints.database_url,
            redis_url=endpoints.redis_url,
            home=home,
            port=port,
            rate_limit="1000000000/minute",
            lease_seconds=600,
        )
        command.upgrade(alembic_config(settings.sqlalchemy_url), "head")
        store = Store(settings)
        stack.callback(store.close)
        told = {
            "ACTINIUM_DATABASE_URL": settings.database_url,
            "ACTINIUM_REDIS_URL": settings.redis_url,
            "ACTINIUM_HOME": str(home),
            "ACTINIUM_PORT": str(port),
            "ACTINIUM_RATE_LIMIT": settings.rate_limit,
            "ACTINIUM_LOG_LEVEL": "WARNING",
        }
        api = subprocess.Popen(
            [sys.executable, "-m", "service.command", "api"], env=os.environ | told
        )
        stack.callback(api.wait)
        stack.callback(api.terminate)
        url = f"http://127.0.0.1:{port}"
        _wait_until_alive(url)
        yield store, url, api.pid


def _wait_until_alive(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"{url}/healthz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("The API did not start within a minute.")


def megabytes(pid: int) -> float:
    """Give the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


class Drive:
    """All clients at once, in one event loop, until the time and the calls are over."""

    def __init__(self, store: Store, url: str, pid: int, options: argparse.Namespace) -> None:
        self.measured = Measured()
        self._store, self._url, self._pid, self._options = store, url, pid, options
        self._over = False

    async def run(self) -> None:
        """Drive; the figures are in ``measured``."""
        stored = await asyncio.to_thread(self._fill)
        self._store.submit(1, 20_000)
        held = await asyncio.to_thread(self._store.claim)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, limits=limits) as client:
            listening = asyncio.Semaphore(0)
            streams = [
                asyncio.create_task(self._follow(held, listening))
                for _ in range(self._options.streams)
            ]
            for _ in streams:
                await asyncio.wait_for(listening.acquire(), 60)
            work = [asyncio.create_task(self._train(held))]
            work += [
                asyncio.create_task(self._read(client, stored, first))
                for first in range(self._options.readers)
            ]
            work += [asyncio.create_task(self._submit(client)) for _ in range(_SUBMITTERS)]
            await self._watch()
            self._over = True
            await asyncio.gather(*work)
            await self._last_events()
            for each in streams:
                each.cancel()
            for result in await asyncio.gather(*streams, return_exceptions=True):
                if isinstance(result, Exception):
                    self.measured.errors.append(f"A stream broke: {result!r}")

    def _fill(self) -> list[Run]:
        """Store experiments to be read."""
        stored = [run for _ in range(_STORED) for run in self._store.submit(_RUNS, _EPOCHS)]
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

    async def _last_events(self) -> None:
        """Wait until every stream has told every epoch."""
        wanted = len(self.measured.committed)
        until = time.monotonic() + 10
        while min(self.measured.received, default=wanted) < wanted:
            if time.monotonic() > until:
                self.measured.errors.append("A stream did not tell every epoch within 10 s.")
                return
            await asyncio.sleep(0.05)

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
            if self._over:
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
        while not self._over:
            name = "submission of 10 runs"
            await self._call(client, name, "POST", "/v1/experiments", json=spec | {"reuse": False})

    async def _train(self, held: Claim) -> None:
        for epoch in range(1, held.epochs):
            if self._over:
                return
            await asyncio.to_thread(self._record, held, epoch)
            await asyncio.sleep(_EPOCH_SECONDS)

    def _record(self, held: Claim, epoch: int) -> None:
        """Commit an epoch and note when; in a thread, as the event loop may be late."""
        self._store.record(held, epoch)
        self.measured.committed[epoch] = time.perf_counter()

    async def _follow(self, held: Claim, listening: asyncio.Semaphore) -> None:
        """Count the epochs of a stream, and time each from its commit."""
        place = len(self.measured.received)
        self.measured.received.append(0)
        path = f"/v1/experiments/{held.experiment_id}/events"
        # A bare socket: two hundred clients of httpx would take more of the machine than the API.
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(self._url).port)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"The stream was answered with {status!r}.")
        listening.release()
        while line := await reader.readline():
            if not (line.startswith(b"data: ") and b'"metrics"' in line):
                continue
            arrived = time.perf_counter()
            self.measured.received[place] += 1
            found = re.search(rb'"epoch":(\d+)', line)
            if found is None or int(found[1]) != self.measured.received[place]:
                raise RuntimeError(f"Expected the next epoch, not {line!r}.")
            committed = self.measured.committed.get(int(found[1]))
            # An event that overtakes the commit's own answer has no delay.
            self.measured.delays.append(arrived - committed if committed else 0.0)
        raise RuntimeError("The API ended a stream.")


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else values * 99
    return f"{1000 * cuts[49]:9.1f} {1000 * cuts[94]:9.1f} {1000 * cuts[98]:9.1f}"


def report(measured: Measured) -> None:
    """Print the table."""
    seconds = measured.elapsed
    print(f"\n{'':26}{'calls/s':>9} {'p50 ms':>9} {'p95 ms':>9} {'p99 ms':>9}")
    for name, values in measured.seconds.items():
        print(f"{name:26}{len(values) / seconds:9.1f} {_quantiles(values)}")
    told = f"{'commit of an epoch to its event':<35} {_quantiles(measured.delays)}"
    print(f"{told}\n")
    print(
        f"{measured.calls:,} calls, {len(measured.delays):,} events to {len(measured.received)} "
        f"streams in {seconds:.0f} s; {len(measured.errors)} errors."
    )
    print("Memory of the API, by thousands of calls answered:")
    print("  ".join(f"{calls / 1000:.1f}: {size:.0f} MB" for calls, size in measured.memory))
    for each in measured.errors[:10]:
        print(each, file=sys.stderr)


def main() -> None:
    """Drive and report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--thousands", type=float, default=0.0)
    options = parser.parse_args()
    with served() as (store, url, pid):
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {url}", flush=True)
        drive = Drive(store, url, pid, options)
        asyncio.run(drive.run())
        report(drive.measured)
    sys.exit(1 if drive.measured.errors else 0)


if __name__ == "__main__":
    main()
