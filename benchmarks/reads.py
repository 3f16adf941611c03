"""Time every read at 10, 1,000 and 100,000 runs, and look at how PostgreSQL answers it.

    python -m benchmarks.reads [--runs 10 1000 100000] [--plans]

For each size a filled database of its own (``benchmarks.filled``). Every read of the API, the page,
the scheduler and the workers' claim is called as they call it; each of its statements is explained.
Prints the median milliseconds of a call by size, and every scan of a whole large table;
``--plans`` prints all plans of the largest size. Exits with 1 where a large table is scanned for
what an index should serve.
"""

import argparse
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.filled import Filling, database
from service import (
    claiming,
    comparisons,
    diagnoses,
    experiments,
    exports,
    histories,
    idempotency,
    layers,
    mean_histories,
    planning,
    replay,
    retention,
    run_search,
    scores,
    sweep,
    weights,
)
from service.config import Settings
from service.database import create_database_engine, session_factory
from service.experiments import ExperimentFilter
from service.mean_histories import GroupOfRuns
from service.metrics import Metrics
from service.models import Experiment, Layers, Run
from service.replay import Subject
from service.run_search import ORDERS, RunFilter
from service.spec import ExperimentSpec
from service.transitions import reuse_finished

#: Tables that grow with every run.
LARGE = frozenset({"runs", "epochs", "events", "layers", "attempts"})
_REPEATS = 15
#: Orders over all runs that no index serves (docs/scaling.md says why).
LINEAR = frozenset(
    f"runs by {sign}{name}"
    for name in ORDERS
    for sign in ("", "-")
    if name not in {"created_at", "seed", "val_accuracy"}
)

Call = Callable[[], Any]
#: A node of a plan, as EXPLAIN (FORMAT JSON) gives it.
Plan = dict[str, Any]


@dataclass
class Seen:
    """The statements of a call, each with its plan."""

    plans: list[tuple[str, Plan]] = field(default_factory=list)

    def scans(self) -> set[str]:
        """Name the large tables that were read from end to end."""
        return {
            node["Relation Name"]
            for _, plan in self.plans
            for node in nodes(plan)
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
        }


def nodes(plan: Plan) -> Iterator[Plan]:
    """Give a plan's node and all below it."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


@contextmanager
def explaining(engine: Engine) -> Iterator[Seen]:
    """Explain every statement that is executed inside the block, just before it is."""
    seen = Seen()

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        *_, many = rest
        if many or not statement.lstrip().upper().startswith(("SELECT", "WITH", "DELETE")):
            return
        with cursor.connection.cursor() as other:
            other.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            seen.plans.append((statement, other.fetchone()[0][0]["Plan"]))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", explain)


class Reads:
    """Every read there is, on one database."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings
        with sessions() as session:
            counted = select(Run.experiment_id, func.count().label("runs")).group_by(
                Run.experiment_id
            )
            done = (
                ~select(Run.id)
                .where(Run.status.in_(("queued", "running")))
                .where(Run.experiment_id == Experiment.id)
                .exists()
            )
            sized = counted.subquery()
            # Much the same size in every database, so that only what lies around it differs.
            self.finished: uuid.UUID = session.execute(
                select(Experiment.id)
                .join(sized, sized.c.experiment_id == Experiment.id)
                .where(done)
                .order_by(func.abs(sized.c.runs - 150))
            ).scalars().first() or uuid.UUID(int=0)
            self.newest: uuid.UUID = (
                session.scalars(select(Experiment.id).order_by(Experiment.id.desc())).first()
                or self.finished
            )
            self.run: Run = (
                session.scalars(
                    select(Run)
                    .join(Layers, Layers.run_id == Run.id)
                    .where(Run.experiment_id == self.finished)
                    .order_by(Run.position)
                ).first()
                or Run()
            )

    def all(self) -> dict[str, Call]:
        """Give the reads by name; each call is made in a session of its own."""
        return {
            **self._experiments(),
            **self._runs(),
            **self._one_run(),
            **self._whole_experiment(),
            **self._behind_the_scenes(),
        }

    def _in_session(self, read: Callable[[Session], Any]) -> Call:
        def call() -> Any:
            with self._sessions() as session:
                return read(session)

        return call

    def _experiments(self) -> dict[str, Call]:
        def search(**wanted: Any) -> Call:
            return self._in_session(
                lambda session: experiments.search(
                    session, ExperimentFilter(**wanted), cursor=None, limit=50
                )
            )

        statuses = ("queued", "running", "completed", "failed", "cancelled")
        with self._sessions() as session:
            at = session.scalars(
                select(Experiment.created_at).where(Experiment.id == self.finished)
            ).one()
        return {
            "experiments": search(),
            **{f"experiments {each}": search(statuses=[each]) for each in statuses},
            "experiments by tag": search(tags=[("week", "7")]),
            "experiments by name": search(name="sweep 7"),
            "experiments created since": search(created_after=at),
            "experiments created before": search(created_before=at + timedelta(seconds=1)),
            "experiment, finished": self._in_session(
                lambda session: experiments.get(session, self.finished)
            ),
            "experiment, newest": self._in_session(
                lambda session: experiments.get(session, self.newest)
            ),
            "experiment, has it finished": self._in_session(
                lambda session: experiments.has_finished(session, self.finished)
            ),
        }

    def _runs(self) -> dict[str, Call]:
        def search(order_by: str = "-created_at", limit: int = 50, **wanted: Any) -> Call:
            return self._in_session(
                lambda session: run_search.search(
                    session, RunFilter(**wanted), order_by=order_by, cursor=None, limit=limit
                )
            )

        ours: dict[str, Any] = {"experiment_ids": [self.finished]}
        return {
            "runs": search(),
            **{f"runs by {each}": search(each) for name in ORDERS for each in (name, f"-{name}")},
            "runs completed by -val_accuracy": search("-val_accuracy", statuses=["completed"]),
            "runs of relu by -val_accuracy": search("-val_accuracy", axes={"activation": ["relu"]}),
            "runs of an experiment": search(**ours),
            "runs of an experiment, 100": search(limit=100, **ours),
            "runs of an experiment by -val_accuracy": search("-val_accuracy", **ours),
            "runs of an experiment by position": search("position", 1000, **ours),
            "runs of an experiment, failed": search(statuses=["failed"], **ours),
            **{f"runs {each}": search(statuses=[each]) for each in ("running", "failed")},
            "runs by verdict": search(verdicts=["vanishing"]),
            "runs by seed": search(seeds=[3]),
            "runs by activation": search(axes={"activation": ["mish"]}),
            "runs by initializer": search(axes={"initializer": ["zeros"]}),
            "runs by clipping": search(axes={"clipping": ["value"]}),
            "runs by normalization": search(axes={"normalization": ["batch"]}),
            "runs by three axes and verdict": search(
                axes={"activation": ["mish"], "initializer": ["zeros"], "clipping": ["value"]},
                verdicts=["dead"],
            ),
        }

    def _one_run(self) -> dict[str, Call]:
        run_id = self.run.id
        reads: dict[str, Callable[[Session], Any]] = {
            "run": lambda session: run_search.get(session, run_id),
            "run, has it ended": lambda session: run_search.has_ended(session, run_id),
            "history": lambda session: histories.get(session, run_id),
            "history, thinned": lambda session: histories.get(session, run_id, max_points=5),
            "layers": lambda session: layers.get(session, run_id),
            "diagnosis": lambda session: diagnoses.get(session, run_id),
            "attempts": lambda session: run_search.attempts(session, run_id, cursor=None, limit=50),
            "events of a run": lambda session: replay.events_after(
                session, Subject(self.finished, run_id), 0, 500
            ),
            "events of a run, over?": lambda session: replay.is_over(
                session, Subject(self.finished, run_id), 0
            ),
        }
        return {name: self._in_session(read) for name, read in reads.items()}

    def _whole_experiment(self) -> dict[str, Call]:
        group = GroupOfRuns([(self.run.config_hash, self.run.label)], diverged=False)
        names = ("val_accuracy", "val_loss")
        reads: dict[str, Callable[[Session], Any]] = {
            "comparison": lambda session: comparisons.compare(session, self.finished),
            "comparison, best loss": lambda session: comparisons.compare(
                session, self.finished, "val_loss", "best"
            ),
            "scores": lambda session: scores.read(session, self.finished, "val_accuracy", "final"),
            "mean histories": lambda session: mean_histories.read(
                session, self.finished, [group], names
            ),
            "events of an experiment": lambda session: replay.events_after(
                session, Subject(self.newest), 0, 500
            ),
            "events of an experiment, over?": lambda session: replay.is_over(
                session, Subject(self.newest), 0
            ),
        }
        streams = {
            "histories as JSON": exports.as_json,
            "histories as CSV": exports.as_csv,
            "histories as Parquet": exports.as_parquet,
        }
        return {name: self._in_session(read) for name, read in reads.items()} | {
            name: lambda stream=stream: sum(map(len, stream(self._sessions, self.finished)))
            for name, stream in streams.items()
        }

    def _behind_the_scenes(self) -> dict[str, Call]:
        spec = ExperimentSpec.model_validate({"activation": ["relu", "tanh"], "seeds": 5})
        request = idempotency.keyed_request(
            caller="bench", key="one", method="POST", target="/", body=b""
        )

        def recall(session: Session) -> Any:
            with session.begin():
                return idempotency.recall(session, request)

        def next_run(session: Session) -> Any:
            with session.begin():
                wanted = claiming._locked(claiming._waiting("cpu"), 1)
                return session.execute(wanted).one_or_none()

        def reuse(session: Session) -> None:
            with session.begin() as undone:
                reuse_finished(session, Run.experiment_id == self.newest)
                undone.rollback()

        reads: dict[str, Callable[[Session], Any]] = {
            "dry run": lambda session: planning.dry_run(
                session, spec, settings=self._settings, cursor=None, limit=50
            ),
            "idempotency key": recall,
            "next run to claim": next_run,
            "reuse of an experiment's runs": reuse,
            "expired leases": sweep.expired,
            "workers wanted": lambda session: sweep.workers_wanted(session, self._settings),
            "counts for Prometheus": lambda session: Metrics().count_shared(
                session, self._settings
            ),
            "purge of events": lambda session: retention.purge_events(session, self._settings),
            "purge of keys": idempotency.purge,
            "purge of weights": lambda session: weights._wanted(
                session, {self.run.id}, self._settings
            ),
        }
        return {name: self._in_session(read) for name, read in reads.items()}


@dataclass(frozen=True)
class Measured:
    """A call: median milliseconds, and what its statements do."""

    milliseconds: float
    seen: Seen


def measure(settings: Settings) -> dict[str, Measured]:
    """Time and explain every read on a database."""
    engine = create_database_engine(settings)
    try:
        reads = Reads(session_factory(engine), settings)
        return {name: _measured(engine, call) for name, call in reads.all().items()}
    finally:
        engine.dispose()


def _measured(engine: Engine, call: Call) -> Measured:
    with explaining(engine) as seen:
        call()
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return Measured(1000 * statistics.median(times), seen)


def main() -> int:
    """Measure and print; returns 1 where a large table was scanned."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 1_000, 100_000])
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    found = {}
    for size in options.runs:
        with database(Filling(size)) as (settings, _):
            found[size] = measure(settings)
    return report(found, plans=options.plans)


def report(found: dict[int, dict[str, Measured]], *, plans: bool) -> int:
    """Print the table; returns 1 where a large table was scanned at the largest size."""
    largest = found[max(found)]
    print(f"{'median ms at so many runs':42}" + "".join(f"{size:>10,}" for size in found))
    for name in largest:
        row = "".join(f"{each[name].milliseconds:10.2f}" for each in found.values())
        scanned = ", ".join(sorted(largest[name].seen.scans()))
        print(f"{name:42}{row}{'   scans ' + scanned if scanned else ''}")
    if plans:
        for name, each in largest.items():
            for statement, plan in each.seen.plans:
                print(f"\n== {name}\n{statement}")
                _draw(plan, 0)
    return int(any(each.seen.scans() and name not in LINEAR for name, each in largest.items()))


def _draw(plan: Plan, depth: int) -> None:
    on = plan.get("Index Name") or plan.get("Relation Name") or ""
    conditions = [plan[key] for key in ("Index Cond", "Filter", "Sort Key") if key in plan]
    print(f"{'  ' * depth}{plan['Node Type']} {on} {plan['Plan Rows']} rows {conditions or ''}")
    for each in plan.get("Plans", ()):
        _draw(each, depth + 1)


if __name__ == "__main__":
    sys.exit(main())
