"""Reading the learning curves of an experiment, over its seeds, or of one run, and drawing them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from sqlalchemy.orm import Session

from service.catalog.entry import Task
from service.catalog.metrics import (
    COMPARED_METRICS,
    EPOCH_METRICS,
    METRICS,
    Part,
    is_of,
    parts_of,
)
from service.comparison import scores, tasks
from service.comparison.design import Level, check_names, levels
from service.comparison.question import Question
from service.comparison.scores import Score
from service.errors import ConflictError
from service.fields import unknown
from service.figures.plots.learning_curves import Curve, Trace, draw_learning_curves
from service.figures.plots.style import AxisScale, Look
from service.figures.sources.common import (
    Picture,
    all_finished,
    experiment_title,
    refusal,
    run_title,
    variant_label,
    varying,
)
from service.histories import means, reading
from service.histories.means import GroupOfRuns, MeanHistory
from service.json_numbers import JsonNumber
from service.runs import search
from service.specs.labels import written_label
from service.specs.written_values import value_text
from service.statuses import FINISHED, RunStatus

#: Most curves of one figure; of more configurations the best are drawn.
MOST_CURVES = 60
#: Most epochs of one run's curves; a longer history keeps its peaks.
MOST_POINTS = 400

#: Quantities drawn of a run, with the titles of their panels; each task's runs have some of them.
_OF_RUN = {"accuracy": "Accuracy", "rmse": "Root mean squared error", "loss": "Loss"}
_PARTS: tuple[Part, ...] = ("validation", "training")


@dataclass(frozen=True)
class _Group:
    """The runs that share their labels on some axes."""

    by: dict[str, str]
    runs: list[Score]

    def mean(self) -> float | None:
        """The mean result of its completed runs."""
        completed = [run.value for run in self.runs if run.status == RunStatus.COMPLETED]
        values = [value for value in completed if value is not None]
        return fmean(values) if values else None


def experiment_curves_picture(
    session: Session,
    experiment_id: uuid.UUID,
    *,
    metric: str | None = None,
    by: Sequence[str] = (),
    leave_out: Sequence[tuple[str, str]] = (),
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw an experiment's learning curves, the best configurations first.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: the only metric to draw; None for validation accuracy, or error, and loss.
        by: the axes that make the groups; empty for those that tell configurations apart.
        leave_out: pairs of an axis and a value (an entry's name, or a label): configurations with
            such a value are not drawn.
        y: the scale of the metrics; None for the one that separates the values best.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: an unknown metric, axis or value.
        ConflictError: no epoch has been recorded yet.
    """
    asked = () if metric is None else (_known(metric),)
    ranked = _ranking_question(session, experiment_id, metric, by)
    metrics = asked or (ranked.metric, parts_of("loss")["validation"])
    runs = scores.read(session, experiment_id, ranked)
    check_names(runs, "by", by)
    kept = _without(runs, leave_out)
    groups = _ranked(_grouped(kept, by or varying(kept) or ["activation"]), ranked.metric)
    shown = groups[:MOST_CURVES]
    runs_of_groups = [_runs_of(group) for group in shown]
    histories = means.read_means(session, experiment_id, runs_of_groups, metrics)
    if not any(history.epochs for history in histories):
        raise ConflictError("No epoch of these runs has been recorded yet.")
    data = draw_learning_curves(
        [_curve(group, history) for group, history in zip(shown, histories, strict=True)],
        title=look.title or f"{experiment_title(session, experiment_id)}: learning curves",
        metrics=metrics,
        note=_note(len(groups) - len(shown), leave_out),
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, all_finished(runs))


def _ranking_question(
    session: Session, experiment_id: uuid.UUID, metric: str | None, by: Sequence[str]
) -> Question:
    """Return the question whose answer orders the configurations."""
    # Curves of seconds are drawn of any engines, but rank nothing.
    is_result = metric in COMPARED_METRICS and METRICS[metric].part is not None
    question = (
        Question(metric, by=by) if is_result and metric else Question(by=by, names_metric=False)
    )
    scores.check(question)
    return tasks.about(session, experiment_id, question)


def _note(lower: int, leave_out: Sequence[tuple[str, str]]) -> str:
    """Return what a reader has to know of configurations that are not drawn."""
    notes = []
    if lower:
        notes.append(f"{lower:,} lower configurations are not drawn.")
    if leave_out:
        notes.append(f"Left out: {', '.join(value for _, value in leave_out)}.")
    return " ".join(notes)


def run_curves_picture(
    session: Session,
    run_id: uuid.UUID,
    *,
    metric: str | None = None,
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw one run's learning curves: training and validation, accuracy or error, and loss.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metric: the only metric to draw; None for accuracy or error, and loss.
        y: the scale of the metrics; None for the one that separates the values best.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: there is no such metric.
        ConflictError: no epoch has been recorded yet, or none has this metric.
    """
    run = search.get(session, run_id)
    drawn = _quantities_of(run.task)
    wanted = _metrics_of(drawn) if metric is None else [_known(metric)]
    history = reading.read_history(session, run_id, metrics=wanted, max_points=MOST_POINTS)
    if not history.epoch:
        raise ConflictError("No epoch of this run has been recorded yet.")
    traces = {
        name: Trace.of(history.epoch, [(value, 0.0) for value in _numbers(column)])
        for name, column in history.metrics.items()
    }
    if metric is None:
        curves = [
            Curve(
                {"part": part},
                {name: traces[parts_of(name)[part]] for name in drawn},
            )
            for part in _PARTS
        ]
    elif metric in traces:
        curves = [Curve({"metric": METRICS[metric].title}, traces)]
    else:
        raise ConflictError(f"This run does not record {metric}.")
    data = draw_learning_curves(
        curves,
        title=look.title or f"{run_title(run)}: learning curves",
        metrics=list(drawn) if metric is None else [metric],
        names=drawn if metric is None else None,
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, history.status in FINISHED)


def _quantities_of(task: Task) -> dict[str, str]:
    """Return the quantities drawn of a run of a task, with the titles of their panels."""
    return {
        quantity: title
        for quantity, title in _OF_RUN.items()
        if is_of(parts_of(quantity)["validation"], task)
    }


def _metrics_of(quantities: dict[str, str]) -> list[str]:
    """Return the metrics drawn of a run; those whose peaks matter most come first."""
    return [parts_of(quantity)[part] for quantity in reversed(quantities) for part in _PARTS]


def _known(metric: str) -> str:
    if metric not in EPOCH_METRICS:
        raise refusal("metric", unknown("metric", metric, list(EPOCH_METRICS)))
    return metric


def _numbers(column: Iterable[JsonNumber | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in column]


def _without(runs: Sequence[Score], leave_out: Sequence[tuple[str, str]]) -> list[Score]:
    """Return the runs with none of these values, each an entry's name or a whole label."""
    left_out = []
    for axis, value in leave_out:
        if axis not in scores.GROUPINGS:
            raise refusal("leave_out", unknown("axis", axis, list(scores.GROUPINGS)))
        values = {name for run in runs for name in _names(run, axis)}
        named = value if value in values else written_label(axis, value)
        if named not in values:
            what = f"{axis.replace('_', ' ')} of this experiment"
            raise refusal("leave_out", unknown(what, value, list(values)))
        left_out.append((axis, named))
    kept = [run for run in runs if not any(value in _names(run, axis) for axis, value in left_out)]
    if not kept:
        raise refusal("leave_out", "Every configuration is left out; nothing is left to draw.")
    return kept


def _names(run: Score, axis: str) -> set[str]:
    label = value_text(run.place[axis])
    return {label, label.partition("(")[0]} if axis != "variant" else {label}


def _grouped(runs: Sequence[Score], by: Sequence[str]) -> list[_Group]:
    groups: dict[tuple[Level, ...], _Group] = {}
    for run, *labels in zip(runs, *(levels(runs, name) for name in by), strict=True):
        texts = dict(zip(by, map(value_text, labels), strict=True))
        groups.setdefault(tuple(labels), _Group(texts, [])).runs.append(run)
    return list(groups.values())


def _ranked(groups: Iterable[_Group], metric: str) -> list[_Group]:
    """Return the groups in order: the best first, those without a result last."""
    sign = -1 if METRICS[metric].higher_is_better else 1
    means = [(group, group.mean()) for group in groups]
    valued = [(group, mean) for group, mean in means if mean is not None]
    valued.sort(key=lambda pair: sign * pair[1])
    return [*(group for group, _ in valued), *(group for group, mean in means if mean is None)]


def _runs_of(group: _Group) -> GroupOfRuns:
    configurations = dict.fromkeys((run.config_hash, variant_label(run)) for run in group.runs)
    return GroupOfRuns(
        list(configurations), diverged=all(run.status == RunStatus.DIVERGED for run in group.runs)
    )


def _curve(group: _Group, history: MeanHistory) -> Curve:
    traces: Mapping[str, Trace] = {
        name: Trace.of(history.epochs, by_epoch) for name, by_epoch in history.metrics.items()
    }
    trainings = {(run.config_hash, run.seed): run.status for run in group.runs}
    diverged = sum(status == RunStatus.DIVERGED for status in trainings.values())
    seeds = len({seed for _, seed in trainings})
    return Curve(group.by, traces, runs=len(trainings), seeds=seeds, diverged=diverged)
