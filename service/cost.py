"""What training costs: seconds estimated from what was measured, else from the catalog."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson
from sqlalchemy import ColumnElement, Double, and_, func, select, true
from sqlalchemy.orm import Session

from service.catalog import AXES
from service.catalog.entry import ModelEntry
from service.expansion import PlannedRun, training_samples
from service.models import Epoch, Experiment, Run

#: Enough to be a fair mean, few enough to be read in milliseconds.
_NEWEST_RUNS = 500
#: Runs of one experiment that stand for all of them.
_SAMPLE = 20


@dataclass(frozen=True)
class Rate:
    """How long one model takes for a thousand training samples, validation included.

    ``basis`` is ``measured`` (the mean over ``runs`` runs of this very model) or ``catalog``
    (the entry's figure for its default size on one CPU).
    """

    model: dict[str, Any]
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
        model = _key(each.config.model.model_dump(mode="json"))
        samples[model] += training_samples(each.config.dataset) * each.config.epochs
    rates = _rates(session, samples.keys(), device)
    seconds = sum(
        count / 1000 * rates[model].seconds_per_thousand_samples for model, count in samples.items()
    )
    return Cost(sum(samples.values()), round(seconds, 3), list(rates.values()))


def seconds_per_epoch(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    """Estimate what an epoch of each unfinished experiment takes, from a sample of its runs.

    Measured where the experiment has recorded an epoch, preferably by runs that train now.
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
    waiting = Run.status.in_(("queued", "running"))
    sample = (
        select(Run.config["model"].label("model"), _training_samples())
        .where(Run.experiment_id == Experiment.id, waiting)
        .limit(_SAMPLE)
        .lateral("sample")
    )
    rows = session.execute(
        select(Experiment.id, sample.c.model, func.avg(sample.c.samples), func.count())
        .select_from(Experiment)
        .join(sample, true())
        .where(Experiment.id.in_(experiment_ids))
        .group_by(Experiment.id, sample.c.model)
    ).all()
    rates = _rates(session, {_key(model) for _, model, _, _ in rows}, "auto")
    seconds: dict[uuid.UUID, float] = defaultdict(float)
    runs: dict[uuid.UUID, int] = defaultdict(int)
    for experiment_id, model, samples, count in rows:
        rate = rates[_key(model)].seconds_per_thousand_samples
        seconds[experiment_id] += count * samples / 1000 * rate
        runs[experiment_id] += count
    return {each: seconds[each] / runs[each] for each in seconds}


def _rates(session: Session, models: Collection[bytes], device: str) -> dict[bytes, Rate]:
    if not models:
        return {}
    rates = {model: _catalog_rate(orjson.loads(model)) for model in models}
    for model, seconds, runs in session.execute(_measured(device)):
        key = _key(model)
        if key in rates:
            rates[key] = Rate(model, round(seconds, 6), "measured", runs)
    return rates


def _measured(device: str) -> Any:
    newest = (
        select(Run.id, Run.epoch, Run.config["model"].label("model"), _training_samples())
        .where(Run.status == "completed", Run.epoch > 0)
        .order_by(Run.id.desc())
        .limit(_NEWEST_RUNS)
    )
    if device != "auto":
        newest = newest.where(Run.engine["device"].astext == device)
    runs = newest.subquery()
    mean = 1000 * func.avg(Epoch.epoch_seconds / runs.c.samples)
    return (
        select(runs.c.model, mean, func.count())
        .join(Epoch, and_(Epoch.run_id == runs.c.id, Epoch.epoch == runs.c.epoch))
        .where(Epoch.epoch_seconds.is_not(None))
        .group_by(runs.c.model)
    )


def _catalog_rate(model: dict[str, Any]) -> Rate:
    entry = cast("ModelEntry", AXES["model"][model["name"]])
    return Rate(model, entry.seconds_per_thousand_samples, "catalog", 0)


def _training_samples() -> ColumnElement[float]:
    """``service.expansion.training_samples`` in SQL."""
    sizes = Run.config["dataset"]
    split = sizes["validation_split"].astext.cast(Double)
    return func.floor(sizes["train_size"].astext.cast(Double) * (1 - split)).label("samples")


def _key(model: dict[str, Any]) -> bytes:
    return orjson.dumps(model, option=orjson.OPT_SORT_KEYS)
