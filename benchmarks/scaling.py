"""Measure what each act of the service costs, to reckon what more of it would need.

    python -m benchmarks.scaling [--seconds 4]

On embedded servers of its own: messages through the doorbell; epochs committed, leases renewed and
runs claimed by 1 to 64 clients, in one experiment and in many; what an event costs the API for each
listener; and reads a second. Of each the rate, the time a client waits, and of the database the
processor time and the log it writes. The clients are two processes with threads on the machine of
the servers: rates are this machine's, the server's own time carries over. docs/scaling.md says what
follows from it.
"""

import argparse
import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import psycopg
from kombu.connection import Connection
from sqlalchemy import text

from benchmarks.serving import METRICS, Service, Store, processor_seconds
from service import recording
from service.config import Settings
from service.holding import Claim
from service.queue import Doorbell, queue_name
from service.recording import EpochRecord

_PROCESSES = 2
#: More than can be recorded or claimed in the time.
_EPOCHS, _RUNS = 20_000, 4_000
_MESSAGES = 2_000
_EVENTS_A_SECOND = 20.0

#: The store of a client process.
_store: Store

Act = Callable[[Any, int], object]
#: The claims that one worker records together.
Pack = Sequence[Claim]


@dataclass(frozen=True)
class Cost:
    """An act: how often, the seconds a client waits, and the server's seconds and bytes of log."""

    rate: float
    p50: float
    p95: float
    server: float
    log: float

    def __str__(self) -> str:
        return (
            f"{self.rate:8,.0f}/s   p50 {1000 * self.p50:6.1f} ms   p95 {1000 * self.p95:6.1f} ms"
            f"   server {1000 * self.server:5.2f} ms   log {self.log:6,.0f} B"
        )


def record(pack: Pack, number: int) -> None:
    """Commit the next epoch of the runs of a pack."""
    metrics = dict.fromkeys(METRICS, 1 / number)  # others each time, as in life
    records = [EpochRecord(held, number, metrics) for held in pack]
    with _store.sessions() as session:
        recording.record_epochs(session, records, _store.settings)


def renew(pack: Pack, _: int) -> None:
    """Renew the leases of the runs of a pack."""
    with _store.sessions() as session:
        recording.renew(session, [(held, 1, 0.5) for held in pack], _store.settings)


def claim(_: Any, __: int) -> None:
    """Claim a run."""
    _store.claim()


def write(_: Any, number: int) -> None:
    """Commit a row."""
    _write(number, "INSERT INTO scratch VALUES (:number)")


def write_and_notify(_: Any, number: int) -> None:
    """Commit a row with a NOTIFY: Postgres lets one such transaction commit at a time."""
    notifying = "WITH one AS (INSERT INTO scratch VALUES (:number)) SELECT pg_notify('scratch', '')"
    _write(number, notifying)


def _write(number: int, statement: str) -> None:
    with _store.sessions() as session, session.begin():
        session.execute(text(statement), {"number": number})


def _open(settings: Settings) -> None:
    global _store  # noqa: PLW0603 - a process of the pool has one
    _store = Store(settings)


def _clients(act: Act, work: Sequence[Any], begin: float, end: float) -> list[float]:
    """Do each piece of work again and again in a thread of its own; gives the seconds of each."""
    took: list[float] = []

    def client(piece: Any) -> None:
        time.sleep(max(0.0, begin - time.time()))
        for number in count(1):
            if time.time() > end:
                return
            began = time.perf_counter()
            act(piece, number)
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(piece,)) for piece in work]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return took


class Bench:
    """A database, and the client processes that work on it."""

    def __init__(self, service: Service, seconds: float) -> None:
        self._service, self._seconds = service, seconds
        self._database = psycopg.connect(service.settings.database_url, autocommit=True)
        self._server = int(
            self._value("SELECT split_part(pg_read_file('postmaster.pid'), '\n', 1)")
        )
        self._pool = ProcessPoolExecutor(
            _PROCESSES, get_context("spawn"), initializer=_open, initargs=(service.settings,)
        )

    def close(self) -> None:
        """Stop the clients."""
        self._pool.shutdown()
        self._database.close()

    def measure(self, act: Act, work: Sequence[Any]) -> Cost:
        """Let each piece of work be done by a client of its own, all at once."""
        begin = time.time() + 1.0
        shares = [work[start::_PROCESSES] for start in range(_PROCESSES)]
        with self._spent() as spent:
            futures = [
                self._pool.submit(_clients, act, share, begin, begin + self._seconds)
                for share in shares
            ]
            took = [each for future in futures for each in future.result()]
        cuts = statistics.quantiles(took, n=20)
        server, log = (each / len(took) for each in spent)
        return Cost(len(took) / self._seconds, cuts[9], cuts[18], server, log)

    @contextmanager
    def _spent(self) -> Iterator[list[float]]:
        """Give, once the block is over, the server's processor seconds and bytes of log."""
        spent: list[float] = []
        before = self._totals()
        yield spent
        spent += [now - then for now, then in zip(self._totals(), before, strict=True)]

    def _totals(self) -> tuple[float, float]:
        return processor_seconds(self._server), float(
            self._value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        )

    def _value(self, statement: str) -> Any:
        row = self._database.execute(statement.encode()).fetchone()
        return row[0] if row else None

    def held(self, clients: int, experiments: int = 1, pack: int = 1) -> list[Pack]:
        """Submit runs and claim them all, a pack a client; no other run waits or trains."""
        self.end_all()
        store = self._service.store
        for _ in range(experiments):
            store.submit(seeds=clients // experiments * pack, epochs=_EPOCHS)
        return [[store.claim() for _ in range(pack)] for _ in range(clients)]

    def waiting(self, wanted: int) -> None:
        """Let so many runs wait, and no other."""
        self.end_all()
        for _ in range(wanted // 1000):
            self._service.store.submit(seeds=1000, epochs=1)

    def end_all(self) -> None:
        """Let no run wait or train."""
        self._database.execute(
            "UPDATE runs SET status = 'cancelled', lease_expires_at = NULL "
            "WHERE status IN ('queued', 'running')"
        )
        self._database.execute("VACUUM runs")

    @contextmanager
    def unsynced(self) -> Iterator[None]:
        """Let commits not wait for the disk inside the block."""
        try:
            self._database.execute("ALTER SYSTEM SET synchronous_commit = off")
            self._database.execute("SELECT pg_reload_conf()")
            yield
        finally:
            self._database.execute("ALTER SYSTEM RESET synchronous_commit")
            self._database.execute("SELECT pg_reload_conf()")

    def scratch(self) -> None:
        """Make the table that plain rows are written to."""
        self._database.execute("CREATE TABLE IF NOT EXISTS scratch (number int)")

    def connection_megabytes(self) -> float:
        """Give the memory that an idle connection has for itself."""
        with psycopg.connect(self._service.settings.database_url) as other:
            other.execute("SELECT * FROM runs LIMIT 1")
            text = Path(f"/proc/{other.info.backend_pid}/smaps_rollup").read_text()
        return sum(
            int(line.split()[1]) / 1024 for line in text.splitlines() if "Private_Dirty" in line
        )


def doorbell(settings: Settings) -> tuple[float, float]:
    """Give the messages a second that are sent by one sender and taken by one worker."""
    bell = Doorbell(settings)
    began = time.perf_counter()
    bell.ring({"cuda": _MESSAGES})
    sent = _MESSAGES / (time.perf_counter() - began)
    bell.close()
    with Connection(settings.redis_url) as connection:  # type: ignore[no-untyped-call]
        queue = connection.SimpleQueue(queue_name("cuda"))
        began = time.perf_counter()
        for _ in range(_MESSAGES):
            queue.get(timeout=5).ack()
        return sent, _MESSAGES / (time.perf_counter() - began)


async def fan_out(service: Service, pid: int, listeners: int, seconds: float) -> float:
    """Give the API's processor seconds for an event, an epoch's, that so many listen to."""
    run = service.store.submit(epochs=_EPOCHS)[0]
    held = service.store.claim()
    path = f"/v1/experiments/{run.experiment_id}/events"
    opened = [await _listen(service.url, path) for _ in range(listeners)]
    before = processor_seconds(pid)
    events, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        events += 1
        await asyncio.to_thread(service.store.record, held, events)
        await asyncio.sleep(events / _EVENTS_A_SECOND - (time.perf_counter() - began))
    await asyncio.sleep(0.5)
    spent = processor_seconds(pid) - before
    for reading, writer in opened:
        reading.cancel()
        writer.close()
    return spent / events


async def _listen(url: str, path: str) -> tuple[asyncio.Task[None], asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")

    async def read() -> None:
        while await reader.read(65_536):
            pass

    return asyncio.create_task(read()), writer


def reads(service: Service, pid: int, seconds: float) -> dict[str, tuple[float, float]]:
    """Give calls a second of eight clients, and the API's processor seconds for each."""
    stored = service.store.submit(seeds=100, epochs=100)
    service.store.complete(stored)
    paths = {
        "run": f"/v1/runs/{stored[0].id}",
        "history of 100 epochs": f"/v1/runs/{stored[0].id}/history",
        "search of 100 runs": f"/v1/runs?limit=100&experiment_id={stored[0].experiment_id}",
    }
    return {name: _read(service.url, pid, path, seconds) for name, path in paths.items()}


def _read(url: str, pid: int, path: str, seconds: float) -> tuple[float, float]:
    begin = time.time() + 0.2
    before = processor_seconds(pid)
    with httpx.Client(base_url=url, timeout=60) as client:
        calls = _clients(
            lambda *_: client.get(path).raise_for_status(),
            range(8),
            begin,
            begin + seconds,
        )
    return len(calls) / seconds, (processor_seconds(pid) - before) / len(calls)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=4.0)
    seconds = parser.parse_args().seconds
    with Service(lease_seconds=3600, database_pool_size=40) as service:
        bench = Bench(service, seconds)
        try:
            _report_writes(bench)
        finally:
            bench.close()
        sent, taken = doorbell(service.settings)
        print(
            f"\nDoorbell: {sent:,.0f} messages a second sent, {taken:,.0f} taken and acknowledged"
        )
        api = service.api()
        for listeners in (0, 50, 200):
            cost = asyncio.run(fan_out(service, api.pid, listeners, seconds))
            print(f"Event, {listeners:3} listeners: API {1000 * cost:.2f} ms")
        for name, (rate, cost) in reads(service, api.pid, seconds).items():
            print(f"Read, {name:22} {rate:6,.0f}/s   API {1000 * cost:.2f} ms")


def _report_writes(bench: Bench) -> None:
    print(f"A connection of its own: {bench.connection_megabytes():.1f} MB")
    bench.scratch()
    for clients in (1, 32):
        for name, act in (("Plain rows", write), ("Rows with NOTIFY", write_and_notify)):
            print(f"{name}, {clients:2} clients: {bench.measure(act, range(clients))}")
    for clients in (1, 2, 8, 32):
        for experiments in sorted({1, clients}):
            cost = bench.measure(record, bench.held(clients, experiments))
            print(f"Epochs, {clients:2} clients, {experiments:2} experiments: {cost}")
    for pack in (16, 64):
        cost = bench.measure(record, bench.held(2, pack=pack))
        print(f"Epochs of packs of {pack}, 2 clients: {cost}")
    for clients in (1, 32):
        print(f"Renewals, {clients:2} clients: {bench.measure(renew, bench.held(clients))}")
    with bench.unsynced():
        cost = bench.measure(record, bench.held(32))
        print(f"Epochs, 32 clients, synchronous_commit off: {cost}")
    for clients in (1, 4, 16, 64):
        bench.waiting(_RUNS)
        print(f"Claims, {clients:2} clients: {bench.measure(claim, range(clients))}")
    bench.end_all()


if __name__ == "__main__":
    main()
