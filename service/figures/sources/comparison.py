"""The comparison of an experiment as a picture."""

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRIC
from service.comparison.ranking import MOST_SEEDS, Comparison, compare
from service.comparison.scores import At
from service.errors import ConflictError
from service.figures.plots.comparison import RankedConfiguration
from service.figures.plots.comparison import comparison as draw
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import Picture, experiment_title, measured, written


def comparison(
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

    Arguments are as for ``comparisons.compare``; ``kind`` is the picture's format, ``theme`` is
    for a light or a dark ground.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: a metric, a point or an axis that is none.
        ConflictError: no run has a value to compare yet.
    """
    compared = compare(session, experiment_id, metric, at, by)
    if not any(each.n for each in compared.groups):
        raise ConflictError(f"No run of this experiment has completed with a {metric} yet.")
    groups = [
        RankedConfiguration(
            label=", ".join(map(written, each.by.values())) or "all runs",
            n=each.n,
            mean=each.mean,
            interval=None if each.ci95 is None else (each.ci95[0], each.ci95[1]),
            tied_with_best=each.tied_with_best,
            diverged=each.diverged,
        )
        for each in compared.groups
        if each.n or each.diverged
    ]
    data = draw(
        groups,
        metric=metric,
        axes=compared.by,
        title=f"{experiment_title(session, experiment_id)}: {measured(compared)}",
        note=_note(compared),
        kind=kind,
        theme=theme,
    )
    return Picture(data, compared.finished)


def _note(compared: Comparison) -> str:
    said = []
    seeds = compared.more_seeds_needed or 0
    if seeds >= MOST_SEEDS:
        said.append(f"{seeds:,} more seeds might not tell the best from what is tied with it.")
    elif seeds:
        more = "1 more seed" if seeds == 1 else f"{seeds:,} more seeds"
        said.append(f"About {more} would tell the best from what is tied with it.")
    if unfinished := compared.unfinished:
        runs = "1 run has" if unfinished == 1 else f"{unfinished:,} runs have"
        said.append(f"{runs} no result yet.")
    return " ".join(said)
