"""A service of its own for a benchmark: servers in a folder that is thrown away, real processes."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from alembic import command
from pydantic import SecretStr
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from deploy.embedded import EmbeddedServers
from deploy.embedded.ports import free_port
from deploy.embedded.process import ends_with_launcher
from service.database.engine import create_database_engine, session_factory
from service.database.schema_version import alembic_config
from service.database.tables import Epoch, Run
from service.experiments import submission
from service.runs import claims, recording
from service.runs.capacity import count_workers, workers_wanted
from service.runs.doorbell import Doorbell
from service.runs.fencing import Claim
from service.runs.recording import EpochRecord
from service.settings import Settings
from service.specs.spec import ExperimentSpec

T = TypeVar("T")

#: Who submits.
CALLER = "bench"

#: What a worker records of an epoch, without the time it took.
METRICS = dict.fromkeys(
    ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "gradient_norm"), 0.5
)

_ENGINE = {"device": "cpu", "threads": 1, "torch": "-", "numpy": "-"}
_STOP_SECONDS = 30.0
#: Rows that one statement writes.
_AT_ONCE = 20_000

Process = subprocess.Popen[bytes]


def wait_for(condition: Callable[[], T], what: str, seconds: float = 120.0) -> T:
    """Wait until a condition gives something true, looking 200 times a second, and return that.

    Raises:
        TimeoutError: it did not within the time.
    """
    until = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > until:
            raise TimeoutError(f"Not within {seconds:g} s: {what}.")
        time.sleep(0.005)
    return found


class Store:
    """The database of a service, and a worker's part in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._engine = create_database_engine(settings)
        self.sessions: sessionmaker[Session] = session_factory(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def submit(self, **spec: Any) -> list[Run]:
        """Store an experiment; gives its runs in order."""
        with self.sessions() as session:
            made = submission.submit(
                session,
                ExperimentSpec.model_validate({"activation": "relu", "reuse": False} | spec),
                caller=CALLER,
                settings=self.settings,
            )
        return self.runs_of(made.experiment.id)

    def runs_of(self, experiment_id: Any) -> list[Run]:
        """Read the runs of an experiment, in order."""
        wanted = select(Run).where(Run.experiment_id == experiment_id).order_by(Run.position)
        with self.sessions() as session:
            return list(session.scalars(wanted))

    def complete(self, stored: list[Run], metrics: Mapping[str, float] = METRICS) -> None:
        """Let runs have been trained, all at once."""
        rows = [
            {"run_id": run.id, "epoch": epoch, **metrics}
            for run in stored
            for epoch in range(1, run.epochs + 1)
        ]
        final = {name: metrics[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        with self.sessions() as session, session.begin():
            for start in range(0, len(rows), _AT_ONCE):
                session.execute(insert(Epoch), rows[start : start + _AT_ONCE])
            ended = {"status": "completed", "epoch": Run.epochs, "finished_at": func.now()}
            ids = [each.id for each in stored]
            session.execute(update(Run).where(Run.id.in_(ids)).values(**ended, **final))

    def claim(self) -> Claim:
        """Claim the next run, which must be there."""
        with self.sessions() as session:
            taken = claims.claim(
                session, worker="bench", engine=_ENGINE, settings=self.settings, most=1
            )
        if not taken:
            raise RuntimeError("No run waits, though one was just submitted.")
        return taken[0]

    def record(self, claimed: Claim, epoch: int) -> None:
        """Commit an epoch of a claimed run."""
        ending = "completed" if epoch == claimed.epochs else None
        with self.sessions() as session:
            record = EpochRecord(claimed, epoch, METRICS, ending)
            recording.record_epochs(session, [record], self.settings)

    def run(self, run_id: Any) -> Run | None:
        """Read a run as it is now."""
        with self.sessions() as session:
            return session.get(Run, run_id)

    def ring(self) -> None:
        """Ring for the runs that wait, as the API does after a submission."""
        doorbell = Doorbell(self.settings)
        with self.sessions() as session:
            doorbell.ring(workers_wanted(session, self.settings))
        doorbell.close()

    def server_pid(self) -> int:
        """Return the process id of PostgreSQL's server, whose folder is in the service's home."""
        (told,) = self.settings.home.rglob("postmaster.pid")
        return int(told.read_text().splitlines()[0])

    def workers(self) -> int:
        """Count the workers seen lately."""
        with self.sessions() as session:
            return sum(count_workers(session, self.settings).values())


class Service:
    """PostgreSQL and Valkey, migrated, and the processes of the service that are started on them.

    All of it ends with the block, and its data go. ``further`` are settings.
    """

    def __init__(self, **further: Any) -> None:
        self._further = further
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Start the servers and bring the schema up to date."""
        with ExitStack() as closing:
            home = Path(closing.enter_context(tempfile.TemporaryDirectory()))
            endpoints = closing.enter_context(EmbeddedServers(home))
            self.superuser_url = endpoints.superuser_url
            self.settings = Settings(
                **{
                    "database_url": endpoints.database_url,
                    "redis_url": endpoints.redis_url,
                    "home": home,
                    "port": free_port(),
                    "rate_limit": "1000000000/minute",
                    "lease_seconds": 600,
                    "log_level": "ERROR",
                    **self._further,
                }
            )
            command.upgrade(alembic_config(self.settings.sqlalchemy_url), "head")
            self.store = Store(self.settings)
            closing.callback(self.store.close)
            self._closing = closing.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self._closing.close()

    @property
    def url(self) -> str:
        """Where the API answers once it is started."""
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self, *arguments: str) -> Process:
        """Start ``python -m arguments`` with the settings of this service."""
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=os.environ | _variables(self.settings),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=ends_with_launcher(SIGTERM),  # noqa: PLW1509
        )
        self._closing.callback(stop, process)
        return process

    def api(self) -> Process:
        """Start the API and wait until it answers."""
        process = self.start("service.cli", "api")
        wait_for(lambda: answers(f"{self.url}/healthz"), "the API answers")
        return process

    def worker(self, name: str = "one") -> Process:
        """Start a worker on the CPU and wait until it is seen."""
        before = self.store.workers()
        process = self.start("workers", "--device", "cpu", "--name", name)
        wait_for(lambda: self.store.workers() > before, "the worker is seen")
        return process

    def scheduler(self) -> Process:
        """Start the scheduler."""
        return self.start("service.cli", "scheduler")


def _variables(settings: Settings) -> dict[str, str]:
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {
        f"ACTINIUM_{name.upper()}": each.get_secret_value()
        if isinstance(each, SecretStr)
        else str(each)
        for name, each in given.items()
    }


def answers(url: str) -> bool:
    """Whether a URL answers with success."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def stop(process: Process) -> None:
    """Ask a process to stop, and kill what is left of its group after a while."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, SIGKILL)
    process.wait()


def megabytes(pid: int, what: str = "VmRSS") -> float:
    """Return the resident memory of a process, or with ``VmHWM`` its peak."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def forget_peak(pid: int) -> None:
    """Let a process' peak memory begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children, living and ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(int(each)) for each in children)
