"""Paces: what jobs took on this service, as multiples of what their operations suggest.

A job is what a worker trains at once: one run, or the members of a pack. A pace is kept at three
levels: of a workload on a device, of a model's kind on a device, and of the device. A workload that
was seldom seen borrows from the level above it (``docs/decisions/0027-expected-time.md``).
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from service.database.tables import Pace
from service.runs.fencing import Claim
from service.specs.durations import SOLO, Workload, expected_job, workload_of
from service.specs.packing import Form

#: What a pace was taken from: such jobs, jobs of the same model or device, or none.
Basis = Literal["measured", "similar", "catalog"]

#: Weight of an earlier job after one more: about the last five decide.
_DECAY = 0.8
#: How many jobs the level above counts for, from the device down to the workload.
_PRIOR_JOBS = (1.0, 1.0, 0.3)
#: No quantity is taken to be further off than this many times.
_FURTHEST = 1_000.0


@dataclass(frozen=True)
class JobTimes:
    """What a job took.

    Attributes:
        seconds: from its claim to its end.
        epoch_seconds: of these, from the beginning of the first epoch to the record of the last.
        epochs: how many it trained, those of the member that trained longest.
    """

    seconds: float
    epoch_seconds: float
    epochs: int


@dataclass(frozen=True)
class JobKind:
    """What jobs have in common that take about as long, but for the size of their packs."""

    workload: Workload
    form: Form
    device: str

    @property
    def levels(self) -> tuple[str, str, str]:
        """The keys of its paces, from the device down to the workload."""
        work = self.workload
        often = 0 if not work.probes else 1 + (2 * work.probes > work.epochs > 1)
        exact = f"{work.model!r} {work.dataset} {work.batch_size} {work.precision} {often}"
        digest = hashlib.sha256(exact.encode()).hexdigest()[:16]
        model = f"{self.device}/{self.form}/{work.model_name}"
        return self.device, model, f"{model}/{digest}"

    @property
    def taught(self) -> Sequence[str]:
        """The keys of the paces that a job of this kind says something about.

        What is said of other workloads is in seconds of float32.
        """
        return self.levels if self.workload.precision == "float32" else self.levels[-1:]

    def members(self, runs: int) -> int:
        """Return the members that ``expected_job`` takes of a job with so many runs."""
        return runs if self.form == "batched" else SOLO


@dataclass(frozen=True)
class ExpectedJob:
    """What a job is expected to take.

    Attributes:
        fixed: seconds beside its epochs.
        epoch: seconds of an epoch, with all members.
        epochs: how many it trains until each member has ended; some end early.
        basis: what that is taken from.
        runs: how many such runs were measured.
    """

    fixed: float
    epoch: float
    epochs: float
    basis: Basis
    runs: int

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.fixed + self.epoch * self.epochs


def record_job(session: Session, claims: Sequence[Claim], times: JobTimes) -> None:
    """Note what a job took that was trained to its end, from its first epoch on.

    Args:
        session: a session outside any transaction.
        claims: of its runs.
        times: what it took.
    """
    first = claims[0]
    kind = JobKind(workload_of(first.config), first.form, str(first.engine["device"]))
    suggested = expected_job(kind.workload, kind.members(len(claims)))
    fixed = _log_ratio(times.seconds - times.epoch_seconds, suggested.fixed)
    trained = times.epochs > 0
    epoch = _log_ratio(times.epoch_seconds / times.epochs, suggested.epoch) if trained else 0.0
    share = times.epochs / kind.workload.epochs if trained else 1.0
    values = {
        "jobs": 1,
        "runs": len(claims),
        "fixed_weight": 1.0,
        "fixed": fixed,
        "epoch_weight": float(trained),
        "epoch": epoch,
        "epochs_share": share,
    }
    # In the order of their keys, so that jobs that end at one moment wait for each other.
    rows = [{"key": key, **values} for key in sorted(kind.taught)]
    added = insert(Pace).values(rows)
    with session.begin():
        session.execute(
            added.on_conflict_do_update(index_elements=[Pace.key], set_=_added_to(added.excluded))
        )


def _log_ratio(seconds: float, suggested: float) -> float:
    ratio = max(seconds, 1e-6) / suggested
    return math.log(min(max(ratio, 1 / _FURTHEST), _FURTHEST))


def _added_to(new: Any) -> dict[str, Any]:
    """Return a pace's columns with one more job: means in which older jobs weigh less."""
    fixed_weight = _DECAY * Pace.fixed_weight + 1
    epoch_weight = _DECAY * Pace.epoch_weight + 1
    trained = new.epoch_weight > 0

    def kept(column: Any, value: Any) -> Any:
        return case((trained, value), else_=column)

    return {
        "jobs": Pace.jobs + new.jobs,
        "runs": Pace.runs + new.runs,
        "fixed_weight": fixed_weight,
        "fixed": Pace.fixed + (new.fixed - Pace.fixed) / fixed_weight,
        "epoch_weight": kept(Pace.epoch_weight, epoch_weight),
        "epoch": kept(Pace.epoch, Pace.epoch + (new.epoch - Pace.epoch) / epoch_weight),
        "epochs_share": kept(
            Pace.epochs_share,
            Pace.epochs_share + (new.epochs_share - Pace.epochs_share) / epoch_weight,
        ),
        "updated_at": func.now(),
    }


@dataclass(frozen=True)
class _Level:
    """The pace of one level; see the columns of ``Pace``."""

    runs: int
    fixed_weight: float
    fixed: float
    epoch_weight: float
    epoch: float
    epochs_share: float

    def with_job(self, fixed: float, epoch: float) -> Self:
        """Return it with one job more, as ``_added_to`` does in SQL."""
        fixed_weight, epoch_weight = _DECAY * self.fixed_weight + 1, _DECAY * self.epoch_weight + 1
        return replace(
            self,
            fixed_weight=fixed_weight,
            fixed=self.fixed + (fixed - self.fixed) / fixed_weight,
            epoch_weight=epoch_weight,
            epoch=self.epoch + (epoch - self.epoch) / epoch_weight,
        )


_NONE = _Level(0, 0.0, 0.0, 0.0, 0.0, 1.0)


class Paces:
    """The paces of some kinds of jobs, as they are now."""

    def __init__(self, levels: Mapping[str, _Level]) -> None:
        self._levels = dict(levels)

    @classmethod
    def read(cls, session: Session, kinds: Iterable[JobKind]) -> Self:
        """Return the paces of kinds of jobs; in a transaction."""
        keys = sorted({key for kind in kinds for key in kind.levels})
        names = [field.name for field in fields(_Level)]
        return cls(
            {
                pace.key: _Level(**{name: getattr(pace, name) for name in names})
                for pace in _paces(session, keys)
            }
        )

    def add(self, kind: JobKind, runs: int, fixed: float, epoch: float) -> None:
        """Count a job that is still trained, by what it took so far.

        Args:
            kind: of the job.
            runs: how many it has.
            fixed: seconds until its first epoch began.
            epoch: seconds of an epoch.
        """
        suggested = expected_job(kind.workload, kind.members(runs))
        ratios = _log_ratio(fixed, suggested.fixed), _log_ratio(epoch, suggested.epoch)
        for key in kind.taught:
            self._levels[key] = self._levels.get(key, _NONE).with_job(*ratios)

    def expected(self, kind: JobKind, runs: int) -> ExpectedJob:
        """Return what a job of so many runs is expected to take."""
        work = kind.workload
        suggested = expected_job(work, kind.members(runs))
        levels = [self._levels.get(key, _NONE) for key in kind.levels]
        exact = levels[-1]
        if exact.epoch_weight or (exact.fixed_weight and not work.epochs):
            basis: Basis = "measured"
        else:
            basis = "similar" if any(level.fixed_weight for level in levels) else "catalog"
        return ExpectedJob(
            fixed=suggested.fixed * _borrowed([(one.fixed_weight, one.fixed) for one in levels]),
            epoch=suggested.epoch * _borrowed([(one.epoch_weight, one.epoch) for one in levels]),
            epochs=work.epochs * exact.epochs_share,
            basis=basis,
            runs=exact.runs if basis == "measured" else 0,
        )


def _paces(session: Session, keys: Collection[str]) -> Sequence[Pace]:
    wanted = Pace.key == func.any(bindparam("keys", list(keys), ARRAY(Text)))
    return session.scalars(
        select(Pace).where(wanted).execution_options(populate_existing=True)
    ).all()


def _borrowed(levels: Sequence[tuple[float, float]]) -> float:
    """Return the factor of the lowest level: its mean, shrunk towards those above it.

    Args:
        levels: weight and mean logarithm, from the device down to the workload.
    """
    mean = 0.0
    for (weight, own), prior in zip(levels, _PRIOR_JOBS, strict=True):
        mean = (weight * own + prior * mean) / (weight + prior)
    return math.exp(mean)
