"""The fields of a spec, as keyword arguments. Only the service checks them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

#: A value of an axis: a name, or an object with a name and parameters. Each parameter takes one
#: value, a list of values or, of numbers, a range with ``low``, ``high``, ``count`` and ``scale``.
Value = str | Mapping[str, Any]
#: An axis takes one value or a list.
Axis = Value | Sequence[Value]


class Target(TypedDict):
    """A value that a metric shall reach: at least that of an accuracy, at most that of a loss."""

    metric: str
    value: float


class Claim(TypedDict, total=False):
    """A claim that one group of configurations does better than another.

    ``better`` and ``than`` select by axis: a name, an object with some parameters, or a number.
    """

    statement: Required[str]
    better: Required[Mapping[str, Value | float]]
    than: Required[Mapping[str, Value | float]]
    metric: str
    at: int | Literal["final", "mean"]
    target: Target
    by_at_least: float


class EarlyStopping(TypedDict, total=False):
    """Ends a run after ``patience`` epochs without an improvement by more than ``min_delta``."""

    metric: Literal["val_loss", "val_accuracy", "val_mae", "val_rmse", "val_r2"]
    patience: Required[int]
    min_delta: float


class Ticket(TypedDict, total=False):
    """Begins as the completed ``run`` began, without the weights that it ended with smallest."""

    run: Required[str]
    keep: float
    scope: Literal["layer", "global"]
    redraw: bool


class Spec(TypedDict, total=False):
    """The fields of an experiment's spec: its axes, its seeds, and how its runs are trained."""

    name: str
    description: str
    tags: Mapping[str, str]
    dataset: Axis
    model: Axis
    activation: Axis
    initializer: Axis
    output_initializer: Axis
    bias_initializer: Axis
    normalization: Axis
    clipping: Axis
    optimizer: Axis
    dropout: Axis | float | Sequence[Value | float]
    batch_size: int | Sequence[int]
    loss: Axis
    precision: Axis
    ticket: Ticket
    variants: Sequence[Mapping[str, Any]]
    claims: Sequence[Claim]
    epochs: int
    early_stopping: EarlyStopping
    seeds: int | Sequence[int]
    layer_statistics: Literal["off"] | Mapping[str, Any]
    reuse: bool
    priority: int
    max_attempts: int
    device: Literal["auto", "cpu", "cuda"]


class PresetFields(TypedDict, total=False):
    """The fields of a preset that a submission can replace."""

    size: Literal["full", "small"]
    epochs: int
    seeds: int | Sequence[int]
    train_size: int
    test_size: int
    batch_size: int
    name: str
    description: str
    tags: Mapping[str, str]
    layer_statistics: Literal["off"] | Mapping[str, Any]
    reuse: bool
    priority: int
    max_attempts: int
    device: Literal["auto", "cpu", "cuda"]


#: The axes of a spec, in the service's order.
AXES = (
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


class UploadFields(TypedDict, total=False):
    """What uploaded data are called, and what they mean; what is left out is guessed."""

    name: str
    description: str
    tags: Mapping[str, str]
    target: str
    task: Literal["classification", "binary", "regression"]
    leave_out: Collection[str]
    categorical: Collection[str]
    missing: Literal["refuse", "impute", "drop"]
    test_share: float
    split_seed: int
    stratified: bool
    shuffled: bool
    split_column: str
    image_shape: str
    encoding: Literal["utf-8", "utf-16", "gb18030", "latin-1"]
