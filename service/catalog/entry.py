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
    (its ``default`` is ``...``). ``aliases`` are other names it is known by: a spec may use
    them, and is told the entry's own.
    """

    name: str
    meaning: str
    formula: str
    source: Source
    parameters: tuple[Parameter, ...] = ()
    symbolic: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActivationEntry(Entry):
    """An activation, with what ``auto`` means beside it."""

    initializer: str = "glorot_uniform"
    dropout: str = "dropout"


@dataclass(frozen=True)
class DatasetEntry(Entry):
    """A data set, with the sizes the door checks specs against.

    ``input_shape`` is (channels, height, width) for images and (features,) for points.
    ``largest_value`` is the largest a pixel can be, what ``scale`` divides by; None where the
    inputs are no pixels.
    """

    input_shape: tuple[int, ...] = ()
    classes: int = 0
    largest_value: float | None = None

    @property
    def train_count(self) -> int:
        """The most training samples there are."""
        return self._most("train_size")

    @property
    def test_count(self) -> int:
        """The most test samples there are."""
        return self._most("test_size")

    def _most(self, name: str) -> int:
        (size,) = (each for each in self.parameters if each.name == name)
        return int(size.maximum or 0)


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A model, with the values it brings where a spec is silent.

    Its layers and its dropout rates are in ``service.specs.architectures``.
    """

    batch_size: int = 128
    loss: str = "categorical_crossentropy"
