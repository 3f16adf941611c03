"""Time when experiments are expected to end, beside a long queue.

    python -m benchmarks.database.forecasts [--experiments 100] [--runs 20000] [--plans]

Fills a scratch database with so many unfinished experiments that have so many runs in all, eight of
each under way, and four workers. Prints the milliseconds of each statement of one forecast, median
and processor time of one, and then of 100 answers in a row of an API process, which keeps the
forecasts for a moment. ``--plans`` prints how PostgreSQL answers each statement.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, insert
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.database.filled import Filling, database
from benchmarks.options import program
from service.database.engine import create_database_engine, session_factory
from service.database.tables import Worker
from service.experiments.forecast import forecasts
from service.experiments.kept_forecasts import KeptForecasts

_WORKERS = 4
_SEEN_FOR = timedelta(hours=1)
_SINGLE = 10
_ANSWERS = 100


def main() -> None:
    """Print the statements, one forecast, and many answers."""
    parser = program("benchmarks.database.forecasts", __doc__)
    parser.add_argument("--experiments", type=int, default=100)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    size = options.runs // options.experiments
    filling = Filling(size * options.experiments, smallest=size, largest=size, under_way=1.0)
    with database(filling) as (settings, experiments):
        engine = create_database_engine(settings)
        sessions = session_factory(engine)
        _add_workers(sessions)

        def forecast() -> None:
            with sessions() as session, session.begin():
                forecasts(session, settings)

        forecast()
        with _told(engine, plans=options.plans):
            forecast()
        print(f"one forecast: {_timed(forecast, _SINGLE)}", flush=True)
        kept = KeptForecasts(settings)

        def answer() -> None:
            with sessions() as session:
                kept.of(session, experiments[-1:])

        print(f"an answer of an API process: {_timed(answer, _ANSWERS)}")
        engine.dispose()


def _add_workers(sessions: sessionmaker[Session]) -> None:
    with sessions() as session, session.begin():
        session.execute(
            insert(Worker),
            [
                # As long as the measurement may take, rather than the seconds of a heartbeat.
                {
                    "name": f"worker-{number}",
                    "device": "cpu",
                    "seen_at": datetime.now(UTC) + _SEEN_FOR,
                }
                for number in range(_WORKERS)
            ],
        )


def _timed(call: Callable[[], None], times: int) -> str:
    """Return the median and the mean of calls in a row, and their mean processor time, as words."""
    seconds, worked = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    worked = time.process_time() - worked
    return (
        f"median {1000 * statistics.median(seconds):.2f} ms, "
        f"mean {1000 * statistics.mean(seconds):.2f} ms, "
        f"processor {1000 * worked / times:.2f} ms each"
    )


@contextmanager
def _told(engine: Engine, *, plans: bool) -> Iterator[None]:
    """Print the statements with their milliseconds, and how PostgreSQL answers them."""

    def before(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if plans:
            with cursor.connection.cursor() as other:
                other.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
                print("\n".join(line for (line,) in other.fetchall()))
        connection.info["began"] = time.perf_counter()

    def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        took = time.perf_counter() - connection.info["began"]
        print(f"{1000 * took:8.1f} ms  {' '.join(statement.split())[:100]}", flush=True)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


if __name__ == "__main__":
    main()
