"""Reading an experiment's comparison and drawing it."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRIC
from service.comparison.ranking import MOST_SEEDS, Comparison, compare
from service.comparison.scores import At
from service.errors import ConflictError
from service.figures.plots.comparison import RankedConfiguration, draw_comparison
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import (
    Picture,
    experiment_title,
    label_text,
    measure_name,
)


def comparison_picture(
    session: Session,
    experiment_id: uuid.UUID,
    *,
    metric: str = MAIN_METRIC,
    at: At = "final",
    by: Sequence[str] = (),
    kind: Format = "svg",
    theme: Theme = "light",
) -> Picture:
    """Draw the ranking of an experiment's configurations with their intervals.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.
        by: the axes that make the groups; empty for those that vary.
        kind: format of the picture.
        theme: light or dark background.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: an unknown metric, point or axis.
        ConflictError: no run has a value to compare yet.
    """
    compared = compare(session, experiment_id, metric, at, by)
    if not any(group.n for group in compared.groups):
        raise ConflictError(f"No run of this experiment has completed with a {metric} yet.")
    groups = [
        RankedConfiguration(
            label=", ".join(map(label_text, group.by.values())) or "all runs",
            n=group.n,
            mean=group.mean,
            interval=None if group.ci95 is None else (group.ci95[0], group.ci95[1]),
            tied_with_best=group.tied_with_best,
            diverged=group.diverged,
        )
        for group in compared.groups
        if group.n or group.diverged
    ]
    data = draw_comparison(
        groups,
        metric=metric,
        axes=compared.by,
        title=f"{experiment_title(session, experiment_id)}: {measure_name(compared)}",
        note=_note(compared),
        kind=kind,
        theme=theme,
    )
    return Picture(data, compared.finished)


def _note(compared: Comparison) -> str:
    sentences = []
    seeds = compared.more_seeds_needed or 0
    if seeds >= MOST_SEEDS:
        sentences.append(f"{seeds:,} more seeds might not tell the best from what is tied with it.")
    elif seeds:
        more = "1 more seed" if seeds == 1 else f"{seeds:,} more seeds"
        sentences.append(f"About {more} would tell the best from what is tied with it.")
    if unfinished := compared.unfinished:
        runs = "1 run has" if unfinished == 1 else f"{unfinished:,} runs have"
        sentences.append(f"{runs} no result yet.")
    return " ".join(sentences)
