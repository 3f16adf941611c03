"""Mean histories of groups of runs: means and deviations by epoch, computed in SQL."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.catalog.metrics import EPOCH_METRICS

#: About how many epochs a mean history has: of a longer history every k-th, the first and the last.
MOST_EPOCHS = 200

#: Values from here on are in no mean: the squares that a deviation sums could overflow.
_LARGEST = 1e100


@dataclass(frozen=True)
class GroupOfRuns:
    """Runs with one of some configurations.

    Attributes:
        configurations: each as its hash and its variant's label.
        diverged: whether the group has the runs that diverged, or those that did not.
    """

    configurations: Sequence[tuple[str, str | None]]
    diverged: bool


@dataclass(frozen=True)
class MeanHistory:
    """A group's mean and sample standard deviation by epoch, for each metric.

    The mean is NaN where no run has a finite value; the deviation of a single value is 0.
    """

    epochs: list[int]
    metrics: dict[str, list[tuple[float, float]]]


_AGGREGATES = {
    name: ", ".join(
        f"{function}(epochs.{name}) FILTER (WHERE abs(epochs.{name}) < {_LARGEST})"
        for function in ("avg", "stddev_samp")
    )
    for name in EPOCH_METRICS
}
_READ = """
WITH wanted AS (
    SELECT * FROM unnest(
        CAST(:hashes AS text[]), CAST(:labels AS text[]),
        CAST(:numbers AS int[]), CAST(:diverged AS boolean[])
    ) AS configurations (config_hash, label, number, diverged)
), trainings AS (
    -- Variants may share a configuration: a training counts once.
    SELECT DISTINCT ON (wanted.number, runs.config_hash, runs.seed) runs.id, wanted.number
    FROM runs JOIN wanted ON runs.config_hash = wanted.config_hash
        AND runs.label IS NOT DISTINCT FROM wanted.label
        AND (runs.status = 'diverged') = wanted.diverged
    WHERE runs.experiment_id = :experiment_id
    ORDER BY wanted.number, runs.config_hash, runs.seed, runs.epoch DESC
), extent AS (
    SELECT max(runs.epoch) AS last, greatest(1, ceil(max(runs.epoch) / :most)::int) AS step
    FROM runs WHERE runs.experiment_id = :experiment_id
)
SELECT trainings.number, epochs.epoch, {columns}
FROM extent CROSS JOIN trainings JOIN epochs ON epochs.run_id = trainings.id
WHERE epochs.epoch % extent.step = 0 OR epochs.epoch IN (1, extent.last)
GROUP BY trainings.number, epochs.epoch
ORDER BY trainings.number, epochs.epoch
"""


def read_means(
    session: Session,
    experiment_id: uuid.UUID,
    groups: Sequence[GroupOfRuns],
    metrics: Sequence[str],
) -> list[MeanHistory]:
    """Return the mean history of each group of an experiment's runs.

    Values that are not finite are left out of the means.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        groups: one or more groups.
        metrics: some of ``EPOCH_METRICS``.
    """
    columns = ", ".join(_AGGREGATES[name] for name in metrics)
    members = [
        (config_hash, label, number, group.diverged)
        for number, group in enumerate(groups)
        for config_hash, label in group.configurations
    ]
    hashes, labels, numbers, diverged = (list(column) for column in zip(*members, strict=True))
    parameters: Mapping[str, Any] = {
        "hashes": hashes,
        "labels": labels,
        "numbers": numbers,
        "diverged": diverged,
        "experiment_id": experiment_id,
        "most": float(MOST_EPOCHS),
    }
    with session.begin():
        rows = session.execute(text(_READ.format(columns=columns)), parameters).all()
    histories = [MeanHistory([], {name: [] for name in metrics}) for _ in groups]
    for number, epoch, *values in rows:
        histories[number].epochs.append(epoch)
        for name, mean, deviation in zip(metrics, values[::2], values[1::2], strict=True):
            point = (math.nan if mean is None else mean, deviation or 0.0)
            histories[number].metrics[name].append(point)
    return histories
