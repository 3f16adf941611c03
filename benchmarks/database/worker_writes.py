"""Acts of workers on a database, done by many clients at once, and what each costs.

The clients are threads of two processes. Each process has a ``Store`` of its own.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from benchmarks.http.serving import METRICS, Service, Store, processor_seconds
from service.runs import leases, recording
from service.runs.fencing import Claim
from service.runs.recording import EpochRecord
from service.settings import Settings

_PROCESSES = 2
#: More than can be recorded in the time.
EPOCHS = 20_000

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
    records = [EpochRecord(claimed, number, metrics) for claimed in pack]
    with _store.sessions() as session:
        recording.record_epochs(session, records, _store.settings)


def renew(pack: Pack, _: int) -> None:
    """Renew the leases of the runs of a pack."""
    with _store.sessions() as session:
        leases.renew(session, [(claimed, 1, 0.5) for claimed in pack], _store.settings)


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


def _open(settings: Settings, ready: Barrier) -> None:
    global _store  # noqa: PLW0603 - a process of the pool has one
    _store = Store(settings)
    ready.wait()


def repeated(act: Act, work: Sequence[Any], begin: float, end: float) -> list[float]:
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
    for thread in threads:
        thread.start()
    for each in threads:
        each.join()
    return took


class Bench:
    """A database, and the client processes that work on it."""

    def __init__(self, service: Service, seconds: float) -> None:
        self._service, self._seconds = service, seconds
        self._database = psycopg.connect(service.settings.database_url, autocommit=True)
        self._server = service.store.server_pid()
        spawning = get_context("spawn")
        ready = spawning.Barrier(_PROCESSES + 1)
        self._pool = ProcessPoolExecutor(
            _PROCESSES, spawning, initializer=_open, initargs=(service.settings, ready)
        )
        for _ in range(_PROCESSES):
            self._pool.submit(int)
        ready.wait()  # else their imports would count to the first that is measured

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
                self._pool.submit(repeated, act, share, begin, begin + self._seconds)
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

    def claimed(self, clients: int, experiments: int = 1, pack: int = 1) -> list[Pack]:
        """Submit runs and claim them all, one pack per client; no other run waits or trains."""
        self.end_all()
        store = self._service.store
        for _ in range(experiments):
            store.submit(seeds=clients // experiments * pack, epochs=EPOCHS)
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
        """Return the memory that an idle connection has for itself."""
        with psycopg.connect(self._service.settings.database_url) as other:
            other.execute("SELECT * FROM runs LIMIT 1")
            text = Path(f"/proc/{other.info.backend_pid}/smaps_rollup").read_text()
        return sum(
            int(line.split()[1]) / 1024 for line in text.splitlines() if "Private_Dirty" in line
        )
