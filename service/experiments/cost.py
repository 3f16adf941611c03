"""Cost: estimates of the seconds that planned runs and the rest of experiments take."""

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
    SOLO,
    WORKLOAD,
    Measure,
    dataset_key,
    expected_seconds,
    measures,
    sample_column,
    workload,
    workload_columns,
)
from service.specs.expansion import PlannedRun
from service.specs.packing import engine_form, pack_key, pack_limit
from service.specs.resolution import training_samples
from service.statuses import ACTIVE, FINISHED, RunStatus

#: Sample size: runs of an experiment from which its cost is extrapolated.
_SAMPLE_RUNS = 20
#: Largest pack in the estimate for an experiment under way: the setting's default. In larger packs
#: a member takes hardly less.
_LARGEST_PACK = 32


_ON_GPUS = (
    "These are the seconds of float32: how much faster {} is on this GPU is known once it was "
    "measured here."
)
#: What a rate that was not measured leaves open, by precision.
_UNMEASURED = {
    "bfloat16": "These are the seconds of float32: bfloat16 takes a part of them on a processor "
    "with instructions for it (avx512_bf16, amx_bf16), and a little more on any other. What "
    "it takes here is known once it was measured here.",
    **{name: _ON_GPUS.format(name) for name in ("tf32", "float16")},
}


@dataclass(frozen=True)
class Rate:
    """Seconds per thousand training samples, validation included.

    A run in a pack counts with its share of the pack's time.

    Attributes:
        basis: ``measured`` on ``runs`` runs of this model, data set and batch size, scaled to the
            sizes of the packs; or ``catalog``: counted from the layers, for two cores.
        note: what else decides the seconds, in a sentence; None where they were measured, and of
            float32.
    """

    model: dict[str, Any]
    dataset: str
    batch_size: int
    precision: str
    seconds_per_thousand_samples: float
    basis: Literal["measured", "catalog"]
    runs: int
    note: str | None = None


@dataclass(frozen=True)
class Cost:
    """What runs take on one worker that trains one pack, or one run, after the other."""

    training_samples: int
    seconds: float
    rates: list[Rate]


def estimate(
    session: Session, planned: Iterable[PlannedRun], device: str, *, pack_size: int
) -> Cost:
    """Return the estimated cost of runs that are not trained yet.

    Args:
        session: in a transaction.
        planned: the runs; those that can be packed together count as packs.
        device: ``auto``, ``cpu`` or ``cuda``.
        pack_size: most members of a pack.
    """
    work = _work(planned, device, pack_size)
    measured = measures(session, work.keys(), device)
    rates = [
        _rate(key, samples, measured.get(key, NOTHING_MEASURED)) for key, samples in work.items()
    ]
    totals = [samples.total() for samples in work.values()]
    seconds = sum(
        count / 1000 * rate.seconds_per_thousand_samples
        for count, rate in zip(totals, rates, strict=True)
    )
    return Cost(sum(totals), round(seconds, 3), rates)


def _work(planned: Iterable[PlannedRun], device: str, pack_size: int) -> dict[bytes, Counter[int]]:
    """Return the number of samples to train on, by workload and by members of the packs."""
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
        key = workload(
            configuration.values["model"],
            dataset_key(configuration.values["dataset"]),
            config.batch_size,
            config.precision.name,
        )
        work[key][members] += runs[digest] * samples
    return work


def _rate(key: bytes, samples: Counter[int], measure: Measure) -> Rate:
    """Return the mean rate of a workload.

    Args:
        key: the workload.
        samples: how many samples, by members of the packs.
        measure: what was measured of the workload.
    """
    # Without epochs there are no samples to weigh by, and no cost.
    weights = {members: count or 1 for members, count in samples.items()}
    seconds = sum(count * expected_seconds(key, members) for members, count in weights.items())
    mean = measure.factor * seconds / sum(weights.values())
    model, dataset, batch_size, precision = orjson.loads(key)
    basis: Literal["measured", "catalog"] = "measured" if measure.runs else "catalog"
    note = _UNMEASURED.get(precision) if basis == "catalog" else None
    return Rate(model, dataset, batch_size, precision, round(mean, 6), basis, measure.runs, note)


def _members(model: str, pack: str | None, alike: int, device: str, pack_size: int) -> int:
    """Return how many members the packs of a run have, where ``alike`` runs can be packed."""
    form = engine_form(model, pack, "cuda" if device == "cuda" else "cpu")
    return pack_limit(alike, 1, pack_size) if form == "batched" else SOLO


def seconds_per_epoch(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    """Return the estimated seconds per epoch of unfinished experiments, by a sample of runs.

    Each member has its share of a pack's epoch, so the sum over runs is the time of a worker. Where
    the experiment has recorded an epoch it is measured, preferably by runs that train now.
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
        .limit(_SAMPLE_RUNS)
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
    keys = [workload(row.model, row.dataset, row.batch_size, row.precision) for row in rows]
    measured = measures(session, set(keys), "auto")
    seconds: dict[uuid.UUID, float] = defaultdict(float)
    runs: dict[uuid.UUID, int] = defaultdict(int)
    for row, key in zip(rows, keys, strict=True):
        members = _members(row.model["name"], row.pack_key, row.alike, "auto", _LARGEST_PACK)
        rate = measured.get(key, NOTHING_MEASURED).factor * expected_seconds(key, members)
        seconds[row.id] += row.runs * row.samples / 1000 * rate
        runs[row.id] += row.runs
    return {key: seconds[key] / runs[key] for key in seconds}


def _waiting(experiment_ids: Collection[uuid.UUID]) -> Any:
    """Return the query of some runs per experiment, by workload and pack key.

    ``alike`` counts the runs that can be packed together: those queued in any experiment, and
    those that train in this one.
    """
    sample = (
        select(*workload_columns(), Run.pack_key, sample_column())
        .where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE))
        .limit(_SAMPLE_RUNS)
        .lateral("sample")
    )
    kinds = (Experiment.id, *(sample.c[name] for name in (*WORKLOAD, "pack_key")))
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
    """Return the number of runs of a pack key, counted up to the size of a pack."""
    some = (
        select(Run.id)
        .where(Run.pack_key == found.c.pack_key, *conditions)
        .limit(_LARGEST_PACK)
        .correlate(found)
        .lateral("some")
    )
    return select(func.count()).select_from(some).scalar_subquery()
