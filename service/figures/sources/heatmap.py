"""Reading an experiment's mean results and verdicts over two axes, and drawing them."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparison import scores, tasks
from service.comparison.design import check_names, levels
from service.comparison.headline import of_design
from service.comparison.question import Question
from service.comparison.ranking import Comparison, compare
from service.comparison.scores import GROUPINGS, Score
from service.database.tables import Run
from service.errors import ConflictError
from service.figures.plots.heatmap import MOST_COLUMNS, MOST_ROWS, Cell, Side, draw_heatmap
from service.figures.plots.metrics import failures
from service.figures.plots.style import Look
from service.figures.sources.common import (
    Picture,
    experiment_title,
    refusal,
    varying,
)
from service.figures.sources.shown import Levels, shown_runs
from service.specs.written_values import value_text
from service.statuses import FINISHED

#: Axes where fewer than two vary on their own.
_USUAL_AXES = ("activation", "initializer")

#: The hash of a configuration, and a seed.
_Training = tuple[str, int]


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
        question: what is compared; ``by`` are the two axes, empty for the first two that vary on
            their own.
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
    cells = _cells(compared, shown_runs(runs, compared), _verdicts(session, experiment_id))
    if not cells:
        raise ConflictError("No run of this experiment has finished yet.")
    has_means = any(cell.mean is not None for cell in cells)
    name = experiment_title(session, experiment_id)
    seeds = max(group.n for group in compared.groups)
    said = [failures(metric), *of_design(compared.design, seeds)]
    what = f"{question.title} and verdict" if has_means else "verdict"
    data = draw_heatmap(
        cells,
        rows=rows,
        columns=columns,
        metric=metric,
        title=look.title or f"{name}: {what}",
        note=" ".join(filter(None, said)) if has_means else "",
        guess=compared.guess,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, compared.finished)


def _two_axes(runs: Sequence[Score]) -> tuple[str, str]:
    """Return the first two axes that vary and that no earlier one decides, or the usual ones."""
    first, second, *_ = dict.fromkeys([*varying(runs), *_USUAL_AXES])
    return first, second


def _side(runs: Sequence[Score], axis: str) -> Side:
    return Side(axis, list(dict.fromkeys(map(value_text, levels(runs, axis)))))


def _cells(
    compared: Comparison,
    shown: Mapping[Levels, Sequence[Score]],
    verdicts: Mapping[_Training, str],
) -> list[Cell]:
    """Return a cell for each group: its mean, and the verdicts of the runs behind it."""
    cells = []
    for group in compared.groups:
        row, column = (value_text(level) for level in group.by.values())
        runs = [run for run in shown[tuple(group.by.values())] if run.finished]
        keys = ((run.config_hash, run.seed) for run in runs)
        counts = Counter(verdicts[key] for key in keys if key in verdicts)
        if runs:
            diverged = sum(run.diverged for run in runs)
            mean = None if diverged == len(runs) else group.mean
            cells.append(Cell(row, column, mean, counts.total() or len(runs), diverged, counts))
    return cells


def _verdicts(session: Session, experiment_id: uuid.UUID) -> dict[_Training, str]:
    """Return the verdict of each finished training that has one."""
    finished = select(Run.config_hash, Run.seed, Run.verdict).where(
        Run.experiment_id == experiment_id, Run.status.in_(FINISHED)
    )
    with session.begin():
        found = session.execute(finished).all()
    return {(key, seed): verdict for key, seed, verdict in found if verdict is not None}
