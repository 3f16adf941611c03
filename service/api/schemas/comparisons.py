"""Comparisons as the API answers them."""

import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer, Number
from service.comparison import anova, inference, ranking
from service.json_numbers import to_json

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
PValue = Annotated[float, Field(ge=0, le=1)]
_CORRECTED = "two-sided, corrected for the number of groups (Holm)"


class GroupDifference(ApiAnswer):
    """The mean of a group minus that of the best group."""

    mean: float
    ci95: Interval = Field(description="Not corrected for the number of groups.")
    paired: bool = Field(
        description="Whether values were paired by seed (and by their labels on the other axes "
        "that vary); otherwise they were compared as independent samples."
    )
    n: int = Field(description="Number of pairs, or of runs in the smaller group.")

    @classmethod
    def of(cls, difference: "inference.Difference") -> Self:
        """Return the answer for a difference."""
        mean, ci95, n = difference.mean, [*difference.ci95], difference.n
        return cls(mean=mean, ci95=ci95, paired=difference.paired, n=n)


class ComparisonGroup(ApiAnswer):
    """The runs with the same labels on the axes of `by`."""

    by: dict[str, str | int | None] = Field(
        description="Label by axis: an entry with the parameters that differ from their defaults, "
        "as `leaky_relu(0.2)`. `variant` is the label of the variant."
    )
    n: int = Field(description="Number of runs averaged: completed ones that record the metric.")
    mean: float | None
    std: float | None = Field(description="Over n - 1; null below two runs.")
    ci95: Interval | None = Field(
        description="95% interval of the mean: a smoothed studentized bootstrap over runs."
    )
    score: float | None = Field(
        description="The value that groups are ranked by: the mean, where each diverged run counts "
        "as the worst value of any completed run of the experiment."
    )
    rank: int | None = Field(
        description="1 + the number of groups with a better score; null where `n` is 0."
    )
    tied_with_best: bool = Field(
        description="Whether it is not significantly worse than the best, at 5% after correction."
    )
    p_value: PValue | None = Field(
        description=f"Against the best: {_CORRECTED}. Null for the best, below two runs, and where "
        "losses differ by the same amount in every run, which leaves no variance to test with."
    )
    p_value_all_pairs: PValue | None = Field(
        description="The same, corrected for tests of all pairs of groups: it holds although the "
        "best group was selected from the same data."
    )
    difference: GroupDifference | None = Field(
        description="To the best group; null for the best and where `p_value` is null."
    )
    diverged: int = Field(description="Number of diverged runs: in `score`, not in `mean`.")
    unfinished: int = Field(
        description="Number of runs without a result: queued, running, failed or cancelled."
    )
    missing: int = Field(description="Number of completed runs that do not record the metric.")

    @classmethod
    def of(cls, group: "ranking.RankedGroup") -> Self:
        """Return the answer for a group."""
        same = {name: getattr(group, name) for name in _SAME}
        difference = GroupDifference.of(group.difference) if group.difference else None
        return cls(**same, ci95=[*group.ci95] if group.ci95 else None, difference=difference)


#: Fields of a group that have the same name in the use-case.
_SAME = [name for name in ComparisonGroup.model_fields if name not in {"ci95", "difference"}]


class AxisEffect(ApiAnswer):
    """The effect of an axis, or the interaction of two, in a linear model of all axes."""

    axes: list[str] = Field(description="One axis for its main effect, two for their interaction.")
    df: int = Field(description="0 where the data cannot separate it from the other axes.")
    df_error: int
    sum_of_squares: float | None = Field(description="Type II.")
    eta_squared: float | None = Field(description="Share of the total variation.")
    omega_squared: float | None = Field(
        description="The same without the share expected by chance."
    )
    f: Number | None
    p_value: PValue | None = Field(
        description="Not corrected. Null where the model leaves no error to compare with."
    )

    @classmethod
    def of(cls, effect: "anova.Effect") -> Self:
        """Return the answer for an effect."""
        return cls(**{**vars(effect), "axes": [*effect.axes], "f": to_json(effect.f)})


class ComparisonAnswer(ApiAnswer):
    """An experiment's configurations, best first, with their uncertainty."""

    experiment_id: uuid.UUID
    metric: str
    at: Literal["final", "best"]
    by: list[str]
    higher_is_better: bool
    groups: list[ComparisonGroup]
    effects: list[AxisEffect] = Field(
        description="The main effect of each axis in `by` and the interaction of each pair, from a "
        "linear model with blocks by seed."
    )
    more_seeds_needed: int | None = Field(
        description="Additional seeds needed to separate the best group from the next one tied "
        "with it (80% power at 5%, if the observed difference is the true one). 0: none is tied. "
        "1000: that many or more. null: too few runs or no variance to estimate it."
    )
    unfinished: int = Field(description="Number of runs without a result, which are left out.")

    @classmethod
    def of(cls, comparison: "ranking.Comparison") -> Self:
        """Return the answer for a comparison."""
        return cls(
            experiment_id=comparison.experiment_id,
            metric=comparison.metric,
            at=comparison.at,
            by=[*comparison.by],
            higher_is_better=comparison.higher_is_better,
            groups=[ComparisonGroup.of(group) for group in comparison.groups],
            effects=[AxisEffect.of(effect) for effect in comparison.effects],
            more_seeds_needed=comparison.more_seeds_needed,
            unfinished=comparison.unfinished,
        )


_GROUP: dict[str, Any] = {
    "by": {"activation": "leaky_relu(0.2)"},
    "n": 3,
    "mean": 0.9833,
    "std": 0.0005,
    "ci95": [0.98188, 0.98463],
    "score": 0.9833,
    "rank": 1,
    "tied_with_best": True,
    "p_value": None,
    "p_value_all_pairs": None,
    "difference": None,
    "diverged": 0,
    "unfinished": 0,
    "missing": 0,
}
_WORSE: dict[str, Any] = {
    **_GROUP,
    "by": {"activation": "tanh"},
    "mean": 0.9753,
    "std": 0.0006,
    "ci95": [0.97375, 0.97721],
    "score": 0.9753,
    "rank": 2,
    "tied_with_best": False,
    "p_value": 0.00099,
    "p_value_all_pairs": 0.00099,
    "difference": {"mean": -0.008, "ci95": [-0.00934, -0.00698], "paired": True, "n": 3},
}
_EFFECT: dict[str, Any] = {
    "axes": ["activation"],
    "df": 1,
    "df_error": 2,
    "sum_of_squares": 0.000096,
    "eta_squared": 0.987,
    "omega_squared": 0.985,
    "f": 1010.5,
    "p_value": 0.00099,
}

EXAMPLE: dict[str, Any] = {
    "experiment_id": "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7",
    "metric": "val_accuracy",
    "at": "final",
    "by": ["activation"],
    "higher_is_better": True,
    "groups": [_GROUP, _WORSE],
    "effects": [_EFFECT],
    "more_seeds_needed": 0,
    "unfinished": 0,
}
