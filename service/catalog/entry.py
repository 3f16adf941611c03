"""Entries of the catalog: one value of an axis, with its parameters and its source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

ParameterKind = Literal[
    "number",
    "integer",
    "boolean",
    "option",
    "integers",
    "numbers",
    "expression",
    "constants",
    "choice",
    "layers",
    "text",
]

#: What the targets of a data set are: classes, or numbers.
Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an entry, with its range.

    Attributes:
        name: as a spec spells it.
        kind: the JSON type: ``number``, ``integer``, ``boolean``, ``option`` (one of
            ``options``), ``integers`` (a list), ``numbers`` (one number or a list),
            ``expression`` (a text in the grammar of ``service.formulas``), ``constants`` (an
            object of the expression's own parameters), ``choice`` (an entry of ``axis``),
            ``layers`` (a list of entries of ``axis``; one that has such a list itself is not among
            those inside of it) or ``text`` (one that matches ``pattern``).
        default: its default; ``...`` for a parameter that must be given, None for one that may be
            left unset. A configuration has no unset parameter among its JSON values.
        meaning: what it decides, in a few words.
        minimum, maximum: bounds that belong to the range; of a list, those of each item.
        above, below: bounds that do not belong to it; of a list, those of each item.
        options: the values of an ``option``.
        axis: the axis of a ``choice``.
        pattern: the regular expression of a ``text``.
        max_items, min_items: bounds of a list's length.
        implied: whether the JSON of a configuration leaves it out at its default. It came to its
            entry later, and hashes of configurations before it stay valid.
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
    implied: bool = False
    pattern: str | None = None


@dataclass(frozen=True)
class Source:
    """Where a definition comes from: a paper or a manual."""

    title: str
    link: str


@dataclass(frozen=True)
class Entry:
    """One value of an axis.

    Attributes:
        name: as a spec spells it.
        meaning: what it does, in a sentence or a few.
        formula: the same in LaTeX.
        source: the paper or the manual that defines it.
        parameters: its parameters.
        symbolic: whether it is resolved to another entry before a run exists, as ``auto`` is;
            such an entry has no function.
        aliases: other names that a spec may use; answers have ``name``.
        resolved: its parameters in a configuration, where they are others than in a spec: what a
            spec names is then looked up when it is submitted.
    """

    name: str
    meaning: str
    formula: str
    source: Source
    parameters: tuple[Parameter, ...] = ()
    symbolic: bool = False
    aliases: tuple[str, ...] = ()
    resolved: tuple[Parameter, ...] | None = None


@dataclass(frozen=True)
class FanInScale:
    """Weights of variance scale / fan-in, where an activation's parameters decide the scale.

    Attributes:
        scale: from the activation's parameters by name.
    """

    scale: Callable[..., float]


@dataclass(frozen=True)
class ActivationEntry(Entry):
    """An activation, with what ``auto`` chooses for it.

    Attributes:
        initializer: the name of an initializer, or the variance of its weights.
        initializer_reason: why that one, in a sentence with its source.
        dropout: the name of a dropout.
        pieces: z-values that a unit reads, unless its parameter ``pieces`` says so; its layer has
            that many times the weights.
    """

    initializer: str | FanInScale = "glorot_uniform"
    initializer_reason: str = ""
    dropout: str = "dropout"
    pieces: int = 1


@dataclass(frozen=True)
class TargetNoise:
    """The noise in targets that are numbers.

    Attributes:
        deviation: the parameter that is its standard deviation.
        outliers: the parameter that is the share of the training targets with larger noise.
        outlier_scale: how many times larger that is.
    """

    deviation: str
    outliers: str
    outlier_scale: float


@dataclass(frozen=True)
class DatasetEntry(Entry):
    """A data set, with the sizes that the rules check specs against.

    Attributes:
        input_shape: of one sample: (channels, height, width) for images, (features,) for points,
            (steps, features) for sequences, whose parameter ``length`` is the number of steps.
        classes: how many classes there are; 0 where the targets are numbers.
        largest_value: the largest value of a pixel, which ``scale`` divides by; None where the
            inputs are not pixels.
        largest_class: the share of the largest class among the test samples: the accuracy of one
            guess for all.
        target_deviation: where the targets are numbers, the root mean square error on the test
            samples of predicting the training mean for all; with noise, as much as by default.
        target_absolute_deviation: its mean absolute error.
        target_noise: the noise in the targets, where parameters say how much there is.
        one_hot: the parameter that says how many columns of a category there are, by default all.
    """

    input_shape: tuple[int, ...] = ()
    classes: int = 0
    largest_value: float | None = None
    largest_class: float = 0.0
    target_deviation: float = 0.0
    target_absolute_deviation: float = 0.0
    target_noise: TargetNoise | None = None
    one_hot: str | None = None

    def described_by(self, parameters: Mapping[str, Any]) -> "DatasetEntry":
        """Return the entry with the facts that a configuration has of an uploaded data set.

        Args:
            parameters: those of a configuration's ``dataset``.
        """
        if self.resolved is None:
            return self
        return replace(
            self,
            input_shape=tuple(parameters["input_shape"]),
            classes=parameters.get("classes") or 0,
            largest_value=parameters.get("largest_value"),
            largest_class=parameters.get("largest_class") or 0.0,
            target_deviation=parameters.get("target_deviation") or 0.0,
            target_absolute_deviation=parameters.get("target_absolute_deviation") or 0.0,
        )

    @property
    def task(self) -> Task:
        """What its targets are."""
        return "classification" if self.classes else "regression"

    @property
    def outputs(self) -> int:
        """Outputs of a network for it, but for a binary head: one per class, or one number."""
        return self.classes or 1

    @property
    def train_count(self) -> int:
        """The most training samples there are."""
        return self._most("train_size")

    @property
    def test_count(self) -> int:
        """The most test samples there are."""
        return self._most("test_size")

    def default_of(self, name: str) -> Any:
        """Return the default of a parameter."""
        return self._parameter(name).default

    def _most(self, name: str) -> int:
        return int(self._parameter(name).maximum or 0)

    def _parameter(self, name: str) -> Parameter:
        (found,) = (parameter for parameter in self.parameters if parameter.name == name)
        return found


@dataclass(frozen=True)
class ModelEntry(Entry):
    """A model, with the batch size and the loss of a spec that names none.

    Its layers and its dropout rates are in ``service.specs.architectures``.
    """

    batch_size: int = 128
    loss: str = "categorical_crossentropy"


@dataclass(frozen=True)
class LossEntry(Entry):
    """A loss, with the task it is for."""

    task: Task = "classification"
