"""Reading an experiment's mean results and verdicts over two axes, and drawing them."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparison import scores, tasks
from service.comparison.design import Level, check_names, levels
from service.comparison.headline import of_design
from service.comparison.question import Question
from service.comparison.ranking import Comparison, compare
from service.comparison.scores import GROUPINGS, Score
from service.database.tables import Run
from service.errors import ConflictError
from service.figures.plots.heatmap import MOST_COLUMNS, MOST_ROWS, Cell, Side, draw_heatmap
from service.figures.plots.style import Look
from service.figures.sources.common import (
    Picture,
    experiment_title,
    refusal,
    variant_label,
)
from service.specs.written_values import value_text
from service.statuses import FINISHED

#: Axes that are chosen before others if they vary.
_PREFERRED_AXES = ("activation", "initializer")

#: A cell's labels on the two axes.
_Labels = tuple[Level, ...]


_FAILURES = "A run that diverged counts as guessing."
_CENSORED = "A run that never reached the target counts as one epoch more than the longest."


def heatmap_picture(
    session: Session,
    experiment_id: uuid.UUID,
    question: Question,
    *,
    look: Look,
) -> Picture:
    """Draw the mean results and verdicts for each combination of two axes' labels.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is compared; ``by`` are the two axes, empty for activation and initializer,
            or others that vary.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: an unknown metric, point or axis, or not two axes.
        ConflictError: no run has finished yet, or the axes have too many labels.
    """
    scores.check(question)
    question = tasks.about(session, experiment_id, question)
    metric, by = question.metric, question.by
    if by and len(set(by)) != 2:
        raise refusal("by", "A heat map has two axes, as in by=activation,initializer.")
    runs = scores.read(session, experiment_id, question)
    check_names(runs, "by", by)
    axes = (by[0], by[-1]) if by else _two_axes(runs)
    rows, columns = (_side(runs, axis) for axis in axes)
    if len(rows.labels) > MOST_ROWS or len(columns.labels) > MOST_COLUMNS:
        raise ConflictError(
            f"A heat map of {len(rows.labels):,} x {len(columns.labels):,} cells would be "
            f"unreadable; at most {MOST_ROWS} x {MOST_COLUMNS} are drawn. Choose two other axes "
            f"with by=: {', '.join(GROUPINGS)}."
        )
    compared = compare(session, experiment_id, replace(question, by=axes))
    cells = _cells(compared, axes, _verdicts(session, experiment_id, runs, axes))
    if not cells:
        raise ConflictError("No run of this experiment has finished yet.")
    has_means = any(cell.mean is not None for cell in cells)
    name = experiment_title(session, experiment_id)
    seeds = max(group.n for group in compared.groups)
    said = [_FAILURES if question.target is None else _CENSORED, *of_design(compared.design, seeds)]
    what = f"{question.title} and verdict" if has_means else "verdict"
    data = draw_heatmap(
        cells,
        rows=rows,
        columns=columns,
        metric=metric,
        title=look.title or f"{name}: {what}",
        note=" ".join(said) if has_means else "",
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, compared.finished)


def _two_axes(runs: Sequence[Score]) -> tuple[str, str]:
    preferred = [axis for axis in _PREFERRED_AXES if len({run.place[axis] for run in runs}) > 1]
    others = [axis for axis in scores.varying_axes(runs) if axis not in _PREFERRED_AXES]
    first, second, *_ = dict.fromkeys([*preferred, *others, *_PREFERRED_AXES])
    return first, second


def _side(runs: Sequence[Score], axis: str) -> Side:
    return Side(axis, list(dict.fromkeys(map(value_text, levels(runs, axis)))))


def _cells(
    compared: Comparison, axes: tuple[str, str], verdicts: dict[_Labels, Counter[str]]
) -> list[Cell]:
    cells = []
    for group in compared.groups:
        labels = (group.by[axes[0]], group.by[axes[1]])
        counts = verdicts.get(labels, Counter())
        finished = counts.total() or group.n + group.missing
        if finished:
            row, column = map(value_text, labels)
            mean = None if group.diverged >= finished else group.mean
            cells.append(Cell(row, column, mean, finished, group.diverged, counts))
    return cells


def _verdicts(
    session: Session, experiment_id: uuid.UUID, runs: Sequence[Score], axes: tuple[str, str]
) -> dict[_Labels, Counter[str]]:
    """Return the number of trainings by verdict, for each cell.

    A training that several variants share counts once.
    """
    cells = {
        (run.config_hash, variant_label(run)): labels
        for run, *labels in zip(runs, *(levels(runs, axis) for axis in axes), strict=True)
    }
    finished = select(Run.config_hash, Run.label, Run.seed, Run.verdict).where(
        Run.experiment_id == experiment_id, Run.status.in_(FINISHED)
    )
    with session.begin():
        rows = session.execute(finished).all()
    trainings = {
        (tuple(cells[config_hash, label]), config_hash, seed): verdict
        for config_hash, label, seed, verdict in rows
        if verdict is not None
    }
    counts: dict[_Labels, Counter[str]] = {}
    for (cell, _, _), verdict in trainings.items():
        counts.setdefault(cell, Counter()).update([verdict])
    return counts
