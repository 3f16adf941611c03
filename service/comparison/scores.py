"""Scores of an experiment's runs: one value per training, with its labels on every axis."""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, func, null, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.catalog.metrics import (
    BEST_COLUMNS,
    COMPARED_METRICS,
    FINAL_METRICS,
    LOSSES,
    MAIN_METRICS,
    METRICS,
    TARGET_METRICS,
    of_test_part,
    target_refusal,
)
from service.comparison import timing
from service.comparison.guessing import guess
from service.comparison.precision import step
from service.comparison.pursuits import pursuits
from service.comparison.question import At, Question
from service.comparison.recorded_targets import recorded_targets
from service.comparison.targets import UNITS, Target, Unit, censored_value
from service.database.tables import Epoch, Run
from service.errors import ConflictError, InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.specs import labels
from service.specs.labels import Label, labels_of
from service.specs.spec import AXIS_FIELDS
from service.statuses import FINISHED, UNTRAINED, RunStatus

_DIVERGED = RunStatus.DIVERGED

#: What runs can be grouped by: the axes, and the label of a variant.
GROUPINGS = (*AXIS_FIELDS, "variant")


@dataclass(frozen=True)
class Configured:
    """What the scores of one configuration have in common.

    Attributes:
        values: the resolved configuration, as JSON.
        hash: its hash.
        step: the step between neighbouring values of the metric (``comparison.precision``).
        guess: the metric's value for guessing (``comparison.guessing``); None where it has none.
    """

    values: Mapping[str, Any]
    hash: str
    step: float
    guess: float | None


@dataclass(frozen=True)
class Score:
    """One run as a comparison reads it.

    Attributes:
        place: its label on each of ``GROUPINGS``.
        configured: its configuration.
        seed: its seed.
        status: its status.
        outcome: what its training came to; None where it has no result.
        value: the metric's value; None where none was recorded. Of a run that never reaches the
            target, what it counts as.
        last_finite: of a run that diverged, the last finite value of its history; else None.
        reached: whether it reached the target; True where none was asked for.
        tested: of a metric of the validation part, its quantity on the test part after the last
            epoch; None where no test part was held out.
    """

    place: Mapping[str, Label]
    configured: Configured
    seed: int
    status: str
    outcome: str | None
    value: float | None
    last_finite: float | None = None
    reached: bool = True
    tested: float | None = None

    @property
    def config_hash(self) -> str:
        """The hash of its configuration."""
        return self.configured.hash

    @property
    def kind(self) -> tuple[str, Label]:
        """Its configuration and variant, which decide its place."""
        return self.configured.hash, self.place["variant"]

    @property
    def diverged(self) -> bool:
        """Whether it diverged, or completed with a value that is not finite.

        A test loss can overflow after the last epoch; that is no number to average either.
        """
        if self.status == RunStatus.COMPLETED:
            return self.value is not None and not math.isfinite(self.value)
        return self.status == RunStatus.DIVERGED

    @property
    def trained(self) -> bool:
        """Whether it did better than guessing."""
        return (
            self.status == RunStatus.COMPLETED
            and not self.diverged
            and self.outcome not in UNTRAINED
        )

    @property
    def missing(self) -> bool:
        """Whether it completed without recording the metric."""
        return self.status == RunStatus.COMPLETED and self.value is None

    @property
    def finished(self) -> bool:
        """Whether it has its result."""
        return self.status in FINISHED


def check(question: Question) -> None:
    """Check that a comparison exists.

    Raises:
        InvalidError: no such metric, point, target or axis; the sentence names the nearest ones.
    """
    metric = question.metric
    if metric not in COMPARED_METRICS:
        raise refusal("metric", unknown("metric to compare", metric, list(COMPARED_METRICS)))
    if question.at != "final" and METRICS[metric].when == "end":
        detail = f"{metric} is measured once, after the last epoch: ask for at=final."
        raise refusal("at", detail)
    _check_target(question)
    names = {"by": question.by, "tune": question.tune, "average": question.average}
    for parameter, axes in names.items():
        for name in axes:
            axis, dot, _ = name.partition(".")
            if axis not in (AXIS_FIELDS if dot else GROUPINGS):
                raise refusal(parameter, unknown("axis", axis, list(GROUPINGS)))
    twice = sorted({*question.by} & {*question.tune})
    if twice:
        raise refusal("tune", f"{twice[0]} makes the groups: leave it out of by, or of tune.")


def _check_target(question: Question) -> None:
    metric, target = question.metric, question.target
    if METRICS[metric].when != "target":
        if target is not None:
            raise refusal("target", f"{metric} has no target: {' and '.join(UNITS)} have one.")
        return
    if target is None:
        raise refusal("target", f"{metric} needs a target, as target=val_accuracy:0.97.")
    if question.at != "final":
        raise refusal("at", f"{metric} is one number of a run: ask for at=final.")
    if target.metric not in TARGET_METRICS:
        detail = unknown("metric with a target", target.metric, list(TARGET_METRICS))
        raise refusal("target", detail)
    out_of_range = target_refusal(target.metric, target.value)
    if out_of_range:
        raise refusal("target", out_of_range)


def refusal(parameter: str, detail: str) -> InvalidError:
    """Return the error of a query parameter that cannot be used."""
    return InvalidError(detail, errors=[FieldError(("query", parameter), detail)])


def read(session: Session, experiment_id: uuid.UUID, question: Question) -> list[Score]:
    """Return the score of each run of an experiment, in the order of the runs.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is compared.

    Raises:
        NotFoundError: there is no such experiment.
        ConflictError: the runs have no labels yet, or their seconds cannot be compared.
    """
    metric = question.metric
    ours = Run.experiment_id == experiment_id
    value = _value(metric, question.at)
    twin = of_test_part(metric)
    tested = null() if twin is None else getattr(Run, twin)
    wanted = (Run.label, Run.config_hash, Run.seed, Run.status, Run.outcome, value, tested)
    with session.begin():
        runs = session.execute(select(Run.id, *wanted).where(ours).order_by(Run.position)).all()
        distinct = select(Run.config_hash, Run.config, Run.labels)
        configurations = session.execute(
            distinct.ext(distinct_on(Run.config_hash)).where(ours)
        ).all()
        configs = {row.config_hash: row.config for row in configurations}
        recorded = recorded_targets(session, experiment_id, configs, [metric])
        lasts = _last_finite(session, metric, [run.id for run in runs if run.status == _DIVERGED])
    if not runs:
        raise NotFoundError(f"There is no experiment {experiment_id}.")
    if not all(row.labels for row in configurations):
        raise ConflictError(
            "An older version of the service submitted these runs: the scheduler labels them "
            "within seconds. Ask again."
        )
    stored = {row.config_hash: labels_of(row.labels) for row in configurations}
    configured = {
        row.config_hash: Configured(
            row.config,
            row.config_hash,
            step(metric, row.config),
            guess(metric, row.config, recorded[row.config_hash]),
        )
        for row in configurations
    }
    # The seeds of a configuration share its place.
    places = {
        (label, config_hash): {**stored[config_hash], "variant": label}
        for label, config_hash in {(run.label, run.config_hash) for run in runs}
    }
    found = [
        Score(
            places[label, key],
            configured[key],
            seed,
            status,
            outcome,
            value,
            last_finite=lasts.get(run_id),
            tested=tested,
        )
        for run_id, label, key, seed, status, outcome, value, tested in runs
    ]
    run_ids = [run.id for run in runs]
    if METRICS[metric].kind == "seconds":
        _check_timing(session, run_ids)
    if question.target is None:
        return found
    taken = _taken(session, question.target, UNITS[metric], run_ids)
    return [
        replace(score, value=value, reached=reached)
        for score, run_id in zip(found, run_ids, strict=True)
        for value, reached in [taken.get(run_id, (None, False))]
    ]


def _check_timing(session: Session, run_ids: Sequence[uuid.UUID]) -> None:
    """Check that the seconds of runs are of one engine.

    Raises:
        ConflictError: they are not; the sentence says what differs.
    """
    with session.begin():
        clocks = timing.clocks(session, run_ids)
    differing = timing.why_not_comparable(clocks.values())
    if differing:
        raise ConflictError(differing)


def _taken(
    session: Session, target: Target, unit: Unit, run_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[float, bool]]:
    """Return what each run took to reach the target or counts as, and whether it reached it."""
    with session.begin():
        found = pursuits(session, target, run_ids)
    censored = censored_value(list(found.values()), unit)
    taken = {run_id: pursuit.taken(unit) for run_id, pursuit in found.items()}
    return {
        run_id: (censored if value is None else value, value is not None)
        for run_id, value in taken.items()
    }


def _last_finite(
    session: Session, metric: str, diverged: Sequence[uuid.UUID]
) -> dict[uuid.UUID, float]:
    """Return the last finite value of each of these runs that has one in its history."""
    if not diverged or METRICS[metric].when != "epoch":
        return {}
    column = getattr(Epoch, metric)
    rows: Iterable[tuple[uuid.UUID, float]] = session.execute(
        select(Epoch.run_id, column)
        .where(Epoch.run_id.in_(diverged), *_finite(metric))
        .ext(distinct_on(Epoch.run_id))
        .order_by(Epoch.run_id, Epoch.epoch.desc())
    )
    return dict(iter(rows))


def _value(metric: str, at: At) -> Any:
    if METRICS[metric].when == "target":  # read with the epochs
        return null()
    if at == "final" and metric in FINAL_METRICS:
        return getattr(Run, metric)
    for task, main in MAIN_METRICS.items():
        if at == "best" and metric == main:
            return getattr(Run, BEST_COLUMNS[task])
    column = getattr(Epoch, metric)
    history = select(column).where(Epoch.run_id == Run.id)
    if at == "final":
        return history.where(Epoch.epoch == Run.epoch).scalar_subquery()
    if at == "mean":
        return history.with_only_columns(func.avg(column)).scalar_subquery()
    extreme = func.max if METRICS[metric].higher_is_better else func.min
    return history.where(*_finite(metric)).with_only_columns(extreme(column)).scalar_subquery()


def _finite(metric: str) -> list[ColumnElement[bool]]:
    """Return the conditions on epochs whose outputs and metric are finite."""
    columns = (getattr(Epoch, name) for name in (metric, *LOSSES))
    return [column.not_in([math.nan, math.inf, -math.inf]) for column in columns]


def varying_axes(scores: Sequence[Score]) -> list[str]:
    """Return the axes on which scores differ and that no earlier one of them decides."""
    return labels.varying_axes([score.place for score in one_of_each(scores)])


def one_of_each(scores: Sequence[Score]) -> list[Score]:
    """Return one score of each configuration in each variant; its seeds share its place."""
    return list({score.kind: score for score in scores}.values())
