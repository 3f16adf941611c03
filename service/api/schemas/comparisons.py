"""Comparisons as the API answers them."""

import uuid
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer, Number
from service.api.schemas.compared_groups import ComparisonGroup, Interval, Level, PValue
from service.comparison.question import At
from service.comparison.words import COMPARISON_VERSION
from service.json_numbers import to_json
from service.specs.expansion import SCIENCE_VERSION

# numpy and scipy take a quarter of a second to import, which only comparisons need.
if TYPE_CHECKING:
    from service.comparison import effects, level_means, ranking


class AxisEffect(ApiAnswer):
    """The effect of an axis, or the interaction of two, on the runs that trained."""

    axes: list[str] = Field(description="One axis for its main effect, two for their interaction.")
    df: int = Field(description="0 where the data cannot separate it from the other axes.")
    sum_of_squares: float | None = Field(description="Type II, on `scale`.")
    omega_squared: float | None = Field(
        description="Share of the total variation, without what chance adds. This and the "
        "following are null where no seed is repeated."
    )
    omega_ci95: Interval | None
    partial_omega_squared: float | None = Field(
        description="Share of the variation that no other term explains."
    )
    generalized_eta_squared: float | None
    f: Number | None = Field(
        description="ANOVA-type statistic (Brunner, Dette & Munk 1997): spreads may differ."
    )
    df_test: Interval | None = Field(description="Its two degrees of freedom.")
    p_value: PValue | None = Field(description="Not corrected.")

    @classmethod
    def of(cls, effect: "effects.Effect") -> Self:
        """Return the answer for an effect."""
        pairs = {
            name: None if pair is None else [*pair]
            for name, pair in (("omega_ci95", effect.omega_ci95), ("df_test", effect.df_test))
        }
        return cls(**{**vars(effect), **pairs, "axes": [*effect.axes], "f": to_json(effect.f)})


class LevelMean(ApiAnswer):
    """One level of an axis, over all groups that have it."""

    axis: str
    level: Level
    mean: float | None = Field(description="Of its groups' means, over the seeds that trained.")
    ci95: Interval | None
    trained: int
    n: int = Field(description="Number of runs behind its values; `trained` of them trained.")

    @classmethod
    def of(cls, level: "level_means.LevelMeans") -> Self:
        """Return the answer for a level."""
        return cls(**{**vars(level), "ci95": [*level.ci95] if level.ci95 else None})


class SpreadComponents(ApiAnswer):
    """Standard deviations within configurations, in the metric's units, pooled over them."""

    data: float = Field(description="Between draws of the data.")
    seeds: float = Field(description="Between seeds, the same for every draw.")
    rest: float = Field(description="Of a single training beside both.")


class ComparedTarget(ApiAnswer):
    """A value that a metric shall reach."""

    metric: str
    value: float


class ComparisonAnswer(ApiAnswer):
    """An experiment's configurations, best first, with their uncertainty."""

    experiment_id: uuid.UUID
    comparison_version: int = Field(description="Version of the rules by which this was judged.")
    science_version: int = Field(description="Version of the formulas by which runs are trained.")
    metric: str
    at: At
    target: ComparedTarget | None = Field(
        description="What `epochs_to` and `seconds_to` count to; null for other metrics."
    )
    by: list[str]
    tune: list[str] = Field(
        description="What each group has at its best value, chosen on the other seeds."
    )
    average: list[str] = Field(description="What each group is averaged over, within each seed.")
    higher_is_better: bool
    guess: float | None = Field(
        description="What guessing gets on the part that is measured, its mean over the data that "
        "groups are averaged over; null for a measure of time, and where groups differ in it."
    )
    censored: float | None = Field(
        description="What a run counts as that never reached `target`; null where every run did, "
        "and without one."
    )
    margin: float | None = Field(
        description="How far behind the best still is equivalent, in the metric's units."
    )
    headline: str = Field(description="The answer in a sentence.")
    notes: list[str] = Field(description="What to know beside it, a sentence each.")
    groups: list[ComparisonGroup]
    scale: Literal["raw", "logit", "log"] = Field(
        description="On which the effects were computed: near a bound axes would look as if they "
        "interacted."
    )
    effects: list[AxisEffect] = Field(
        description="The main effect of each axis in `by` and the interaction of each pair, on "
        "the runs that trained."
    )
    levels: list[LevelMean] = Field(description="The mean of each level of each axis in `by`.")
    components: SpreadComponents | None = Field(
        description="Where the spread within configurations comes from; null unless the spec draws "
        "or splits the data anew."
    )
    unfinished: int = Field(description="Number of runs without a result, which are left out.")

    @classmethod
    def of(cls, comparison: "ranking.Comparison") -> Self:
        """Return the answer for a comparison."""
        design, found, parts = comparison.design, comparison.effects, comparison.components
        return cls(
            experiment_id=comparison.experiment_id,
            comparison_version=COMPARISON_VERSION,
            science_version=SCIENCE_VERSION,
            metric=comparison.metric,
            at=comparison.at,
            target=ComparedTarget(**vars(comparison.question.target))
            if comparison.question.target
            else None,
            by=[*design.by],
            tune=[*design.tune],
            average=[*design.average],
            higher_is_better=comparison.higher_is_better,
            guess=comparison.guess,
            censored=comparison.censored,
            margin=comparison.margin,
            headline=comparison.headline,
            notes=comparison.notes,
            groups=[ComparisonGroup.of(group) for group in comparison.groups],
            scale=found.scale,
            effects=[AxisEffect.of(effect) for effect in found.effects],
            levels=[LevelMean.of(level) for level in found.levels],
            components=SpreadComponents(**vars(parts)) if parts else None,
            unfinished=comparison.unfinished,
        )


def _seeds(*values: float) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "value": value, "trained": True, "reached": True, "chosen": {}}
        for seed, value in enumerate(values)
    ]


_GROUP: dict[str, Any] = {
    "by": {"activation": "leaky_relu(negative_slope=0.2)"},
    "word": "leads",
    "statement": "leads",
    "n": 3,
    "trained": 3,
    "reached": 3,
    "runs": 3,
    "runs_trained": 3,
    "runs_reached": 3,
    "seeds": _seeds(0.9828, 0.9833, 0.9838),
    "mean": 0.9833,
    "shrunk_mean": None,
    "std": 0.0005,
    "ci95": [0.98206, 0.98454],
    "rank": 1,
    "difference": None,
    "p_value": None,
    "seeds_needed": None,
    "chosen": {},
    "curve": None,
    "additive_mean": None,
    "test": None,
    "diverged": 0,
    "unfinished": 0,
    "missing": 0,
}
_WORSE: dict[str, Any] = {
    **_GROUP,
    "by": {"activation": "tanh"},
    "word": "worse",
    "statement": "worse by 0.8 points (0.67 to 0.93)",
    "seeds": _seeds(0.9747, 0.9753, 0.9759),
    "mean": 0.9753,
    "std": 0.0006,
    "ci95": [0.97381, 0.97679],
    "rank": 2,
    "difference": {"mean": -0.008, "ci95": [-0.00927, -0.00673]},
    "p_value": 0.000075,
}
_EFFECT: dict[str, Any] = {
    "axes": ["activation"],
    "df": 1,
    "sum_of_squares": 0.2384,
    "omega_squared": 0.981,
    "omega_ci95": [0.868, 0.994],
    "partial_omega_squared": 0.981,
    "generalized_eta_squared": 0.987,
    "f": 309.6,
    "df_test": [1.0, 3.85],
    "p_value": 0.00008,
}
_LEVEL: dict[str, Any] = {
    "axis": "activation",
    "level": "tanh",
    "mean": 0.9753,
    "ci95": [0.97381, 0.97679],
    "trained": 3,
    "n": 3,
}

EXAMPLE: dict[str, Any] = {
    "experiment_id": "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7",
    "comparison_version": 3,
    "science_version": 2,
    "metric": "val_accuracy",
    "at": "final",
    "target": None,
    "by": ["activation"],
    "tune": [],
    "average": [],
    "higher_is_better": True,
    "guess": 0.1135,
    "censored": None,
    "margin": 0.01,
    "headline": "leaky_relu(negative_slope=0.2) is best. 1 is worse.",
    "notes": [
        "With 3 seeds a configuration that fails on up to 63% of seeds may have shown no failure."
    ],
    "groups": [_GROUP, _WORSE],
    "scale": "logit",
    "effects": [_EFFECT],
    "levels": [
        {
            **_LEVEL,
            "level": "leaky_relu(negative_slope=0.2)",
            "mean": 0.9833,
            "ci95": [0.98206, 0.98454],
        },
        _LEVEL,
    ],
    "components": None,
    "unfinished": 0,
}
