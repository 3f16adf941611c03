"""Claims of a spec: sentences that its author expects to hold, registered before the runs.

``specs.claim_rules`` checks them against the experiment's configurations.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from service.catalog.axes import AXES, own_name
from service.catalog.metrics import COMPARED_METRICS, METRICS, TARGET_METRICS
from service.fields import Text
from service.specs.choices import SHORTHANDS

#: Levels of an axis' value: its object, a nested choice's object, a list.
_MOST_LEVELS = 8


def _as_in_specs(where: dict[str, Any]) -> dict[str, Any]:
    return {axis: _as_in_spec(axis, asked) for axis, asked in where.items()}


def _as_in_spec(axis: str, asked: Any) -> Any:
    """Return an entry's own name for an alias of it, and the object that a number stands for."""
    entries = axis.removeprefix("output_")
    if entries in AXES and isinstance(asked, str):
        return own_name(entries, asked)
    if entries in AXES and isinstance(asked, dict) and isinstance(asked.get("name"), str):
        return asked | {"name": own_name(entries, asked["name"])}
    if axis in SHORTHANDS and isinstance(asked, int | float):
        name, parameter = SHORTHANDS[axis]
        return {"name": name, parameter: asked} if asked else "none"
    return asked


def _shallow(where: dict[str, Any]) -> dict[str, Any]:
    """Refuse values nested deeper than any parameter: others would be walked for nothing."""
    level: list[Any] = [where]
    for _ in range(_MOST_LEVELS):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise PydanticCustomError(
            "nested", "Values can be nested {levels} levels deep.", {"levels": _MOST_LEVELS}
        )
    return where


GroupSelection = Annotated[
    dict[str, str | int | float | dict[str, Any]],
    Field(min_length=1, max_length=20),
    AfterValidator(_shallow),
    AfterValidator(_as_in_specs),
]


class SubmittedTarget(BaseModel):
    """A value that a metric shall reach."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title="Target"
    )

    metric: Literal[TARGET_METRICS] = Field(  # type: ignore[valid-type]
        description="A metric of every epoch: an accuracy or R² reaches the value from below, a "
        "loss or an error from above."
    )
    value: float


class SubmittedClaim(BaseModel):
    """A claim that one group of configurations does better than another."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title="Claim"
    )

    statement: Annotated[Text, StringConstraints(min_length=1, max_length=1_000)] = Field(
        description="The claim in words, for people."
    )
    better: GroupSelection = Field(
        description="The configurations that are claimed to do better, by axis: an entry's name, "
        "an object with some of its parameters, a number, or the label of a `variant`. One number "
        "selects lists of nothing but that number. Axes that are left out may have any value.",
        examples=[{"activation": "relu", "initializer": "he_normal"}],
    )
    than: GroupSelection = Field(
        description="The configurations they are compared with.",
        examples=[{"activation": "tanh", "initializer": "glorot_normal"}],
    )
    metric: Literal[COMPARED_METRICS] = Field(  # type: ignore[valid-type]
        "val_accuracy",
        description="Higher accuracies and R² are better; lower losses, errors, epochs and "
        "seconds. `epochs_to` and `seconds_to` count until `target` is reached. Where targets are "
        "numbers, name one of theirs, as `val_rmse`.",
    )
    target: SubmittedTarget | None = Field(
        None,
        # So that claims that were stored without it stay equal to the same ones of today.
        exclude_if=lambda target: target is None,
        description="What `epochs_to` and `seconds_to` count to; of no other metric.",
    )
    at: int | Literal["final", "mean"] = Field(
        "final", description="The last epoch, the mean over all epochs, or an epoch's number."
    )
    by_at_least: float = Field(
        0.0, ge=0, description="The least difference of the means that is claimed."
    )

    @property
    def higher(self) -> bool:
        """Whether higher values are better."""
        return METRICS[self.metric].direction == "higher"
