"""What training costs: seconds estimated from what was measured, else from the catalog."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Double, Integer, and_, func, select, true
from sqlalchemy.orm import Session

from service.choices import choice
from service.expansion import PlannedRun
from service.models import Epoch, Experiment, Run
from service.resolution import network_of, training_samples

#: Enough to be a fair mean, few enough to be read in milliseconds.
_NEWEST_RUNS = 500
#: Runs of one experiment that stand for all of them.
_SAMPLE = 20

#: On two cores, measured: a billion multiply-adds of the forward pass, trained (the backward pass
#: costs twice as much) and validated; and what a step costs however small it is.
_SECONDS_PER_BILLION = 0.108
_SECONDS_PER_STEP = 0.0006


@dataclass(frozen=True)
class Rate:
    """How long a thousand training samples take, validation included.

    ``basis`` is ``measured`` (the mean over ``runs`` runs of this model, data set and batch
    size) or ``catalog`` (counted from the layers, for two cores).
    """

    model: dict[str, Any]
    dataset: str
    batch_size: int
    seconds_per_thousand_samples: float
    basis: Literal["measured", "catalog"]
    runs: int


@dataclass(frozen=True)
class Cost:
    """What a set of runs takes on one worker, one run after the other."""

    training_samples: int
    seconds: float
    rates: list[Rate]


def estimate(session: Session, planned: Iterable[PlannedRun], device: str) -> Cost:
    """Estimate the cost of runs that are not yet trained, for ``auto``, ``cpu`` or ``cuda``."""
    samples: dict[bytes, int] = defaultdict(int)
    for each in planned:
        config = each.config
        key = _key(config.model.model_dump(mode="json"), config.dataset.name, config.batch_size)
        samples[key] += training_samples(config.dataset) * config.epochs
    rates = _rates(session, samples.keys(), device)
    seconds = sum(
        count / 1000 * rates[key].seconds_per_thousand_samples for key, count in samples.items()
    )
    return Cost(sum(samples.values()), round(seconds, 3), list(rates.values()))


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
    trained = Run.status.in_(("running", "completed", "diverged"))
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
    waiting = Run.status.in_(("queued", "running"))
    sample = (
        select(*_workload(), _training_samples())
        .where(Run.experiment_id == Experiment.id, waiting)
        .limit(_SAMPLE)
        .lateral("sample")
    )
    workload = (sample.c.model, sample.c.dataset, sample.c.batch_size)
    rows = session.execute(
        select(Experiment.id, *workload, func.avg(sample.c.samples), func.count())
        .select_from(Experiment)
        .join(sample, true())
        .where(Experiment.id.in_(experiment_ids))
        .group_by(Experiment.id, *workload)
    ).all()
    rates = _rates(session, {_key(*row[1:4]) for row in rows}, "auto")
    seconds: dict[uuid.UUID, float] = defaultdict(float)
    runs: dict[uuid.UUID, int] = defaultdict(int)
    for experiment_id, *key, samples, count in rows:
        rate = rates[_key(*key)].seconds_per_thousand_samples
        seconds[experiment_id] += count * samples / 1000 * rate
        runs[experiment_id] += count
    return {each: seconds[each] / runs[each] for each in seconds}


def _rates(session: Session, keys: Collection[bytes], device: str) -> dict[bytes, Rate]:
    if not keys:
        return {}
    rates = {key: _catalog_rate(*orjson.loads(key)) for key in keys}
    for model, dataset, batch_size, seconds, runs in session.execute(_measured(device)):
        key = _key(model, dataset, batch_size)
        if key in rates:
            rates[key] = Rate(model, dataset, batch_size, round(seconds, 6), "measured", runs)
    return rates


def _measured(device: str) -> Any:
    newest = (
        select(Run.id, Run.epoch, *_workload(), _training_samples())
        .where(Run.status == "completed", Run.epoch > 0)
        .order_by(Run.id.desc())
        .limit(_NEWEST_RUNS)
    )
    if device != "auto":
        newest = newest.where(Run.engine["device"].astext == device)
    runs = newest.subquery()
    workload = (runs.c.model, runs.c.dataset, runs.c.batch_size)
    mean = 1000 * func.avg(Epoch.epoch_seconds / runs.c.samples)
    return (
        select(*workload, mean, func.count())
        .join(Epoch, and_(Epoch.run_id == runs.c.id, Epoch.epoch == runs.c.epoch))
        .where(Epoch.epoch_seconds.is_not(None))
        .group_by(*workload)
    )


def _catalog_rate(model: dict[str, Any], dataset: str, batch_size: int) -> Rate:
    plain = choice("activation", "relu")
    layers = network_of(choice("dataset", dataset), choice("model", model), plain)
    seconds = layers.multiply_adds / 1e6 * _SECONDS_PER_BILLION + 1000 / batch_size * (
        _SECONDS_PER_STEP
    )
    return Rate(model, dataset, batch_size, round(seconds, 6), "catalog", 0)


def _workload() -> tuple[ColumnElement[Any], ...]:
    """What decides the time a sample takes, as ``_key`` takes it."""
    return (
        Run.config["model"].label("model"),
        Run.config["dataset"]["name"].astext.label("dataset"),
        Run.config["batch_size"].astext.cast(Integer).label("batch_size"),
    )


def _training_samples() -> ColumnElement[float]:
    """``service.expansion.training_samples`` in SQL."""
    sizes = Run.config["dataset"]
    split = sizes["validation_split"].astext.cast(Double)
    return func.floor(sizes["train_size"].astext.cast(Double) * (1 - split)).label("samples")


def _key(model: dict[str, Any], dataset: str, batch_size: int) -> bytes:
    return orjson.dumps([model, dataset, batch_size], option=orjson.OPT_SORT_KEYS)
