"""The spec that a client submits, and the resolved configuration that a worker trains.

Every axis of a spec takes one value or a list. The experiment is the product of the axes and the
seeds, or the union of the products of its variants. ``specs.expansion`` turns a spec into runs.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from service.catalog.entry import Task
from service.catalog.losses import task_of
from service.catalog.metrics import STOPPING_METRICS
from service.fields import LongText, ShortText, Text
from service.specs.choices import AxisOf, Choice, as_list, choice, one_or_list
from service.specs.claims import SubmittedClaim
from service.specs.frozen import Frozen
from service.specs.tickets import ResolvedTicket, Ticket

#: The axes of the grid, slowest first: the order in which runs are numbered.
AXIS_FIELDS = (
    "dataset",
    "model",
    "activation",
    "initializer",
    "output_initializer",
    "bias_initializer",
    "normalization",
    "clipping",
    "optimizer",
    "dropout",
    "batch_size",
    "loss",
    "precision",
)

#: Axes that came later, with the entry of a configuration that does not name one, and of a run's
#: labels: configurations that were stored before keep their hashes.
LATER_AXES = {"precision": "float32"}


#: Most tags of an experiment.
MAX_TAGS = 50

#: Seeds are JSON numbers: up to here the integers of every client are exact.
MAX_SEED = 2**53 - 1


Label = Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class _Listed:
    """Marks a list that may be written as its only item."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return one_or_list(dict(handler(schema)))


def _count_to_seeds(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise PydanticCustomError("seed_count", "At least one seed is needed.")
        if value > 100_000:
            raise PydanticCustomError("seed_count", "An experiment can have at most 100,000 seeds.")
        return list(range(value))
    return value


def _distinct(seeds: list[int]) -> list[int]:
    if len(set(seeds)) != len(seeds):
        raise PydanticCustomError("seeds_repeat", "Each seed may be listed only once.")
    return seeds


class _SeedsSchema:
    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 1}, dict(handler(schema))]}


BatchSizes = Annotated[
    list[Annotated[int, Field(ge=1, le=1_000_000)]],
    Field(min_length=1, max_length=1_000),
    BeforeValidator(as_list),
    _Listed(),
]


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_SEED)]],
    Field(min_length=1, max_length=100_000),
    AfterValidator(_distinct),
    BeforeValidator(_count_to_seeds),
    _SeedsSchema(),
]


def axis_value(config: Mapping[str, Any], axis: str) -> Any:
    """Return a configuration's JSON value on an axis, also where it is left out; None of none."""
    value = config.get(axis)
    if value is None and axis in LATER_AXES:
        return {"name": LATER_AXES[axis]}
    return value


class LayerStatistics(Frozen):
    """When layer statistics are taken, beside epoch 0 and the last, and on how many samples."""

    every: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto",
        description="Every how many epochs; `auto` takes epochs 1, 2, 4, 8, ... as far as they "
        "cost 2% of the training.",
    )
    samples: int = Field(1000, ge=1, le=100_000, description="Size of the probe batch.")


class EarlyStopping(Frozen):
    """Ends a run once a metric of its validation part has not improved for some epochs."""

    metric: Literal[STOPPING_METRICS] = Field(  # type: ignore[valid-type]
        "val_loss", description="What has to improve, measured after each epoch."
    )
    patience: int = Field(
        ge=1, le=100_000, description="Epochs in a row without an improvement that end the run."
    )
    min_delta: float = Field(
        0.0, ge=0, le=1e6, description="The least change that counts as an improvement."
    )


def _choices(axis: str) -> AxisOf:
    return AxisOf(axis, many=True, grid=True)


class AxisFields(Frozen):
    """The axes a variant may override, each one value or a list, and the ticket."""

    dataset: Annotated[tuple[Choice, ...], _choices("dataset")] | None = None
    model: Annotated[tuple[Choice, ...], _choices("model")] | None = None
    activation: Annotated[tuple[Choice, ...], _choices("activation")] | None = None
    initializer: Annotated[tuple[Choice, ...], _choices("initializer")] | None = None
    output_initializer: Annotated[tuple[Choice, ...], _choices("initializer")] | None = Field(
        None, description="The last layer's initializer, where it differs from the others'."
    )
    bias_initializer: Annotated[tuple[Choice, ...], _choices("bias_initializer")] | None = None
    normalization: Annotated[tuple[Choice, ...], _choices("normalization")] | None = None
    clipping: Annotated[tuple[Choice, ...], _choices("clipping")] | None = None
    optimizer: Annotated[tuple[Choice, ...], _choices("optimizer")] | None = None
    dropout: Annotated[tuple[Choice, ...], _choices("dropout")] | None = Field(
        None, description="A rate, or an entry; by default the model's own."
    )
    batch_size: BatchSizes | None = Field(
        None,
        description="By default the model's own, 128; of fewer training samples a quarter of them.",
    )
    loss: Annotated[tuple[Choice, ...], _choices("loss")] | None = Field(
        None, description="By default the model's own."
    )
    precision: Annotated[tuple[Choice, ...], _choices("precision")] | None = None
    ticket: Ticket | None = Field(
        None, description="An earlier run to begin as; by default weights are drawn and all left."
    )


class Variant(AxisFields):
    """A partial spec that overrides the base, under a label of its own."""

    label: Label


class ExperimentSpec(AxisFields):
    """One experiment: axes, seeds and how the runs are to be trained."""

    name: ShortText | None = None
    description: LongText | None = None
    tags: dict[Label, ShortText] = Field(default_factory=dict, max_length=MAX_TAGS)
    variants: Annotated[list[Variant], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Partial specs whose union is the experiment."
    )
    claims: Annotated[list[SubmittedClaim], Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="What is expected, registered before the runs; `GET "
        "/v1/experiments/{id}/claims` checks it.",
    )
    epochs: int = Field(12, ge=0, description="0 means initialization only.")
    early_stopping: EarlyStopping | None = Field(
        None, description="When a run ends before its last epoch; by default never."
    )
    seeds: Seeds = Field(default_factory=lambda: [0], description="A list, or a count.")
    layer_statistics: LayerStatistics | Literal["off"] = Field(default_factory=LayerStatistics)
    reuse: bool = Field(
        True, description="Take an identical finished run's history instead of training again."
    )
    priority: int = Field(
        0,
        ge=-100,
        le=100,
        description="Of a key's runs, those with a higher one start sooner; keys take turns.",
    )
    max_attempts: int = Field(3, ge=1, le=20)
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _has_an_activation(self) -> Self:
        variants = self.variants or ()
        in_every_variant = bool(variants) and all(variant.activation for variant in variants)
        if self.activation is None and not in_every_variant:
            raise PydanticCustomError(
                "activation_missing",
                "An experiment needs an activation: in the spec, or in each of its variants.",
            )
        return self

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> Self:
        labels = Counter(variant.label for variant in self.variants or ())
        repeated, times = next(iter(labels.most_common(1)), ("", 0))
        if times > 1:
            raise PydanticCustomError(
                "labels_repeat",
                "Each variant needs a label of its own: several are called {label}.",
                {"label": repr(repeated)},
            )
        return self


class RunConfig(Frozen):
    """A fully resolved configuration: everything that decides a run's training but its seed.

    No field has a default, so that a stored configuration never changes its meaning; but for those
    that came later and are left out where they are not used, so that older configurations keep
    their hashes.
    """

    dataset: Annotated[Choice, AxisOf("dataset", resolved=True)]
    model: Annotated[Choice, AxisOf("model", resolved=True)]
    activation: Annotated[Choice, AxisOf("activation", resolved=True)]
    initializer: Annotated[Choice, AxisOf("initializer", resolved=True)]
    output_initializer: Annotated[Choice, AxisOf("initializer", resolved=True)]
    bias_initializer: Annotated[Choice, AxisOf("bias_initializer", resolved=True)]
    normalization: Annotated[Choice, AxisOf("normalization", resolved=True)]
    clipping: Annotated[Choice, AxisOf("clipping", resolved=True)]
    optimizer: Annotated[Choice, AxisOf("optimizer", resolved=True)]
    dropout: Annotated[Choice, AxisOf("dropout", resolved=True)]
    batch_size: int
    loss: Annotated[Choice, AxisOf("loss", resolved=True)]
    precision: Annotated[Choice, AxisOf("precision", resolved=True)] = Field(
        choice("precision", LATER_AXES["precision"]),
        exclude_if=lambda value: value.name == LATER_AXES["precision"],
        json_schema_extra={"default": LATER_AXES["precision"]},
    )
    epochs: int
    early_stopping: EarlyStopping | None = Field(None, exclude_if=lambda value: value is None)
    layer_statistics: LayerStatistics | Literal["off"]
    ticket: ResolvedTicket | None = Field(None, exclude_if=lambda value: value is None)

    @property
    def task(self) -> Task:
        """What its runs predict: classes, or numbers."""
        return task_of(self.loss.name)
