"""The query parameters of comparisons and of the figures that show one."""

import math
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from service.catalog.metrics import COMPARED_METRICS, MAIN_METRICS, TARGET_METRICS
from service.comparison.question import At, Question
from service.comparison.scores import GROUPINGS, refusal
from service.comparison.targets import Target
from service.fields import shortened

#: An axis, the label of a variant, or a parameter of an axis' entry.
_NAME = rf"({'|'.join(GROUPINGS)})(\.[a-z_]+)*"
Axes = Annotated[str, Field(json_schema_extra={"pattern": f"^{_NAME}(,{_NAME})*$"})]
_Metric = Annotated[str, Field(json_schema_extra={"enum": [*COMPARED_METRICS]})]
_Against = Annotated[str, Field(json_schema_extra={"pattern": f"^{_NAME}:.+$"})]
_Target = Annotated[
    str, Field(json_schema_extra={"pattern": f"^({'|'.join(TARGET_METRICS)}):-?[0-9.eE+-]+$"})
]
_REPEATED = "repeated or separated by commas"
_MOST_NAMES = 50


def question(
    *,
    metric: Annotated[
        _Metric | None,
        Query(
            description="The metric to compare by: by default `val_accuracy`, or `val_rmse` where "
            "targets are numbers. `epochs_to` and `seconds_to` count until `target` is reached; "
            "seconds are compared between runs of one engine only.",
        ),
    ] = None,
    at: Annotated[
        At,
        Query(
            description="`final`: the value of the last epoch. `best`: the best value of any "
            "epoch, which is biased upwards. `mean`: the mean over all epochs."
        ),
    ] = "final",
    target: Annotated[
        _Target | None,
        Query(
            description="What `epochs_to` and `seconds_to` count to: a metric of every epoch and "
            "the value that it shall reach, at least of an accuracy or R², at most of a loss or an "
            "error. A run that never reaches it counts as one epoch more than the longest.",
            examples=["val_accuracy:0.97"],
        ),
    ] = None,
    by: Annotated[
        list[Axes] | None,
        Query(
            description=f"The axes to group by, or parameters as `optimizer.learning_rate`, "
            f"{_REPEATED}; `variant` groups by the variants' labels. By default what varies.",
            examples=[["activation,initializer"]],
        ),
    ] = None,
    tune: Annotated[
        list[Axes] | None,
        Query(
            description=f"Axes or parameters that each group has at its best value, chosen on "
            f"the other seeds, {_REPEATED}. By default `optimizer.learning_rate` where it varies "
            "beside another axis, and whatever else varies within the groups.",
            examples=[["optimizer.learning_rate"]],
        ),
    ] = None,
    average: Annotated[
        list[Axes] | None,
        Query(
            description=f"Axes or parameters to average over within each seed, {_REPEATED}. By "
            "default what only draws or splits the data anew."
        ),
    ] = None,
    margin: Annotated[
        float | None,
        Query(
            gt=0,
            allow_inf_nan=False,
            description="How far behind the best still is equivalent, in the metric's units. By "
            "default one point of an accuracy, 5% of the leader's value of others.",
        ),
    ] = None,
    against: Annotated[
        list[_Against] | None,
        Query(
            description="The group that all others are compared with, named before looking: "
            "`axis:label`, repeated for several axes. By default the one with the highest mean.",
            examples=[["activation:relu"]],
        ),
    ] = None,
) -> Question:
    """Return what the comparison is asked."""
    axes = names("by", by)
    return Question(
        MAIN_METRICS["classification"] if metric is None else metric,
        at,
        by=axes,
        tune=names("tune", tune),
        average=names("average", average),
        margin=margin,
        against=_labels(against or (), axes[0] if axes else "activation"),
        target=None if target is None else _target(target),
        names_metric=metric is not None,
    )


def names(parameter: str, given: Sequence[str] | None) -> list[str]:
    """Return the axes of a query parameter that is repeated or has commas.

    Raises:
        InvalidError: there are more than axes and parameters to name.
    """
    found = [axis.strip() for value in given or () for axis in value.split(",")]
    if len(found) > _MOST_NAMES:
        raise refusal(parameter, f"At most {_MOST_NAMES} names can be given, not {len(found):,}.")
    return found


def _target(given: str) -> Target:
    """Return the target that is written as ``val_accuracy:0.97``.

    Raises:
        InvalidError: it has no finite value.
    """
    metric, _, text = given.rpartition(":")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not metric or not math.isfinite(value):
        detail = f"{shortened(given)!r} is no target: write it as val_accuracy:0.97."
        raise refusal("target", detail)
    return Target(metric, value)


def _labels(against: Sequence[str], asked: str) -> dict[str, str]:
    """Return the label by axis.

    Args:
        against: as the query has them.
        asked: an axis that is grouped by, to show how the label of one is written.

    Raises:
        InvalidError: one has no colon.
    """
    for given in against:
        if ":" not in given:
            written = f"{asked}:{shortened(given)}" if given else f"{asked}:LABEL"
            detail = f"{shortened(given)!r} names no axis: write it as {written}."
            raise refusal("against", detail)
    return {axis: label for axis, _, label in (given.partition(":") for given in against)}


QuestionDep = Annotated[Question, Depends(question)]
