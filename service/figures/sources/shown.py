"""The runs that a comparison shows: of what is tuned, those at the levels that were chosen."""

import uuid
from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from service.comparison import scores
from service.comparison.design import Level, placed
from service.comparison.ranking import Comparison, RankedGroup
from service.comparison.scores import Score
from service.specs.labels import Label

#: The levels of a group.
Levels = tuple[Level, ...]


def shown_runs(runs: Sequence[Score], compared: Comparison) -> dict[Levels, list[Score]]:
    """Return the runs behind the values of each group, by its levels; all of one without values.

    Args:
        runs: the scores of all runs of the experiment.
        compared: the comparison.
    """
    design = compared.design
    values = {tuple(group.by.values()): group.values for group in compared.groups}
    found: dict[Levels, list[Score]] = {levels: [] for levels in values}
    for row in placed(_once(runs, design.by), design):
        value = values[row.by].get(row.score.seed)
        levels = dict(zip(design.tune, row.tune, strict=True))
        # Nothing was chosen where a group has one level of all that is tuned.
        behind = value is not None and (not value.chosen or value.chosen == levels)
        if behind or not values[row.by]:
            found[row.by].append(row.score)
    return found


def _once(runs: Sequence[Score], by: Sequence[str]) -> list[Score]:
    """Return each training once, though several variants may contain it."""
    trainings: dict[tuple[Label, str, int], Score] = {}
    for run in runs:
        variant = run.place["variant"] if "variant" in by else None
        trainings.setdefault((variant, run.config_hash, run.seed), run)
    return list(trainings.values())


def diverged_behind(
    session: Session, experiment_id: uuid.UUID, compared: Comparison
) -> Callable[[RankedGroup], int]:
    """Return what tells how many of the runs behind a group's values diverged.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        compared: its comparison.
    """
    if not any(group.chosen for group in compared.groups):
        return lambda group: group.diverged
    behind = shown_runs(scores.read(session, experiment_id, compared.question), compared)
    counts = {levels: sum(run.diverged for run in runs) for levels, runs in behind.items()}
    return lambda group: counts[tuple(group.by.values())]
