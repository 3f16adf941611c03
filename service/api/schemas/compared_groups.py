"""The groups of a comparison, as the API answers them."""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer
from service.comparison.words import Word

if TYPE_CHECKING:  # see service.api.schemas.comparisons
    from service.comparison import curves, groups, ranking

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
PValue = Annotated[float, Field(ge=0, le=1)]
Level = str | int | float | None


class GroupDifference(ApiAnswer):
    """The mean of a group minus that of the leader, or of the group named in `against`."""

    mean: float
    ci95: Interval = Field(
        description="95% interval; it goes with `p_value`: it holds 0 where that is above 0.05."
    )


class GroupSeed(ApiAnswer):
    """A group's value with one seed."""

    seed: int
    value: float = Field(
        description="Of the metric; of a run that diverged the worse of what guessing and the "
        "worst run that completed get, of one that never reached the target one epoch more than "
        "the longest. Where runs are averaged over, their mean."
    )
    trained: bool = Field(description="Whether every run behind it did better than guessing.")
    reached: bool = Field(
        description="Whether every run behind it reached `target`; true where there is none."
    )
    chosen: dict[str, Level] = Field(
        description="The levels of what is tuned that the other seeds chose for this one."
    )

    @classmethod
    def of(cls, seed: int, found: "groups.SeedValue") -> Self:
        """Return the answer for a seed."""
        return cls(
            seed=seed,
            value=found.value,
            trained=found.trained,
            reached=found.reached,
            chosen=dict(found.chosen),
        )


class CurvePoint(ApiAnswer):
    """A group's result at one level of what is tuned."""

    levels: dict[str, Level]
    mean: float | None
    n: int
    trained: int


class GoodRange(ApiAnswer):
    """The neighbouring levels of a tuned number whose means are within the margin of the best."""

    low: float
    high: float
    factor: float | None = Field(description="`high` / `low`: how far the number may be off.")
    at_edge: bool = Field(
        description="Whether the best level is at an end of the grid: a better may lie beyond."
    )


class TuningCurve(ApiAnswer):
    """A group's results over what is tuned."""

    points: list[CurvePoint]
    good_range: GoodRange | None = Field(description="Null unless one number is tuned.")

    @classmethod
    def of(cls, curve: "curves.ResultCurve") -> Self:
        """Return the answer for a curve."""
        good = curve.good_range
        return cls(
            points=[
                CurvePoint(**{**vars(point), "levels": dict(point.levels)})
                for point in curve.points
            ],
            good_range=GoodRange(**vars(good)) if good else None,
        )


class GroupTest(ApiAnswer):
    """What a group's runs gave on the test part, once, after the last epoch."""

    metric: str
    n: int = Field(description="Number of seeds with a value.")
    mean: float = Field(
        description="Over these seeds; a run that diverged counts as the worse of guessing and "
        "of the worst run that completed."
    )
    std: float | None = Field(description="Over n - 1; null below two seeds.")


class ComparisonGroup(ApiAnswer):
    """The runs with the same levels on the axes and parameters of `by`."""

    by: dict[str, Level] = Field(
        description="Label by axis: an entry with the parameters that differ from their defaults, "
        "as `leaky_relu(negative_slope=0.2)`. `variant` is the label of the variant."
    )
    word: Word | None = Field(
        description="`leads`: the highest mean. `worse`: with p up to 5%. `equivalent`: no other "
        "is better by `margin`. `undecided`: neither is shown. `did_not_train`: no run was better "
        "than guessing. `not_reached`: some trained, and none of those reached `target`. "
        "With `against`: `reference`, `better`. Null without a value."
    )
    statement: str = Field(description="What is said of it, with its figures.")
    n: int = Field(description="Number of seeds with a value.")
    trained: int = Field(
        description="With how many of them every run behind it did better than guessing."
    )
    reached: int = Field(
        description="With how many of them every run behind it reached `target`; all where there "
        "is none."
    )
    runs: int = Field(
        description="Number of runs behind these seeds: more than `n` where runs are averaged over."
    )
    runs_trained: int = Field(description="How many of them did better than guessing.")
    runs_reached: int = Field(
        description="How many of them reached `target`; all where there is none."
    )
    seeds: list[GroupSeed]
    mean: float | None = Field(
        description="Over the seeds; a run that diverged counts as the worse of guessing and of "
        "the worst run that completed."
    )
    shrunk_mean: float | None = Field(
        description="For those that may be best: the mean, moved towards theirs by what the "
        "leader's luck explains."
    )
    std: float | None = Field(description="Over n - 1; null below two seeds.")
    ci95: Interval | None = Field(
        description="95% interval of the mean, by a spread that borrows from the other groups. "
        "Null with fewer than three seeds, or where one did not train or never reached `target`: "
        "look at `seeds`."
    )
    rank: int | None = Field(
        description="1 + the number of groups with a better mean; null where no run trained and "
        "reached `target`."
    )
    difference: GroupDifference | None = Field(description="Null where nothing is tested.")
    p_value: PValue | None = Field(
        description="Against the leader, by the studentized range, step by step: it allows for "
        "the number of groups and for the leader having been looked for. With `against`: "
        "two-sided t tests with Holm's correction. Null for the leader, for what did not train, "
        "below two seeds, and where losses have no spread at all."
    )
    seeds_needed: int | None = Field(
        description="Of an undecided group: how many more seeds would settle it with 80% "
        "probability, as worse or as equivalent. Null where more than 400 would be needed."
    )
    chosen: dict[str, Level] = Field(
        description="The levels of what is tuned that are best over all seeds."
    )
    curve: TuningCurve | None = Field(description="The results over what is tuned.")
    additive_mean: float | None = Field(
        description="What the mean would be if no axes interacted; null where one axis varies."
    )
    test: GroupTest | None = Field(
        description="The same quantity on the test part, which no choice looked at: of what is "
        "tuned, at the levels that validation chose. Null where no test part was held out, and "
        "where `metric` is none of the validation part."
    )
    diverged: int = Field(description="Number of diverged runs.")
    unfinished: int = Field(
        description="Number of runs without a result: queued, running, failed or cancelled."
    )
    missing: int = Field(description="Number of completed runs that do not record the metric.")

    @classmethod
    def of(cls, group: "ranking.RankedGroup") -> Self:
        """Return the answer for a group."""
        difference = group.difference
        return cls(
            **{name: getattr(group, name) for name in _SAME},
            seeds=[GroupSeed.of(seed, found) for seed, found in sorted(group.values.items())],
            ci95=[*group.ci95] if group.ci95 else None,
            difference=GroupDifference(mean=difference.mean, ci95=[*difference.ci95])
            if difference
            else None,
            curve=TuningCurve.of(group.curve) if group.curve else None,
            test=GroupTest(**vars(group.test)) if group.test else None,
            runs=group.runs.all,
            runs_trained=group.runs.trained,
            runs_reached=group.runs.reached,
        )


#: Fields of a group that have the same name in the use-case.
_SAME = [
    name
    for name in ComparisonGroup.model_fields
    if name not in {"seeds", "ci95", "difference", "curve", "test"} and "runs" not in name
]
