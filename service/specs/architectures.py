"""Architectures: the layers of a model's network, counted without building it.

The rules check specs against them, and costs are estimated from them. A model is therefore three
short pieces: its entry, its architecture here and its network in ``workers.nn.models``;
``tests/workers/nn/test_models.py`` proves that the last two agree.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.specs.choices import Choice


class ArchitectureError(Exception):
    """The model cannot take these inputs: a sentence with the reason and the way out."""


@dataclass(frozen=True)
class Layer:
    """One weighted layer.

    Attributes:
        name: its name in layer statistics.
        inputs: the inputs of one unit: its fan-in; of a recurrent layer with those of its state.
        features: z-values at each position: units (or channels) times the activation's pieces; of
            a recurrent layer the sums of all gates.
        positions: where a convolution is applied, and steps of a sequence; 1 for a dense layer.
        field: places of a convolution's kernel; 1 for a dense layer.
    """

    name: str
    inputs: int
    features: int
    positions: int = 1
    field: int = 1

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return (self.inputs + 1) * self.features

    @property
    def multiply_adds(self) -> int:
        """The cost of one sample's forward pass."""
        return self.inputs * self.features * self.positions


@dataclass(frozen=True)
class Architecture:
    """The layers of a network, and the model's own rate for each dropout layer."""

    hidden: tuple[Layer, ...]
    output: Layer
    dropout_rates: tuple[float, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All weighted layers, from the first to the output."""
        return (*self.hidden, self.output)

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """The cost of one sample's forward pass."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def values(self) -> int:
        """The z-values of one sample: what a training step keeps in memory per sample."""
        return sum(layer.features * layer.positions for layer in self.layers)


def architecture(
    model: Choice, input_shape: Sequence[int], outputs: int, pieces: int
) -> Architecture:
    """Return the layers of a model's network.

    Args:
        model: the model with its parameters.
        input_shape: of one sample, (channels, height, width) for an image.
        outputs: units of the output layer.
        pieces: z-values that the activation of one unit reads (maxout's pieces, else 1).

    Raises:
        ArchitectureError: the model cannot take inputs of this shape.
    """
    return ARCHITECTURES[model.name](model.parameters, input_shape, outputs, pieces)


def _mnist_cnn(
    parameters: Mapping[str, Any], input_shape: Sequence[int], outputs: int, pieces: int
) -> Architecture:
    if len(input_shape) != 3:
        raise ArchitectureError(
            "mnist_cnn needs images, and these inputs are none. Use the model mlp."
        )
    depth, height, width = input_shape
    first, second = parameters["channels"]
    kernel = parameters["kernel_size"]
    (hidden,) = parameters["units"]
    once = (height - kernel + 1, width - kernel + 1)
    twice = (once[0] - kernel + 1, once[1] - kernel + 1)
    if min(twice) < 2:
        raise ArchitectureError(
            f"Two convolutions of kernel size {kernel} leave nothing to pool of an image of "
            f"{height} x {width}. Choose a smaller kernel_size."
        )
    pooled = (twice[0] // 2) * (twice[1] // 2)
    return Architecture(
        hidden=(
            Layer("conv_1", depth * kernel**2, first * pieces, math.prod(once), kernel**2),
            Layer("conv_2", first * kernel**2, second * pieces, math.prod(twice), kernel**2),
            Layer("dense_1", second * pooled, hidden * pieces),
        ),
        output=Layer("output", hidden, outputs),
        dropout_rates=(0.25, 0.5),
    )


def _mlp(
    parameters: Mapping[str, Any], input_shape: Sequence[int], outputs: int, pieces: int
) -> Architecture:
    units = parameters["hidden_units"]
    inputs = (math.prod(input_shape), *units)
    hidden = tuple(
        Layer(f"dense_{number}", fan_in, width * pieces)
        for number, (fan_in, width) in enumerate(zip(inputs, units, strict=False), start=1)
    )
    return Architecture(hidden, Layer("output", inputs[-1], outputs), (0.0,) * len(units))


#: Sums of each unit of a recurrent layer, by its cell: one for its state, or one for each gate.
_GATES = {"simple": 1, "gru": 3, "lstm": 4}


def sequence_shape(input_shape: Sequence[int]) -> tuple[int, int]:
    """Return the steps and the features of a step as which a recurrent network reads a sample.

    The steps of an image are its rows, and those of a vector its values.
    """
    if len(input_shape) == 3:
        depth, height, width = input_shape
        return height, depth * width
    return (input_shape[0], math.prod(input_shape[1:]))


def _rnn(
    parameters: Mapping[str, Any], input_shape: Sequence[int], outputs: int, pieces: int
) -> Architecture:
    units = parameters["hidden_units"]
    steps, features = sequence_shape(input_shape)
    sums = _GATES[parameters["cell"]] * pieces
    inputs = (features, *units)
    hidden = tuple(
        Layer(f"recurrent_{number}", fan_in + width, width * sums, steps)
        for number, (fan_in, width) in enumerate(zip(inputs, units, strict=False), start=1)
    )
    return Architecture(hidden, Layer("output", units[-1], outputs), (0.0,) * len(units))


ARCHITECTURES: dict[str, Callable[[Mapping[str, Any], Sequence[int], int, int], Architecture]] = {
    "mnist_cnn": _mnist_cnn,
    "mlp": _mlp,
    "rnn": _rnn,
}
