"""Scores of an experiment's runs: one value per training, with its labels on every axis."""

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
from service.errors import ConflictError, InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.specs import labels
from service.specs.labels import Label
from service.specs.spec import AXIS_FIELDS

At = Literal["final", "best"]

#: What runs can be grouped by: the axes, and the label of a variant.
GROUPINGS = (*AXIS_FIELDS, "variant")


@dataclass(frozen=True)
class Score:
    """One run as a comparison reads it.

    Attributes:
        place: its label on each of ``GROUPINGS``.
        config_hash: the hash of its configuration.
        seed: its seed.
        status: its status.
        value: the metric's value; None where none was recorded.
        step: the step between neighbouring values of the metric (``comparison.precision``).
    """

    place: Mapping[str, Label]
    config_hash: str
    seed: int
    status: str
    value: float | None
    step: float


def check(metric: str, at: str, by: Sequence[str]) -> None:
    """Check that a comparison exists.

    Raises:
        InvalidError: no such metric, point or axis; the sentence names the nearest ones.
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
    """Return the score of each run of an experiment, in the order of the runs.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.

    Raises:
        NotFoundError: there is no such experiment.
        ConflictError: the runs have no labels yet.
    """
    ours = Run.experiment_id == experiment_id
    with session.begin():
        runs = session.execute(
            select(Run.label, Run.config_hash, Run.seed, Run.status, _value(metric, at))
            .where(ours)
            .order_by(Run.position)
        ).all()
        distinct = select(Run.config_hash, Run.config, Run.labels)
        configurations = session.execute(
            distinct.ext(distinct_on(Run.config_hash)).where(ours)
        ).all()
    if not runs:
        raise NotFoundError(f"There is no experiment {experiment_id}.")
    if not all(row.labels for row in configurations):
        raise ConflictError(
            "An older version of the service submitted these runs: the scheduler labels them "
            "within seconds. Ask again."
        )
    stored = {row.config_hash: row.labels for row in configurations}
    steps = {row.config_hash: step(metric, row.config) for row in configurations}
    # The seeds of a configuration share its place.
    places = {
        (label, config_hash): {**stored[config_hash], "variant": label}
        for label, config_hash in {(run.label, run.config_hash) for run in runs}
    }
    return [
        Score(places[label, config_hash], config_hash, seed, status, value, steps[config_hash])
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


def varying_axes(scores: Sequence[Score]) -> list[str]:
    """Return the axes on which scores differ and that no earlier one of them decides."""
    return labels.varying_axes(_distinct_places(scores))


def other_axes(scores: Sequence[Score], by: Sequence[str]) -> list[str]:
    """Return the axes that still vary within groups."""
    places = _distinct_places(scores)
    return [axis for axis in AXIS_FIELDS if not decided(places, by, axis)]


def decided(places: Sequence[Mapping[str, Label]], by: Sequence[str], axis: str) -> bool:
    """Whether the labels on some axes decide the label on another."""
    groups = {tuple(place[name] for name in by) for place in places}
    finer = {tuple(place[name] for name in (*by, axis)) for place in places}
    return len(finer) == len(groups)


def _distinct_places(scores: Sequence[Score]) -> list[Mapping[str, Label]]:
    places = {(score.config_hash, score.place["variant"]): score.place for score in scores}
    return list(places.values())
