"""What one catalog entry says."""

from dataclasses import dataclass
from typing import Any, Literal

ParameterKind = Literal["number", "integer", "boolean", "option", "integers", "numbers", "choice"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an entry, with its range.

    ``kind`` is the JSON type: ``number``, ``integer``, ``boolean``, ``option`` (one of
    ``options``), ``integers`` (a list), ``numbers`` (one number or a list) or ``choice``
    (an entry of the axis named in ``axis``). ``minimum`` and ``maximum`` belong to the range;
    ``above`` and ``below`` bound it without belonging to it. For lists they bound each item.
    """

    name: str
    kind: ParameterKind
    default: Any
    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    options: tuple[str, ...] = ()
    axis: str | None = None
    max_items: int | None = None
    min_items: int = 1


@dataclass(frozen=True)
class Source:
    """Where a definition comes from: a paper or a manual."""

    title: str
    link: str


@dataclass(frozen=True)
class Entry:
    """One value of an axis.

    ``formula`` is LaTeX. A ``symbolic`` entry (``auto``) is resolved to another entry before
    a run exists, so no function stands behind it. A ``required`` parameter has no default
    (its ``default`` is ``...``).
    """

    name: str
    meaning: str
    formula: str
    source: Source
    parameters: tuple[Parameter, ...] = ()
    symbolic: bool = False


@dataclass(frozen=True)
class ActivationEntry(Entry):
    """An activation, with what ``auto`` means beside it."""

    initializer: str = "glorot_uniform"
    dropout: str = "dropout"


@dataclass(frozen=True)
class DatasetEntry(Entry):
    """A data set, with the sizes the door checks specs against."""

    train_count: int = 0
    test_count: int = 0
    input_shape: tuple[int, ...] = ()
    classes: int = 0


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A model, with the values it brings where a spec is silent.

    ``multiply_adds`` is the forward cost of one sample at the default parameters, the base
    of cost estimates.
    """

    batch_size: int = 128
    loss: str = "categorical_crossentropy"
    dropout_rates: tuple[float, ...] = ()
    input_rank: int = 1
    multiply_adds: int = 0
    seconds_per_thousand_samples: float = 0.0
