"""Learning curves of an experiment, over its seeds, and of one run, as pictures."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from sqlalchemy.orm import Session

from service.catalog.metrics import COMPARED_METRICS, EPOCH_METRICS, MAIN_METRIC, METRICS
from service.comparison import scores
from service.comparison.scores import Score
from service.errors import ConflictError
from service.fields import unknown
from service.figures.plots.learning_curves import Curve, Trace
from service.figures.plots.learning_curves import learning_curves as draw
from service.figures.plots.metrics import metric_name
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import (
    Picture,
    all_finished,
    experiment_title,
    refusal,
    run_title,
    variant,
    written,
)
from service.histories import means, reading
from service.histories.means import GroupOfRuns, MeanHistory
from service.json_numbers import JsonNumber
from service.runs import search
from service.specs.labels import Label
from service.statuses import FINISHED, RunStatus

#: Curves of one figure; the best ones where there are more configurations.
MOST_CURVES = 60
#: Epochs of one run's curves; of a longer history its peaks are kept.
MOST_POINTS = 400

#: What is drawn of one run; peaks of the first are kept.
_PAIRED: tuple[str, ...] = ("val_loss", "loss", "val_accuracy", "accuracy")


@dataclass(frozen=True)
class _Group:
    """The runs that share their labels on some axes."""

    by: dict[str, str]
    runs: list[Score]

    def mean(self) -> float | None:
        """The mean result of its completed runs."""
        completed = [each.value for each in self.runs if each.status == RunStatus.COMPLETED]
        values = [value for value in completed if value is not None]
        return fmean(values) if values else None


def of_experiment(
    session: Session,
    experiment_id: uuid.UUID,
    *,
    metric: str | None = None,
    by: Sequence[str] = (),
    leave_out: Sequence[tuple[str, str]] = (),
    kind: Format = "svg",
    theme: Theme = "light",
) -> Picture:
    """Draw an experiment's learning curves, the best configurations first.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: the only one to draw; validation accuracy and loss where left out.
        by: axes that make the groups; where empty those that vary.
        leave_out: axes and values (an entry's name, or its label) of configurations that are
            not drawn.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: a metric, an axis or a value that is none.
        ConflictError: no epoch has been recorded yet.
    """
    metrics = ("val_accuracy", "val_loss") if metric is None else (_known(metric),)
    ranked_by = metric if metric in COMPARED_METRICS else MAIN_METRIC
    scores.check(ranked_by, "final", by)
    runs = scores.read(session, experiment_id, ranked_by, "final")
    kept = _without(runs, leave_out)
    groups = _ranked(_grouped(kept, by or scores.varying_axes(kept) or ["activation"]), ranked_by)
    shown = groups[:MOST_CURVES]
    wanted = [_runs_of(each) for each in shown]
    histories = means.read(session, experiment_id, wanted, metrics)
    if not any(each.epochs for each in histories):
        raise ConflictError("No epoch of these runs has been recorded yet.")
    notes = []
    if len(groups) > len(shown):
        notes.append(f"{len(groups) - len(shown):,} lower configurations are not drawn.")
    if leave_out:
        notes.append(f"Left out: {', '.join(value for _, value in leave_out)}.")
    data = draw(
        [_curve(*each) for each in zip(shown, histories, strict=True)],
        title=f"{experiment_title(session, experiment_id)}: learning curves",
        metrics=metrics,
        note=" ".join(notes),
        kind=kind,
        theme=theme,
    )
    return Picture(data, all_finished(runs))


def of_run(
    session: Session,
    run_id: uuid.UUID,
    *,
    metric: str | None = None,
    kind: Format = "svg",
    theme: Theme = "light",
) -> Picture:
    """Draw one run's learning curves: training and validation, accuracy and loss.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metric: the only one to draw.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: there is no such metric.
        ConflictError: no epoch has been recorded yet, or none has this metric.
    """
    run = search.get(session, run_id)
    wanted = _PAIRED if metric is None else (_known(metric),)
    history = reading.get(session, run_id, metrics=wanted, max_points=MOST_POINTS)
    if not history.epoch:
        raise ConflictError("No epoch of this run has been recorded yet.")
    traces = {
        name: Trace.of(history.epoch, [(value, 0.0) for value in _numbers(column)])
        for name, column in history.metrics.items()
    }
    if metric is None:
        curves = [
            Curve({"part": part}, {name: traces[prefix + name] for name in ("accuracy", "loss")})
            for part, prefix in (("validation", "val_"), ("training", ""))
        ]
    elif metric in traces:
        curves = [Curve({"metric": metric_name(metric)}, traces)]
    else:
        raise ConflictError(f"This run does not record {metric}.")
    data = draw(
        curves,
        title=f"{run_title(run)}: learning curves",
        metrics=("accuracy", "loss") if metric is None else (metric,),
        names={"accuracy": "Accuracy", "loss": "Loss"} if metric is None else None,
        kind=kind,
        theme=theme,
    )
    return Picture(data, history.status in FINISHED)


def _known(metric: str) -> str:
    if metric not in EPOCH_METRICS:
        raise refusal("metric", unknown("metric", metric, list(EPOCH_METRICS)))
    return metric


def _numbers(column: Iterable[JsonNumber | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in column]


def _without(runs: Sequence[Score], leave_out: Sequence[tuple[str, str]]) -> list[Score]:
    """Drop the runs with one of these values, each an entry's name or a whole label."""
    for axis, value in leave_out:
        if axis not in scores.GROUPINGS:
            raise refusal("leave_out", unknown("axis", axis, list(scores.GROUPINGS)))
        there = {name for run in runs for name in _names(run, axis)}
        if value not in there:
            what = f"{axis.replace('_', ' ')} of this experiment"
            raise refusal("leave_out", unknown(what, value, list(there)))
    kept = [run for run in runs if not any(value in _names(run, axis) for axis, value in leave_out)]
    if not kept:
        raise refusal("leave_out", "Every configuration is left out; nothing is left to draw.")
    return kept


def _names(run: Score, axis: str) -> set[str]:
    label = written(run.place[axis])
    return {label, label.partition("(")[0]} if axis != "variant" else {label}


def _grouped(runs: Iterable[Score], by: Sequence[str]) -> list[_Group]:
    groups: dict[tuple[Label, ...], _Group] = {}
    for run in runs:
        labels = tuple(run.place[axis] for axis in by)
        named = dict(zip(by, map(written, labels), strict=True))
        groups.setdefault(labels, _Group(named, [])).runs.append(run)
    return list(groups.values())


def _ranked(groups: Iterable[_Group], metric: str) -> list[_Group]:
    """Put groups in order, the best first, those without a result last."""
    sign = -1 if METRICS[metric].higher_is_better else 1
    means = [(group, group.mean()) for group in groups]
    valued = [(group, mean) for group, mean in means if mean is not None]
    valued.sort(key=lambda each: sign * each[1])
    return [*(group for group, _ in valued), *(group for group, mean in means if mean is None)]


def _runs_of(group: _Group) -> GroupOfRuns:
    configurations = dict.fromkeys((each.config_hash, variant(each)) for each in group.runs)
    return GroupOfRuns(
        list(configurations), diverged=all(each.status == RunStatus.DIVERGED for each in group.runs)
    )


def _curve(group: _Group, history: MeanHistory) -> Curve:
    traces: Mapping[str, Trace] = {
        name: Trace.of(history.epochs, by_epoch) for name, by_epoch in history.metrics.items()
    }
    trainings = {(each.config_hash, each.seed): each.status for each in group.runs}
    diverged = sum(status == RunStatus.DIVERGED for status in trainings.values())
    return Curve(group.by, traces, runs=len(trainings), diverged=diverged)
