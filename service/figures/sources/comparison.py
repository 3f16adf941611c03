"""Reading an experiment's comparison and drawing it."""

import uuid

from sqlalchemy.orm import Session

from service.comparison.headline import group_name
from service.comparison.question import Question
from service.comparison.ranking import compare
from service.errors import ConflictError
from service.figures.plots.comparison import RankedConfiguration, draw_comparison
from service.figures.plots.style import AxisScale, Look
from service.figures.sources import shown
from service.figures.sources.common import Picture, experiment_title


def comparison_picture(
    session: Session,
    experiment_id: uuid.UUID,
    question: Question,
    *,
    x: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw the ranking of an experiment's configurations, seed by seed, and what is said of it.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is compared, and how.
        x: the scale of the metric; None for the one that separates the values best.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: an unknown metric, point, axis or reference.
        ConflictError: no run has a value to compare yet.
    """
    compared = compare(session, experiment_id, question)
    question = compared.question
    if not any(group.n for group in compared.groups):
        raise ConflictError(f"No run of this experiment has a {question.metric} yet.")
    diverged = shown.diverged_behind(session, experiment_id, compared)
    groups = [
        RankedConfiguration(
            label=group_name(group.by),
            word=group.word,
            statement=group.statement,
            mean=group.mean,
            interval=group.ci95,
            seeds=[(found.value, found.whole) for found in group.values.values()],
            diverged=diverged(group),
        )
        for group in compared.groups
        if group.n
    ]
    data = draw_comparison(
        groups,
        metric=question.metric,
        axes=compared.by,
        title=look.title or f"{experiment_title(session, experiment_id)}: {question.title}",
        note=" ".join([compared.headline, *compared.notes]),
        guess=compared.guess,
        x=x,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, compared.finished)
