"""Time every read at 10, 1,000 and 100,000 runs, and check how PostgreSQL answers it.

    python -m benchmarks.http.reads [--runs 10 1000 100000] [--epochs 10] [--plans]

Each size has its own filled database (``benchmarks.database.filled``). Every read of the API, the
page, the scheduler and the workers' claim is called as they call it; each statement is explained.
Prints the median milliseconds of a call by size, and every scan of a whole large table;
``--plans`` prints all plans of the largest size. Exits with 1 where a large table is scanned for
what an index should serve.
"""

import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.database.filled import Filling, database
from benchmarks.database.query_plans import Seen, draw, explaining
from benchmarks.http.serving import CALLER
from benchmarks.options import program
from service.api.schemas.run_bodies import RUN_BODY
from service.catalog.metrics import EPOCH_METRICS
from service.comparison import ranking, scores
from service.comparison.question import Question
from service.database.engine import create_database_engine, session_factory
from service.database.tables import Experiment, Layers, Run
from service.events import global_order, hub
from service.events import reading as events
from service.events.reading import Subject
from service.experiments import dry_run, idempotency, lifecycle, listing
from service.experiments.listing import ExperimentFilter
from service.histories import diagnoses, exports, layer_statistics, means, reading
from service.histories.means import GroupOfRuns
from service.operations import retention
from service.operations.prometheus import Metrics
from service.runs import capacity, claims, leases, search
from service.runs.reuse import reuse_finished
from service.runs.search import ORDERS, RunFilter
from service.settings import Settings
from service.specs.spec import ExperimentSpec
from service.statuses import ACTIVE, ExperimentStatus
from service.weights import files

#: Orders over all runs that no index serves (docs/scaling.md says why).
LINEAR = frozenset(
    f"runs by {sign}{name}"
    for name in ORDERS
    for sign in ("", "-")
    if name not in {"created_at", "seed", "val_accuracy"}
)

Call = Callable[[], Any]


class Reads:
    """Every read of the service, on one database."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings
        with sessions() as session:
            counted = select(Run.experiment_id, func.count().label("runs")).group_by(
                Run.experiment_id
            )
            done = (
                ~select(Run.id)
                .where(Run.status.in_(ACTIVE))
                .where(Run.experiment_id == Experiment.id)
                .exists()
            )
            sized = counted.subquery()
            # About the same size in every database, so that only the rest of the database differs.
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
        """Return the reads by name; each call uses its own session."""
        return {
            **self._experiments(),
            **self._runs(),
            **self._one_run(),
            **self._whole_experiment(),
            **self._behind_the_scenes(),
        }

    def statements(self) -> dict[str, tuple[str, Any]]:
        """Return the statements that bypass SQLAlchemy, with their parameters."""
        return {
            "history": reading.whole_query([self.run.id], EPOCH_METRICS),
            "history, thinned": reading.thinned_query(self.run.id, EPOCH_METRICS[:2], 6),
            "histories as CSV": exports.epochs_query(self.finished, 0, 20),
            "newest event": (hub.NEWEST_EVENTS, ([self.newest],)),
            "new events": (hub.NEW_EVENTS, ([self.newest], [0], 500)),
            "new events of all": (global_order.NEW_EVENTS, (0, 500)),
        }

    def _in_session(self, read: Callable[[Session], Any]) -> Call:
        def call() -> Any:
            with self._sessions() as session:
                return read(session)

        return call

    def _experiments(self) -> dict[str, Call]:
        def searching(**wanted: Any) -> Call:
            return self._in_session(
                lambda session: listing.search(
                    session, ExperimentFilter(**wanted), cursor=None, limit=50
                )
            )

        statuses = tuple(ExperimentStatus)
        with self._sessions() as session:
            at = session.scalars(
                select(Experiment.created_at).where(Experiment.id == self.finished)
            ).one()
        return {
            "experiments": searching(),
            **{f"experiments {status}": searching(statuses=[status]) for status in statuses},
            "experiments by tag": searching(tags=["week:7"]),
            "experiments by name": searching(name="sweep 7"),
            "experiments created since": searching(created_after=at),
            "experiments created before": searching(created_before=at + timedelta(seconds=1)),
            "experiment, finished": self._in_session(
                lambda session: lifecycle.get(session, self.finished)
            ),
            "experiment, newest": self._in_session(
                lambda session: lifecycle.get(session, self.newest)
            ),
            "experiment, has it finished": self._in_session(
                lambda session: lifecycle.has_finished(session, self.finished)
            ),
        }

    def _runs(self) -> dict[str, Call]:
        def searching(order_by: str = "-created_at", limit: int = 50, **wanted: Any) -> Call:
            return self._in_session(
                lambda session: search.search(
                    session,
                    RUN_BODY,
                    RunFilter(**wanted),
                    order_by=order_by,
                    cursor=None,
                    limit=limit,
                )
            )

        ours: dict[str, Any] = {"experiment_ids": [self.finished]}
        return {
            "runs": searching(),
            **{
                f"runs by {order}": searching(order)
                for name in ORDERS
                for order in (name, f"-{name}")
            },
            "runs completed by -val_accuracy": searching("-val_accuracy", statuses=["completed"]),
            "runs of relu by -val_accuracy": searching(
                "-val_accuracy", axes={"activation": ["relu"]}
            ),
            "runs of an experiment": searching(**ours),
            "runs of an experiment, 100": searching(limit=100, **ours),
            "runs of an experiment by -val_accuracy": searching("-val_accuracy", **ours),
            "runs of an experiment by position": searching("position", 1000, **ours),
            "runs of an experiment, failed": searching(statuses=["failed"], **ours),
            **{f"runs {status}": searching(statuses=[status]) for status in ("running", "failed")},
            "runs by verdict": searching(verdicts=["vanishing"]),
            "runs by seed": searching(seeds=[3]),
            "runs by activation": searching(axes={"activation": ["mish"]}),
            "runs by initializer": searching(axes={"initializer": ["zeros"]}),
            "runs by clipping": searching(axes={"clipping": ["value"]}),
            "runs by normalization": searching(axes={"normalization": ["batch"]}),
            "runs by three axes and verdict": searching(
                axes={"activation": ["mish"], "initializer": ["zeros"], "clipping": ["value"]},
                verdicts=["dead"],
            ),
        }

    def _one_run(self) -> dict[str, Call]:
        run_id = self.run.id
        reads: dict[str, Callable[[Session], Any]] = {
            "run": lambda session: search.look(session, run_id, RUN_BODY),
            "run, has it ended": lambda session: search.has_ended(session, run_id),
            "history": lambda session: reading.read_history(session, run_id),
            "history, thinned": lambda session: reading.read_history(session, run_id, max_points=5),
            "history, to 500 points": lambda session: reading.read_history(
                session, run_id, max_points=500
            ),
            "layers": lambda session: layer_statistics.read_layers(session, run_id),
            "diagnosis": lambda session: diagnoses.read_diagnosis(session, run_id),
            "attempts": lambda session: search.attempts(session, run_id, cursor=None, limit=50),
            "events of a run": lambda session: events.events_after(
                session, Subject(self.finished, run_id), 0, 500
            ),
            "events of a run, over?": lambda session: events.is_over(
                session, Subject(self.finished, run_id), 0
            ),
        }
        return {name: self._in_session(read) for name, read in reads.items()}

    def _whole_experiment(self) -> dict[str, Call]:
        group = GroupOfRuns([(self.run.config_hash, self.run.label)], diverged=False)
        names = ("val_accuracy", "val_loss")
        reads: dict[str, Callable[[Session], Any]] = {
            "comparison": lambda session: ranking.compare(session, self.finished, Question()),
            "comparison, best loss": lambda session: ranking.compare(
                session, self.finished, Question("val_loss", "best")
            ),
            "scores": lambda session: scores.read(session, self.finished, Question()),
            "mean histories": lambda session: means.read_means(
                session, self.finished, [group], names
            ),
            "events of an experiment": lambda session: events.events_after(
                session, Subject(self.newest), 0, 500
            ),
            "events of an experiment, over?": lambda session: events.is_over(
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
            caller=CALLER, key="one", method="POST", target="/", body=b""
        )

        def recall(session: Session) -> Any:
            with session.begin():
                return idempotency.recall(session, request)

        def next_run(session: Session) -> Any:
            with session.begin(), claims.by_index(session):
                waiting = [*claims.waiting_runs("cpu"), Run.caller == CALLER]
                return session.execute(claims.locked_queue(waiting, 1)).one_or_none()

        def reuse(session: Session) -> None:
            with session.begin() as undone:
                reuse_finished(session, Run.experiment_id == self.newest)
                undone.rollback()

        reads: dict[str, Callable[[Session], Any]] = {
            "dry run": lambda session: dry_run.dry_run(
                session, spec, caller=CALLER, settings=self._settings, cursor=None, limit=50
            ),
            "idempotency key": recall,
            "next run to claim": next_run,
            "reuse of an experiment's runs": reuse,
            "expired leases": leases.expired,
            "workers wanted": lambda session: capacity.workers_wanted(session, self._settings),
            "counts for Prometheus": lambda session: Metrics().count_shared(
                session, self._settings
            ),
            "purge of events": lambda session: retention.purge_events(session, self._settings),
            "purge of keys": idempotency.purge,
            "purge of weights": lambda session: files.still_wanted(
                session, {self.run.id}, self._settings
            ),
        }
        return {name: self._in_session(read) for name, read in reads.items()}


@dataclass
class Measured:
    """A read: the plans of its statements, and the milliseconds of each call."""

    seen: Seen
    times: list[float] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """The median time of a call."""
        return statistics.median(self.times)


def measure(databases: Sequence[Settings], repeats: int = 15) -> list[dict[str, Measured]]:
    """Explain every read on each database, and time it on all of them in turns."""
    with ExitStack() as stack:
        engines = [create_database_engine(each) for each in databases]
        for engine in engines:
            stack.callback(engine.dispose)
        calls = [
            Reads(session_factory(engine), settings).all()
            for engine, settings in zip(engines, databases, strict=True)
        ]
        found: list[dict[str, Measured]] = [{} for _ in databases]
        for name in calls[0]:
            for engine, mine, measured in zip(engines, calls, found, strict=True):
                with explaining(engine) as seen:
                    mine[name]()
                measured[name] = Measured(seen)
            for _ in range(repeats):
                for mine, measured in zip(calls, found, strict=True):
                    began = time.perf_counter()
                    mine[name]()
                    measured[name].times.append(1000 * (time.perf_counter() - began))
        return found


def main() -> int:
    """Measure and print; returns 1 where a large table was scanned."""
    parser = program("benchmarks.http.reads", __doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 1_000, 100_000])
    parser.add_argument("--epochs", type=int, default=10, help="of each run")
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        # The smaller ones have experiments of the size that is looked at in the largest.
        fillings = [
            Filling(size, options.epochs, largest=max(100, min(1_000, size // 5)))
            for size in options.runs
        ]
        filled = [stack.enter_context(database(filling))[0] for filling in fillings]
        return report(dict(zip(options.runs, measure(filled), strict=True)), plans=options.plans)


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
                draw(plan)
    return int(any(each.seen.scans() and name not in LINEAR for name, each in largest.items()))


if __name__ == "__main__":
    sys.exit(main())
