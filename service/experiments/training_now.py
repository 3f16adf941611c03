"""Training now: the jobs that workers train, and the seconds that are left of each."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, select, true
from sqlalchemy.orm import Session

from service.database.tables import Attempt, Event, Run
from service.events.event_types import EventType
from service.runs.fencing import form_of
from service.runs.paces import Basis, ExpectedJob, JobKind, Paces
from service.specs.durations import workload_of
from service.statuses import RunStatus

#: Shorter epochs are recorded several at a time (``workers.execution.recorder``), so that the time
#: since the last record is not that of one epoch.
_GROUPED_SECONDS = 0.5
#: How many epochs of a job itself what is known of its kind counts for, by what that is taken from.
_PRIOR_EPOCHS: dict[Basis, float] = {"measured": 1.0, "similar": 0.3, "catalog": 0.1}


@dataclass(frozen=True)
class RunningJob:
    """What a worker trains: one run, or a pack.

    Attributes:
        worker: its name.
        kind: of the job.
        runs: how many.
        experiment_ids: whose they are.
        elapsed: seconds since it was claimed.
        epoch: the last one recorded.
        epoch_ages: how many seconds ago the first and the last epoch were recorded; None before.
        first_epoch: the number of the first one.
        first_seconds: what the first one took, training and evaluation alone; None where untold.
    """

    worker: str
    kind: JobKind
    runs: int
    experiment_ids: frozenset[uuid.UUID]
    elapsed: float
    epoch: int
    epoch_ages: tuple[float, float] | None
    first_epoch: int
    first_seconds: float | None

    def is_guess(self, paces: Paces) -> bool:
        """Whether neither such jobs nor epochs of this one were measured."""
        return paces.expected(self.kind, self.runs).basis != "measured" and self._own() is None

    def left_seconds(self, paces: Paces, uncertain: Mapping[Basis, float], guess: int) -> float:
        """Return the seconds that are left, at least 0.

        Args:
            paces: of its kind.
            uncertain: by how much each basis may be wrong.
            guess: 1 for the most that this allows, -1 for the least, 0 for what is expected.
        """
        job = paces.expected(self.kind, self.runs)
        factor = uncertain[job.basis] ** guess
        fixed = job.fixed * factor
        if not job.epochs:
            return max(0.0, fixed - self.elapsed)
        epoch = self._epoch_seconds(job, factor)
        left = max(job.epochs - self.epoch, min(1.0, self.kind.workload.epochs - self.epoch))
        if self.epoch_ages is None:
            return max(left * epoch + fixed - self.elapsed, (left - 1) * epoch, 0.0)
        begun = self.epoch_ages[1]
        if epoch >= _GROUPED_SECONDS:
            # How long the present epoch has taken already says that it takes no less.
            epoch = max(epoch, begun)
        return max(0.0, left * epoch - begun)

    def add_to(self, paces: Paces) -> None:
        """Count its own first epochs among what was measured, once there are some.

        So what waits is judged by how busy the machine is now, while the first job is trained.
        """
        own = self._own()
        if own is None or self.epoch_ages is None:
            return
        epoch = own[1] / own[0]
        begun = self.elapsed - self.epoch_ages[0] - self.first_epoch * epoch
        paces.add(self.kind, self.runs, max(0.0, begun), epoch)

    def _epoch_seconds(self, job: ExpectedJob, factor: float) -> float:
        """Return the seconds of an epoch, by its kind and by its own epochs so far."""
        own = self._own()
        if own is None:
            return job.epoch * factor
        epochs, seconds = own
        prior = _PRIOR_EPOCHS[job.basis]
        return (prior * job.epoch + seconds) / (prior + epochs)

    def _own(self) -> tuple[int, float] | None:
        """Return how many of its epochs were timed, and their seconds; None while none was."""
        if self.epoch_ages is None:
            return None
        if self.epoch <= self.first_epoch:
            return None if self.first_seconds is None else (1, self.first_seconds)
        first, last = self.epoch_ages
        return self.epoch - self.first_epoch, first - last


def running_jobs(session: Session) -> list[RunningJob]:
    """Return what workers train now; in a transaction.

    Runs that a worker claimed at one moment are one job. The epochs of one of them, that is not
    yet through, stand for all.
    """
    rows = session.execute(
        select(
            Run.id,
            Run.worker,
            Run.experiment_id,
            Run.epoch,
            Attempt.started_at,
        )
        .join(Attempt, and_(Attempt.run_id == Run.id, Attempt.attempt == Run.attempt))
        .where(Run.status == RunStatus.RUNNING)
        .order_by(Run.id)
    ).all()
    jobs: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        jobs[row.worker, row.started_at].append(row)
    first = {job[0].id: job for job in jobs.values()}
    return [_running_job(row, first[row.id]) for row in _described(session, list(first))]


def _described(session: Session, run_ids: Sequence[uuid.UUID]) -> Sequence[Row[Any]]:
    """Return configuration, engine and times of some running runs."""
    if not run_ids:
        return []

    def recorded(name: str, *, last: bool) -> Any:
        order = Event.id.desc() if last else Event.id
        return (
            select(
                Event.data["epoch"].astext.label("epoch"),
                Event.data["metrics"]["epoch_seconds"].astext.label("seconds"),
                Event.created_at,
            )
            .where(
                Event.run_id == Run.id,
                Event.type == EventType.RUN_EPOCH,
                Event.created_at >= Attempt.started_at,
            )
            .order_by(order)
            .limit(1)
            .lateral(name)
        )

    first, last = recorded("first", last=False), recorded("last", last=True)

    def age(moment: Any) -> Any:
        return func.extract("epoch", func.clock_timestamp() - moment)

    return session.execute(
        select(
            Run.id,
            Run.config,
            Run.engine,
            age(Attempt.started_at).label("elapsed"),
            first.c.epoch.label("first_epoch"),
            first.c.seconds.label("first_seconds"),
            age(first.c.created_at).label("first_age"),
            last.c.epoch.label("last_epoch"),
            age(last.c.created_at).label("last_age"),
        )
        .join(Attempt, and_(Attempt.run_id == Run.id, Attempt.attempt == Run.attempt))
        .outerjoin(first, true())
        .outerjoin(last, true())
        .where(Run.id.in_(run_ids))
    ).all()


def _running_job(row: Row[Any], runs: Sequence[Any]) -> RunningJob:
    ages = None if row.first_age is None else (float(row.first_age), float(row.last_age))
    return RunningJob(
        worker=runs[0].worker,
        kind=JobKind(workload_of(row.config), form_of(row.engine), row.engine["device"]),
        runs=len(runs),
        experiment_ids=frozenset(run.experiment_id for run in runs),
        elapsed=float(row.elapsed),
        epoch=int(row.last_epoch or 0),
        epoch_ages=ages,
        first_epoch=int(row.first_epoch or 0),
        # A member has its share of a pack's epoch.
        first_seconds=float(row.first_seconds) * len(runs) if row.first_seconds else None,
    )
