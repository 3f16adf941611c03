"""Plans: the steps of a declared network, with the shapes between them and without its weights.

``specs.planning`` makes them of declared layers. Shapes are of one sample: (channels, height,
width) of an image, (features,) of a vector.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from service.fields import Location
from service.specs.choices import Choice

Shape = tuple[int, ...]


class ArchitectureError(Exception):
    """The model cannot take these inputs: a sentence with the reason and the way out.

    Attributes:
        place: of what is wrong, from the model's value on; empty where it is the model itself.
    """

    def __init__(self, sentence: str, place: Location = ()) -> None:
        super().__init__(sentence)
        self.place = place


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a network.

    Attributes:
        layer: the declared layer's name in the catalog.
        place: of the declared layer, from the model's value on.
        inputs: shape of what it reads.
        outputs: shape of what it makes.
    """

    layer: str
    place: Location
    inputs: Shape
    outputs: Shape


@dataclass(frozen=True, kw_only=True)
class WeightedStep(Step):
    """A convolution or a dense layer, with the normalization and activation that belong to it.

    Attributes:
        name: in layer statistics and weights.
        number: in the names of its normalization and activation.
        units: units or channels, each with ``pieces`` z-values.
        bias: whether it has biases.
        kernel_size: side of the kernel; 1 for a dense layer.
        stride: of a convolution.
        padding: zeros on each side.
        groups: of a convolution.
        activation: what it states; None: the spec's.
        normalization: what it states; None: the spec's.
        normalized_after: whether the activations are normalized, where the list says so; None:
            as the normalization's position has it.
        initializer: what it states; None: the spec's.
        bias_initializer: what it states; None: the spec's.
    """

    name: str
    number: int
    units: int
    pieces: int = 1
    bias: bool = True
    kernel_size: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    activation: Choice | None = None
    normalization: Choice | None = None
    normalized_after: bool | None = None
    initializer: Choice | None = None
    bias_initializer: Choice | None = None

    @property
    def is_convolution(self) -> bool:
        """Whether it reads images."""
        return len(self.inputs) == 3

    @property
    def fan_in(self) -> int:
        """The inputs of one unit."""
        if self.is_convolution:
            return self.inputs[0] // self.groups * self.kernel_size**2
        return self.inputs[0]

    @property
    def positions(self) -> int:
        """Where a convolution is applied; 1 for a dense layer."""
        return math.prod(self.outputs[1:])


@dataclass(frozen=True, kw_only=True)
class PoolingStep(Step):
    """Pooling of squares, or of the whole image where ``size`` is None.

    Attributes:
        largest: whether the largest value is taken, rather than the mean.
        size: side of a square.
        stride: between two squares.
    """

    largest: bool
    size: int | None = None
    stride: int = 1


@dataclass(frozen=True, kw_only=True)
class FlattenStep(Step):
    """An image as a vector."""


@dataclass(frozen=True, kw_only=True)
class DropoutStep(Step):
    """A dropout layer.

    Attributes:
        site: its number among all dropout layers, from 0 on.
        rate: what it states; None: the spec's.
    """

    site: int
    rate: float | None


@dataclass(frozen=True, kw_only=True)
class ActivationStep(Step):
    """An activation that belongs to no weighted layer.

    Attributes:
        number: in its name.
        activation: what it states; None: the spec's.
    """

    number: int
    activation: Choice | None


@dataclass(frozen=True, kw_only=True)
class NormalizationStep(Step):
    """A normalization that belongs to no weighted layer.

    Attributes:
        number: in its name.
        normalization: what it states; None: the spec's.
    """

    number: int
    normalization: Choice | None


@dataclass(frozen=True, kw_only=True)
class ResidualStep(Step):
    """Steps whose result is added to their input, then an activation.

    Attributes:
        steps: of the inside.
        shortcut: the projection; None: the input itself.
        number: in the name of its activation.
        activation: what it states; None: the spec's.
    """

    steps: tuple[Step, ...]
    shortcut: WeightedStep | None
    number: int
    activation: Choice | None


@dataclass(frozen=True)
class NetworkPlan:
    """A declared network.

    Attributes:
        steps: before the output layer.
        output: the output layer.
    """

    steps: tuple[Step, ...]
    output: WeightedStep

    def walk(self) -> Iterator[Step]:
        """Yield all steps before the output layer as they compute; a block after its inside."""
        return _walk(self.steps)

    @property
    def hidden(self) -> tuple[WeightedStep, ...]:
        """The weighted layers before the output, as they compute."""
        return tuple(step for step in self.walk() if isinstance(step, WeightedStep))

    @property
    def dropouts(self) -> tuple[DropoutStep, ...]:
        """The dropout layers."""
        return tuple(step for step in self.walk() if isinstance(step, DropoutStep))

    @property
    def branches(self) -> tuple[tuple[WeightedStep, ...], ...]:
        """The weighted layers inside of each residual block that has any, as they compute."""
        blocks = (step for step in self.steps if isinstance(step, ResidualStep))
        inner = (
            tuple(step for step in block.steps if isinstance(step, WeightedStep))
            for block in blocks
        )
        return tuple(filter(None, inner))

    @property
    def is_chain(self) -> bool:
        """Whether each step reads the one before, and nothing stands between weighted layers.

        Neither a residual block nor an activation or normalization of its own.
        """
        alone = (ResidualStep, ActivationStep, NormalizationStep)
        return not any(isinstance(step, alone) for step in self.steps)

    @property
    def has_convolutions(self) -> bool:
        """Whether any layer is a convolution."""
        return any(step.is_convolution for step in self.hidden)


def _walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, ResidualStep):
            if step.shortcut is not None:
                yield step.shortcut
            yield from _walk(step.steps)
        yield step
