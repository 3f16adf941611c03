"""What training costs: the seconds of planned runs, and of what is left of experiments."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session

from service.database.tables import Epoch, Experiment, Run
from service.experiments.throughput import (
    NOTHING_MEASURED,
    PLAINLY,
    WORKLOAD,
    Measure,
    measures,
    reckoned,
    sample_column,
    workload,
    workload_columns,
)
from service.specs.expansion import PlannedRun
from service.specs.packing import engine_form, pack_key, pack_limit
from service.specs.resolution import training_samples
from service.statuses import ACTIVE, FINISHED, RunStatus

#: Runs of one experiment that stand for all of them.
_SAMPLE = 20
#: Most members that a pack is reckoned to have in an experiment under way: the setting's default.
#: Of larger ones a member's time is hardly less.
_PACK_SIZE = 32


@dataclass(frozen=True)
class Rate:
    """How long a thousand training samples take, validation included.

    Runs that are trained in packs count with their share of it. ``basis`` is ``measured`` (by
    ``runs`` runs of this model, data set and batch size, reckoned over to packs of as many
    members as there will be) or ``catalog`` (counted from the layers, for two cores).
    """

    model: dict[str, Any]
    dataset: str
    batch_size: int
    seconds_per_thousand_samples: float
    basis: Literal["measured", "catalog"]
    runs: int


@dataclass(frozen=True)
class Cost:
    """What a set of runs takes on one worker, one pack or one run after the other."""

    training_samples: int
    seconds: float
    rates: list[Rate]


def estimate(
    session: Session, planned: Iterable[PlannedRun], device: str, *, pack_size: int
) -> Cost:
    """Estimate the cost of runs that are not yet trained.

    Args:
        session: in a transaction.
        planned: the runs; those that can be packed with one another are reckoned so.
        device: ``auto``, ``cpu`` or ``cuda``.
        pack_size: most members of a pack.
    """
    work = _work(planned, device, pack_size)
    measured = measures(session, work.keys(), device)
    rates = [_rate(key, each, measured.get(key, NOTHING_MEASURED)) for key, each in work.items()]
    samples = [each.total() for each in work.values()]
    seconds = sum(
        count / 1000 * rate.seconds_per_thousand_samples
        for count, rate in zip(samples, rates, strict=True)
    )
    return Cost(sum(samples), round(seconds, 3), rates)


def _work(planned: Iterable[PlannedRun], device: str, pack_size: int) -> dict[bytes, Counter[int]]:
    """Count the samples to train on, of each workload by how many members the packs have."""
    configurations, runs = {}, Counter[str]()
    for run in planned:
        configurations[run.config_hash] = run.configuration
        runs[run.config_hash] += 1
    packs = {digest: pack_key(found) for digest, found in configurations.items()}
    alike = Counter[str | None]()
    for digest, count in runs.items():
        alike[packs[digest]] += count
    work: dict[bytes, Counter[int]] = defaultdict(Counter)
    for digest, configuration in configurations.items():
        config, pack = configuration.resolved, packs[digest]
        members = _members(config.model.name, pack, alike[pack], device, pack_size)
        samples = training_samples(config.dataset) * config.epochs
        key = workload(configuration.values["model"], config.dataset.name, config.batch_size)
        work[key][members] += runs[digest] * samples
    return work


def _rate(key: bytes, samples: Counter[int], measure: Measure) -> Rate:
    """Give the mean rate of samples that are trained in packs of so many members each."""
    # Where there are no epochs there are no samples to weigh by, and nothing it costs.
    weights = {members: count or 1 for members, count in samples.items()}
    seconds = sum(count * reckoned(key, members) for members, count in weights.items())
    mean = measure.factor * seconds / sum(weights.values())
    model, dataset, batch_size = orjson.loads(key)
    basis: Literal["measured", "catalog"] = "measured" if measure.runs else "catalog"
    return Rate(model, dataset, batch_size, round(mean, 6), basis, measure.runs)


def _members(model: str, pack: str | None, alike: int, device: str, pack_size: int) -> int:
    """Give how many members the packs of a run have where so many runs can be packed together."""
    form = engine_form(model, pack, "cuda" if device == "cuda" else "cpu")
    return pack_limit(alike, 1, pack_size) if form == "batched" else PLAINLY


def seconds_per_epoch(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    """Estimate what an epoch of each unfinished experiment takes, from a sample of its runs.

    An epoch of a pack counts to each member with its share, so that the sum over runs is a
    worker's time. Measured where the experiment has recorded an epoch, preferably by runs that
    train now.
    """
    if not experiment_ids:
        return {}
    measured = _measured_epochs(session, experiment_ids)
    return measured | _estimated_epochs(session, set(experiment_ids) - measured.keys())


def _measured_epochs(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    trained = Run.status.in_((RunStatus.RUNNING, *FINISHED))
    sample = (
        select(Run.id, Run.epoch)
        .where(Run.experiment_id == Experiment.id, trained, Run.epoch > 0)
        .order_by(Run.status.desc())
        .limit(_SAMPLE)
        .lateral("sample")
    )
    last_epoch = and_(Epoch.run_id == sample.c.id, Epoch.epoch == sample.c.epoch)
    rows = session.execute(
        select(Experiment.id, func.avg(Epoch.epoch_seconds).label("seconds"))
        .select_from(Experiment)
        .join(sample, true())
        .join(Epoch, last_epoch)
        .where(Experiment.id.in_(experiment_ids), Epoch.epoch_seconds.is_not(None))
        .group_by(Experiment.id)
    )
    return {row.id: row.seconds for row in rows}


def _estimated_epochs(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    if not experiment_ids:
        return {}
    rows = session.execute(_waiting(experiment_ids)).all()
    keys = [workload(row.model, row.dataset, row.batch_size) for row in rows]
    measured = measures(session, set(keys), "auto")
    seconds: dict[uuid.UUID, float] = defaultdict(float)
    runs: dict[uuid.UUID, int] = defaultdict(int)
    for row, key in zip(rows, keys, strict=True):
        members = _members(row.model["name"], row.pack_key, row.alike, "auto", _PACK_SIZE)
        rate = measured.get(key, NOTHING_MEASURED).factor * reckoned(key, members)
        seconds[row.id] += row.runs * row.samples / 1000 * rate
        runs[row.id] += row.runs
    return {each: seconds[each] / runs[each] for each in seconds}


def _waiting(experiment_ids: Collection[uuid.UUID]) -> Any:
    """Read some runs of each experiment by workload and pack key, with how many are ``alike``.

    Those wait in any experiment or train in this one, and can be packed together.
    """
    sample = (
        select(*workload_columns(), Run.pack_key, sample_column())
        .where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE))
        .limit(_SAMPLE)
        .lateral("sample")
    )
    kinds = (Experiment.id, *(sample.c[each] for each in (*WORKLOAD, "pack_key")))
    found = (
        select(*kinds, func.avg(sample.c.samples).label("samples"), func.count().label("runs"))
        .select_from(Experiment)
        .join(sample, true())
        .where(Experiment.id.in_(experiment_ids))
        .group_by(*kinds)
        .subquery("found")
    )
    queued = _counted(found, Run.status == RunStatus.QUEUED)
    training = _counted(found, Run.status == RunStatus.RUNNING, Run.experiment_id == found.c.id)
    return select(found, (queued + training).label("alike"))


def _counted(found: Any, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """Count runs of a pack key, up to as many as a pack has."""
    some = (
        select(Run.id)
        .where(Run.pack_key == found.c.pack_key, *conditions)
        .limit(_PACK_SIZE)
        .correlate(found)
        .lateral("some")
    )
    return select(func.count()).select_from(some).scalar_subquery()
