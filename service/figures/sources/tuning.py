"""Reading an experiment's results over what is tuned, and drawing them."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.comparison.headline import group_name
from service.comparison.question import Question
from service.comparison.ranking import RankedGroup, compare
from service.errors import ConflictError
from service.figures.plots.style import AxisScale, Look
from service.figures.plots.tuning import TunedConfiguration, draw_tuning
from service.figures.sources.common import Picture, experiment_title


def tuning_picture(
    session: Session,
    experiment_id: uuid.UUID,
    question: Question,
    *,
    x: AxisScale | None = None,
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw each configuration's result over the number that is tuned, the learning rate first.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is compared, and what is tuned.
        x: the scale of the tuned number; None for a logarithmic one.
        y: the scale of the metric; None for the one that separates the values best.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: an unknown metric, point or axis.
        ConflictError: not one number is tuned, or no run has a value yet.
    """
    compared = compare(session, experiment_id, question)
    question = compared.question
    tune = compared.design.tune
    if len(tune) != 1:
        raise ConflictError(_not_one(tune))
    curves = [_curve(group, tune[0]) for group in compared.groups if _has_numbers(group, tune[0])]
    curves = [curve for curve in curves if curve.means]
    if not curves:
        none = f"No run of this experiment has a {question.metric} over numbers of {tune[0]}"
        raise ConflictError(f"{none}." if compared.finished else f"{none} yet.")
    data = draw_tuning(
        curves,
        metric=question.metric,
        tuned=tune[0],
        title=look.title or f"{experiment_title(session, experiment_id)}: {question.title}",
        note=compared.headline,
        guess=compared.guess,
        x=x,
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, compared.finished)


def _not_one(tuned: Sequence[str]) -> str:
    """Return why nothing can be drawn where not one number is tuned."""
    if not tuned:
        return (
            "This figure shows results over one number, as tune=optimizer.learning_rate: a spec "
            "with several learning rates has it."
        )
    return (
        f"This figure shows results over one number, and {', '.join(tuned)} are tuned: put all but "
        "one into `by` or `average`."
    )


def _has_numbers(group: RankedGroup, tuned: str) -> bool:
    points = group.curve.points if group.curve else []
    return bool(points) and all(isinstance(point.levels[tuned], int | float) for point in points)


def _curve(group: RankedGroup, tuned: str) -> TunedConfiguration:
    curve = group.curve
    points = [point for point in curve.points if point.mean is not None] if curve else []
    good = curve.good_range if curve else None
    return TunedConfiguration(
        label=group_name(group.by),
        levels=[float(point.levels[tuned] or 0) for point in points],
        means=[point.mean for point in points if point.mean is not None],
        good=(good.low, good.high) if good else None,
    )
