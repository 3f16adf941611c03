"""Where the spread within a configuration comes from: the draws of the data, or the seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.comparison.design import DATA, Design
from service.comparison.groups import Candidate, Group
from service.comparison.samples import Floats


@dataclass(frozen=True)
class Components:
    """Standard deviations, in the metric's units, pooled over configurations.

    Attributes:
        data: between draws of the data.
        seeds: between seeds, the same for every draw.
        rest: of a single training beside both.
    """

    data: float
    seeds: float
    rest: float


def components_of(groups: Sequence[Group], design: Design) -> Components | None:
    """Return where the spread comes from; None where the data are not drawn anew.

    Each configuration that has a value for every draw with every seed, two of both at least, is a
    table without repetition: var_data = (MS_data - MS_rest) / seeds, var_seeds =
    (MS_seeds - MS_rest) / draws, var_rest = MS_rest, the first two at least 0 (Searle, Casella &
    McCulloch 1992, section 4.3). Variances are averaged over configurations.
    """
    if not design.average or not {*design.average} <= {*DATA}:
        return None
    tables = [
        table
        for group in groups
        if group.entered
        for candidate in group.candidates
        if (table := _table(candidate)) is not None
    ]
    if not tables:
        return None
    data, seeds, rest = np.sqrt(np.mean([_variances(table) for table in tables], axis=0)).tolist()
    return Components(data, seeds, rest)


def _table(candidate: Candidate) -> Floats | None:
    """Return the values, (draws, seeds), where none is missing and every run trained."""
    if not candidate.values or not all(found.whole for found in candidate.values.values()):
        return None
    seeds = sorted(candidate.values)
    rows = list(candidate.parts.values())
    if len(rows) < 2 or len(seeds) < 2:
        return None
    return np.array([[row[seed] for seed in seeds] for row in rows])


def _variances(table: Floats) -> tuple[float, float, float]:
    draws, seeds = table.shape
    by_draw, by_seed, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - by_draw[:, None] - by_seed[None] + mean
    of_rest = float((rest**2).sum()) / ((draws - 1) * (seeds - 1))
    of_draws = seeds * float(by_draw.var(ddof=1))
    of_seeds = draws * float(by_seed.var(ddof=1))
    return max(0.0, (of_draws - of_rest) / seeds), max(0.0, (of_seeds - of_rest) / draws), of_rest
