"""Time the cancel of a large experiment with many webhooks, and claims beside a long queue.

    python -m benchmarks.database.cancelling [--runs 10000] [--webhooks 100] [--queued 50000]

A scratch database of its own, without API and workers. The first line is the cancel of an
experiment of so many queued runs, of which every webhook is told: the seconds of the caller, and
of this process' processor among them. Then callers with so many queued runs in all stand in the
queue, and a worker claims run after run alone: median and slowest of 100 claims, with the queue
empty but for 100 runs and with it full, so that a claim that grows with the queue shows.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from sqlalchemy import insert
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.options import program
from deploy.embedded.postgres import PostgresServer
from service.database.engine import create_database_engine, session_factory
from service.database.schema_version import alembic_config
from service.database.webhook_tables import Webhook
from service.events.event_types import WEBHOOK_EVENTS
from service.experiments import lifecycle, submission
from service.ids import uuid7
from service.runs.claims import claim
from service.settings import Settings
from service.specs.spec import ExperimentSpec

_CLAIMS = 100
_ENGINE = {"device": "cpu", "name": "benchmark"}
_LARGEST = 10_000


def main() -> None:
    """Print the three lines."""
    parser = program("benchmarks.database.cancelling", __doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--webhooks", type=int, default=100)
    parser.add_argument("--queued", type=int, default=50_000)
    options = parser.parse_args()
    with _database() as (sessions, settings):
        _subscribe(sessions, options.webhooks)
        for number in range(3):
            experiment = _submit(sessions, settings, "one", options.runs, first_seed=0)
            began, worked = time.perf_counter(), time.process_time()
            with sessions() as session:
                lifecycle.cancel(session, experiment)
            seconds, worked = time.perf_counter() - began, time.process_time() - worked
            print(
                f"cancel {number + 1} of {options.runs:,} runs with {options.webhooks} webhooks: "
                f"{seconds:.2f} s, {worked:.2f} s of them here",
                flush=True,
            )
        _submit(sessions, settings, "few", _CLAIMS, first_seed=10**6)
        _time_claims(sessions, settings, "beside an empty queue")
        for number in range(-(-options.queued // _LARGEST)):
            left = min(_LARGEST, options.queued - number * _LARGEST)
            _submit(sessions, settings, f"caller {number % 3}", left, first_seed=number * _LARGEST)
        _time_claims(sessions, settings, f"beside {options.queued:,} queued runs")


@contextmanager
def _database() -> Iterator[tuple[sessionmaker[Session], Settings]]:
    """Return sessions of an empty database, and its settings."""
    with tempfile.TemporaryDirectory() as home:
        server = PostgresServer(Path(home))
        try:
            settings = Settings(
                database_url=server.start(), home=Path(home), max_queued_runs=1_000_000
            )
            command.upgrade(alembic_config(settings.sqlalchemy_url), "head")
            engine = create_database_engine(settings)
            yield session_factory(engine), settings
            engine.dispose()
        finally:
            server.stop()


def _subscribe(sessions: sessionmaker[Session], webhooks: int) -> None:
    rows = [
        {
            "id": uuid7(),
            "url": f"https://receiver-{number}.example/hook",
            "events": sorted(WEBHOOK_EVENTS),
            "secret": "whsec_benchmark",
            "created_by": "benchmark",
        }
        for number in range(webhooks)
    ]
    with sessions() as session, session.begin():
        session.execute(insert(Webhook), rows)


def _submit(
    sessions: sessionmaker[Session], settings: Settings, caller: str, runs: int, *, first_seed: int
) -> object:
    spec = ExperimentSpec.model_validate(
        {
            "activation": "relu",
            "model": {"name": "mlp", "hidden_units": [8]},
            "dataset": "digits",
            "epochs": 1,
            "seeds": list(range(first_seed, first_seed + runs)),
        }
    )
    with sessions() as session:
        return submission.submit(session, spec, caller=caller, settings=settings).experiment.id


def _time_claims(sessions: sessionmaker[Session], settings: Settings, where: str) -> None:
    seconds = []
    for _ in range(_CLAIMS):
        with sessions() as session:
            began = time.perf_counter()
            claimed = claim(session, worker="one", engine=_ENGINE, settings=settings, most=1)
            seconds.append(time.perf_counter() - began)
            assert len(claimed) == 1
    print(
        f"claims {where}: median {1000 * statistics.median(seconds):.1f} ms, "
        f"slowest {1000 * max(seconds):.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
