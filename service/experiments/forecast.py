"""Forecast: when unfinished experiments end, with the workers and the queue as they are now."""

import math
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Turn, Worker
from service.experiments.simulation import SeenWorker, Span, simulate
from service.experiments.training_now import RunningJob, running_jobs
from service.experiments.waiting import UNCERTAIN, WaitingGroup, waiting_groups
from service.runs.capacity import seen_lately
from service.runs.paces import Paces
from service.runs.workload import BlockedRuns, blocked_reason
from service.settings import Settings

#: A range that is no wider than this many times is told as a point; so is less than a second.
_EXACT = 1.2


@dataclass(frozen=True)
class Range:
    """Seconds between which something that was never measured here is expected to lie."""

    low_seconds: float
    high_seconds: float


@dataclass(frozen=True)
class Forecast:
    """When an experiment is expected to start and to end.

    Attributes:
        starts_in_seconds: until the next of its waiting runs starts; None where none waits.
        eta_seconds: until its last run ends, all included; None where some can never start.
        eta_range: where ``eta_seconds`` is a guess; None where such runs were measured.
        waits: the runs that no worker seen lately can take; None where there are none.
    """

    starts_in_seconds: float | None = None
    eta_seconds: float | None = None
    eta_range: Range | None = None
    waits: BlockedRuns | None = None


#: Of an experiment that has ended.
NO_FORECAST = Forecast()


def forecasts(
    session: Session, settings: Settings, planned: Sequence[WaitingGroup] = ()
) -> dict[uuid.UUID, Forecast]:
    """Return the forecasts of all experiments with runs that wait or are trained.

    Args:
        session: in a transaction.
        settings: say how long a worker counts as seen, and how large packs are.
        planned: runs that are not stored, of an experiment of their own.
    """
    present = _Present.read(session, settings, planned)
    guesses = (-1, 0, 1) if present.has_guesses() else (0,)
    spans = {guess: present.spans(guess) for guess in guesses}
    blocked = present.blocked()
    return {key: _forecast(key, spans, blocked.get(key)) for key in {*spans[0], *blocked}}


@dataclass(frozen=True)
class _Present:
    """What waits, who works on what, and how fast, as it is now."""

    groups: Sequence[WaitingGroup]
    workers: Sequence[Worker]
    jobs: Sequence[RunningJob]
    paces: Paces
    turns: Mapping[str, datetime]
    pack_size: int

    @classmethod
    def read(cls, session: Session, settings: Settings, planned: Sequence[WaitingGroup]) -> Self:
        """Return what is stored, with the runs that are planned."""
        groups = [*waiting_groups(session), *planned]
        workers = session.scalars(select(Worker).where(seen_lately(settings))).all()
        jobs = running_jobs(session)
        devices = {worker.device for worker in workers}
        kinds = {kind for group in groups for kind in group.kinds(devices)}
        paces = Paces.read(session, kinds | {job.kind for job in jobs})
        for job in jobs:
            job.add_to(paces)
        return cls(
            groups=groups,
            workers=workers,
            jobs=jobs,
            paces=paces,
            turns=dict(session.execute(select(Turn.caller, Turn.taken_at)).all()),
            pack_size=settings.pack_size,
        )

    def has_guesses(self) -> bool:
        """Whether something is expected of what was never measured."""
        devices = {worker.device for worker in self.workers}
        return any(group.is_guess(self.paces, devices) for group in self.groups) or any(
            job.is_guess(self.paces) for job in self.jobs
        )

    def spans(self, guess: int) -> dict[uuid.UUID, Span]:
        """Return when the experiments start and end.

        Args:
            guess: 1 for the most that guesses allow, -1 for the least, 0 for what is expected.
        """
        busy: dict[str, float] = defaultdict(float)
        training: dict[uuid.UUID, float] = defaultdict(float)
        for job in self.jobs:
            left = job.left_seconds(self.paces, UNCERTAIN, guess)
            busy[job.worker] = max(busy[job.worker], left)
            for experiment_id in job.experiment_ids:
                training[experiment_id] = max(training[experiment_id], left)
        workers = [
            SeenWorker(seen.device, seen.memory_bytes, busy[seen.name]) for seen in self.workers
        ]
        lots = [group.timed(self.paces, guess) for group in self.groups]
        spans = simulate(lots, workers, self.turns, self.pack_size)
        for experiment_id, left in training.items():
            span = spans.setdefault(experiment_id, Span())
            span.ends = max(span.ends, left)
        return spans

    def blocked(self) -> dict[uuid.UUID, BlockedRuns]:
        """Return the waiting runs of each experiment that no worker seen lately can take."""
        devices = [worker.device for worker in self.workers]
        blocked: dict[uuid.UUID, BlockedRuns] = {}
        for lot in (group.lot for group in self.groups):
            if any(lot.suits(worker.device, worker.memory_bytes) for worker in self.workers):
                continue
            before = blocked.get(lot.experiment_id)
            smallest = min(lot.memory_bytes, before.memory_bytes if before else lot.memory_bytes)
            blocked[lot.experiment_id] = BlockedRuns(
                device=lot.device,
                runs=lot.runs + (before.runs if before else 0),
                memory_bytes=smallest,
                reason=blocked_reason(lot.device, devices),
            )
        return blocked


def _forecast(
    experiment_id: uuid.UUID,
    spans: Mapping[int, Mapping[uuid.UUID, Span]],
    waits: BlockedRuns | None,
) -> Forecast:
    span = spans[0].get(experiment_id)
    if waits is not None or span is None:
        return Forecast(waits=waits)
    low, high = (spans.get(guess, spans[0])[experiment_id].ends for guess in (-1, 1))
    return Forecast(
        starts_in_seconds=None if math.isinf(span.starts) else round(span.starts, 3),
        eta_seconds=round(span.ends, 3),
        eta_range=range_of(low, high),
    )


def range_of(low: float, high: float) -> Range | None:
    """Return a range of seconds; None where it is as good as a point."""
    if high < max(1.0, _EXACT * low):
        return None
    return Range(round(low, 3), round(high, 3))
