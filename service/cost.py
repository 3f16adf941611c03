"""What training costs: seconds estimated from what was measured, else from the catalog."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson
from sqlalchemy import ColumnElement, Double, and_, func, select
from sqlalchemy.orm import Session

from service.catalog import AXES
from service.catalog.entry import ModelEntry
from service.expansion import PlannedRun, training_samples
from service.models import Epoch, Run

#: Enough to be a fair mean, few enough to be read in milliseconds.
_NEWEST_RUNS = 500

_ACTIVE = Run.status.in_(("queued", "running"))


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


def remaining_seconds(
    session: Session, experiment_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, float]:
    """Estimate how long experiments still take, with the workers that are at them now.

    Each model's rate is the experiment's own as soon as it has an epoch of it.
    """
    if not experiment_ids:
        return {}
    model, samples = Run.config["model"], _training_samples()
    parts = session.execute(
        select(
            Run.experiment_id,
            model.label("model"),
            func.count().filter(Run.status == "running").label("running"),
            func.sum((Run.epochs - Run.epoch) * samples).filter(_ACTIVE).label("remaining"),
            func.sum(Epoch.epoch_seconds).label("seconds"),
            func.sum(samples).filter(Epoch.epoch_seconds.is_not(None)).label("measured"),
        )
        .outerjoin(Epoch, and_(Epoch.run_id == Run.id, Epoch.epoch == Run.epoch))
        .where(Run.experiment_id.in_(experiment_ids))
        .group_by(Run.experiment_id, model)
    ).all()
    unmeasured = {_key(each.model) for each in parts if not each.measured}
    rates = _rates(session, unmeasured, "auto")
    work: dict[uuid.UUID, float] = defaultdict(float)
    running: dict[uuid.UUID, int] = defaultdict(int)
    for each in parts:
        per_sample = (
            each.seconds / each.measured
            if each.measured
            else rates[_key(each.model)].seconds_per_thousand_samples / 1000
        )
        work[each.experiment_id] += (each.remaining or 0) * per_sample
        running[each.experiment_id] += each.running
    return {each: round(work[each] / max(1, running[each]), 3) for each in work}


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
