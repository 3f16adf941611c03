"""Objectives: whether the losses of several trainings can be compared.

A loss is in units of its own: the mean squared error of a network is no better or worse than the
mean absolute error of another, and smoothed labels alone raise a cross-entropy.
"""

from collections.abc import Sequence

from service.catalog.losses import task_of
from service.catalog.metrics import MAIN_METRICS, METRICS, Metric, parts_of
from service.comparison.question import Question
from service.comparison.scores import Score
from service.specs.written_values import value_text


def why_not_comparable(scores: Sequence[Score], question: Question) -> str | None:
    """Return why runs cannot be compared by a loss; None where they can, or by another metric.

    Args:
        scores: of all runs, which have one task.
        question: what is asked; a target may be of a loss, too.
    """
    target = question.target
    asked = METRICS[question.metric if target is None else target.metric]
    if asked.quantity != "loss":
        return None
    losses = {score.place["loss"]: score for score in scores}
    if len(losses) < 2:
        return None
    other = _instead(asked, next(iter(losses.values())))
    way_out = f"Compare by {other}." if target is None else f"Set the target on {other}."
    return (
        "Losses can only be compared between runs that minimize the same one. These minimize "
        f"{'; '.join(map(value_text, losses))}. {way_out}"
    )


def _instead(asked: Metric, score: Score) -> str:
    """Return the metric of the same part of the data that is in the same units for all losses."""
    values = score.configured.values
    task = task_of(values["loss"]["name"]) if "loss" in values else "classification"
    parts = parts_of(METRICS[MAIN_METRICS[task]].quantity)
    return parts[asked.part] if asked.part in parts else MAIN_METRICS[task]
