"""Metrics as the API answers them: the registry, and those that a run's answer has."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, create_model

from service.api.schemas.base import ApiAnswer, Number
from service.catalog.entry import Task
from service.catalog.metrics import (
    FINAL_METRICS,
    MAIN_METRICS,
    METRICS,
    Counted,
    Direction,
    Kind,
    Metric,
    Part,
    When,
)


class MetricAnswer(ApiAnswer):
    """A metric that runs record."""

    name: str = Field(description="As histories, comparisons and figures take and answer it.")
    title: str = Field(description="In words, for people.")
    kind: Kind = Field(
        description="`share`: between 0 and 1. `loss`: positive, best on a logarithmic scale. "
        "`seconds`: a time. `epochs`: a number of epochs. `other`: any number, in its own units."
    )
    direction: Direction | None = Field(
        description="Which values are better; null where none are, so that runs cannot be "
        "compared by it."
    )
    when: When = Field(
        description="`epoch`: measured at every epoch. `end`: once, after the last. `target`: what "
        "it took until another metric reached a target, which a comparison names."
    )
    quantity: str = Field(
        description="What is measured: the same for its training, validation and test metric."
    )
    part: Part | None = Field(
        description="The part of the data it is measured on; null where it is measured on none."
    )
    counts: Counted | None = Field(
        description="What a share counts: correct samples, or correct outputs of all samples. "
        "Null where it counts neither."
    )
    in_final: bool = Field(description="Whether `final` of a run has it.")
    task: Task | None = Field(
        description="The task whose runs record it; null where the runs of every task do."
    )
    in_every_run: bool = Field(
        description="Whether every run of its task records it; the histories of other runs leave "
        "it out."
    )

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """Return the answer for a metric."""
        return cls(**{name: getattr(metric, name) for name in cls.model_fields})


class MetricPage(ApiAnswer):
    """All metrics, in the order of histories."""

    items: list[MetricAnswer]
    next_cursor: str | None = Field(description="Always null: the list has one page.")

    @classmethod
    def of(cls, metrics: Iterable[Metric]) -> Self:
        """Return the page of these metrics."""
        return cls(items=[MetricAnswer.of(metric) for metric in metrics], next_cursor=None)


_OF_EVERY_TASK = [name for name in FINAL_METRICS if METRICS[name].task is None]
_OF_SOME_TASK = [name for name in FINAL_METRICS if METRICS[name].task is not None]


def _left_out(names: Iterable[str]) -> Any:
    """Return fields that answers leave out where a run's task has no such metric."""
    return {name: (Number | None, Field(None, description=_OF_TASK)) for name in names}


_OF_TASK = "Left out where the run's task has no such metric."
_FINAL_FIELDS: Any = dict.fromkeys(_OF_EVERY_TASK, (Number | None, ...)) | _left_out(_OF_SOME_TASK)
_BEST_FIELDS: Any = _left_out(MAIN_METRICS.values())

FinalMetrics = create_model(
    "FinalMetrics",
    __base__=ApiAnswer,
    __doc__="Metrics of the last recorded epoch. `val_loss` and the others of `val` are of the "
    "validation part, which is the test part unless the data set has `validation_split` or "
    "`folds`; only then those of `test` have values. `loss` and `accuracy` are means over the "
    "epoch's batches, with dropout on. Accuracies are there where targets are classes; `mae`, "
    "`rmse` (in the target's units) and `r2` where they are numbers.",
    epoch=(int, ...),
    **_FINAL_FIELDS,
)
BestMetrics = create_model(
    "BestMetrics",
    __base__=ApiAnswer,
    __doc__="The first epoch with the best `val_accuracy`, or the best `val_rmse` where targets "
    "are numbers. It is chosen by that value, so the value is better than on new samples, the more "
    "so the more epochs there are.",
    epoch=(int, ...),
    **_BEST_FIELDS,
)
