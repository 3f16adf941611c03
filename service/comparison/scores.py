"""What an experiment's runs scored: one value a training, with its place in the grid."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.catalog.metrics import (
    BEST_COLUMN,
    COMPARED_METRICS,
    FINAL_METRICS,
    MAIN_METRIC,
    METRICS,
)
from service.comparison.precision import step
from service.database.tables import Epoch, Run
from service.errors import InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.specs.labels import Label, labels
from service.specs.spec import AXIS_FIELDS

At = Literal["final", "best"]

#: What runs can be grouped by: the axes, and the label of a variant.
GROUPINGS = (*AXIS_FIELDS, "variant")


@dataclass(frozen=True)
class Score:
    """One training: where it stands in the grid, how it ended and what it reached.

    ``place`` gives its label on each of ``GROUPINGS``; ``value`` is None where nothing was
    recorded. ``step`` is that between neighbouring values of the metric (``comparison.precision``).
    """

    place: Mapping[str, Label]
    config_hash: str
    seed: int
    status: str
    value: float | None
    step: float


def check(metric: str, at: str, by: Sequence[str]) -> None:
    """See that a comparison can be asked for.

    Raises:
        InvalidError: a metric, a point or an axis that is none, with the nearest ones.
    """
    if metric not in COMPARED_METRICS:
        raise _refusal("metric", unknown("metric to compare", metric, list(COMPARED_METRICS)))
    if at == "best" and METRICS[metric].when == "end":
        detail = f"{metric} is measured once, after the last epoch: ask for at=final."
        raise _refusal("at", detail)
    for name in by:
        if name not in GROUPINGS:
            raise _refusal("by", unknown("axis to group by", name, list(GROUPINGS)))


def _refusal(parameter: str, detail: str) -> InvalidError:
    return InvalidError(detail, errors=[FieldError(("query", parameter), detail)])


def read(session: Session, experiment_id: uuid.UUID, metric: str, at: At) -> list[Score]:
    """Give the score of each run of an experiment, in their order.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.

    Raises:
        NotFoundError: there is no such experiment.
    """
    ours = Run.experiment_id == experiment_id
    with session.begin():
        runs = session.execute(
            select(Run.label, Run.config_hash, Run.seed, Run.status, _value(metric, at))
            .where(ours)
            .order_by(Run.position)
        ).all()
        distinct = select(Run.config_hash, Run.config).ext(distinct_on(Run.config_hash))
        configs: dict[str, dict[str, Any]] = dict(session.execute(distinct.where(ours)).all())
    if not runs:
        raise NotFoundError(f"There is no experiment {experiment_id}.")
    places = _places(configs)
    steps = {config_hash: step(metric, config) for config_hash, config in configs.items()}
    return [
        Score(
            {**places[config_hash], "variant": label},
            config_hash,
            seed,
            status,
            value,
            steps[config_hash],
        )
        for label, config_hash, seed, status, value in runs
    ]


def _value(metric: str, at: At) -> Any:
    if at == "final" and metric in FINAL_METRICS:
        return getattr(Run, metric)
    if at == "best" and metric == MAIN_METRIC:
        return getattr(Run, BEST_COLUMN)
    column = getattr(Epoch, metric)
    history = select(column).where(Epoch.run_id == Run.id)
    if at == "final":
        return history.where(Epoch.epoch == Run.epoch).scalar_subquery()
    extreme = func.max if METRICS[metric].higher_is_better else func.min
    return history.with_only_columns(extreme(column)).scalar_subquery()


def _places(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Label]]:
    """Label each configuration on every axis; other values have other labels."""
    places: dict[str, dict[str, Label]] = {config_hash: {} for config_hash in configs}
    for axis in AXIS_FIELDS:
        keys = {each: _key(config.get(axis)) for each, config in configs.items()}
        named = labels(axis, keys.values())
        for config_hash, key in keys.items():
            places[config_hash][axis] = named[key]
    return places


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def varying_axes(scores: Sequence[Score]) -> list[str]:
    """Name the axes that vary and that no earlier one of them already decides.

    Where ``auto`` gave each activation its own initializer, the activation alone is named.
    """
    places = _distinct_places(scores)
    kept: list[str] = []
    for axis in AXIS_FIELDS:
        if not decided(places, kept, axis):
            kept.append(axis)
    return kept


def other_axes(scores: Sequence[Score], by: Sequence[str]) -> list[str]:
    """Name the axes that still vary within groups."""
    places = _distinct_places(scores)
    return [axis for axis in AXIS_FIELDS if not decided(places, by, axis)]


def decided(places: Sequence[Mapping[str, Label]], by: Sequence[str], axis: str) -> bool:
    """Say whether the labels on some axes decide that on another."""
    groups = {tuple(place[name] for name in by) for place in places}
    finer = {tuple(place[name] for name in (*by, axis)) for place in places}
    return len(finer) == len(groups)


def _distinct_places(scores: Sequence[Score]) -> list[Mapping[str, Label]]:
    return list({(each.config_hash, each.place["variant"]): each.place for each in scores}.values())
