"""Two axes of an experiment against each other: mean results and verdicts as a picture."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRIC
from service.comparison import scores
from service.comparison.ranking import Comparison, compare
from service.comparison.scores import GROUPINGS, At, Score
from service.database.tables import Run
from service.errors import ConflictError
from service.figures.plots.heatmap import MOST_COLUMNS, MOST_ROWS, Cell, Side
from service.figures.plots.heatmap import heatmap as draw
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import (
    Picture,
    experiment_title,
    measured,
    refusal,
    variant,
    written,
)
from service.specs.labels import Label
from service.statuses import FINISHED

#: Axes that are shown where they vary, before any other.
_FIRST = ("activation", "initializer")

#: A cell's labels on the two axes.
_Place = tuple[Label, Label]


def heatmap(
    session: Session,
    experiment_id: uuid.UUID,
    *,
    metric: str = MAIN_METRIC,
    at: At = "final",
    by: Sequence[str] = (),
    kind: Format = "svg",
    theme: Theme = "light",
) -> Picture:
    """Draw the mean results and verdicts of two axes' values against each other.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.
        by: the two axes; where empty activation and initializer, or others that vary.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: a metric, a point or an axis that is none, or not two axes.
        ConflictError: no run has finished yet, or the axes have too many values.
    """
    scores.check(metric, at, by)
    if by and len(set(by)) != 2:
        raise refusal("by", "A heat map has two axes, as in by=activation,initializer.")
    runs = scores.read(session, experiment_id, metric, at)
    axes = (by[0], by[-1]) if by else _two_axes(runs)
    rows, columns = (_side(runs, axis) for axis in axes)
    if len(rows.values) > MOST_ROWS or len(columns.values) > MOST_COLUMNS:
        raise ConflictError(
            f"A heat map of {len(rows.values):,} x {len(columns.values):,} cells could not be "
            f"read; {MOST_ROWS} x {MOST_COLUMNS} can. Choose two axes with by=, of "
            f"{', '.join(GROUPINGS)}."
        )
    compared = compare(session, experiment_id, metric, at, axes)
    cells = _cells(compared, axes, _verdicts(session, experiment_id, runs, axes))
    if not cells:
        raise ConflictError("No run of this experiment has finished yet.")
    valued = any(each.mean is not None for each in cells)
    name = experiment_title(session, experiment_id)
    data = draw(
        cells,
        rows=rows,
        columns=columns,
        metric=metric,
        title=f"{name}: {measured(compared)} and verdict" if valued else f"{name}: verdict",
        note="Means over the runs that did not diverge." if valued else "",
        kind=kind,
        theme=theme,
    )
    return Picture(data, compared.finished)


def _two_axes(runs: Sequence[Score]) -> tuple[str, str]:
    varying = [axis for axis in _FIRST if len({run.place[axis] for run in runs}) > 1]
    others = [axis for axis in scores.varying_axes(runs) if axis not in _FIRST]
    first, second, *_ = dict.fromkeys([*varying, *others, *_FIRST])
    return first, second


def _side(runs: Iterable[Score], axis: str) -> Side:
    return Side(axis, list(dict.fromkeys(written(run.place[axis]) for run in runs)))


def _cells(
    compared: Comparison, axes: tuple[str, str], verdicts: dict[_Place, Counter[str]]
) -> list[Cell]:
    cells = []
    for group in compared.groups:
        place = (group.by[axes[0]], group.by[axes[1]])
        finished = group.n + group.diverged + group.missing
        if finished:
            row, column = map(written, place)
            told = verdicts.get(place, Counter())
            cells.append(Cell(row, column, group.mean, finished, group.diverged, told))
    return cells


def _verdicts(
    session: Session, experiment_id: uuid.UUID, runs: Iterable[Score], axes: tuple[str, str]
) -> dict[_Place, Counter[str]]:
    """Count the verdicts on the trainings of each cell, one that several variants share once."""
    places = {
        (run.config_hash, variant(run)): (run.place[axes[0]], run.place[axes[1]]) for run in runs
    }
    told = select(Run.config_hash, Run.label, Run.seed, Run.verdict).where(
        Run.experiment_id == experiment_id, Run.status.in_(FINISHED)
    )
    with session.begin():
        rows = session.execute(told).all()
    trainings = {
        (places[config_hash, label], config_hash, seed): verdict
        for config_hash, label, seed, verdict in rows
        if verdict is not None
    }
    counted: dict[_Place, Counter[str]] = {}
    for (place, _, _), verdict in trainings.items():
        counted.setdefault(place, Counter()).update([verdict])
    return counted
