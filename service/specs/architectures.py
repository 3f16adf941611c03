"""Architectures: the layers of a model's network, counted without building it.

The rules check specs against them, and costs are estimated from them. A model is a list of layers
with parameters (``specs.declarations``), and its network is built from the same plan that is
counted here; ``tests/workers/nn/test_models.py`` proves that the two agree.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.specs.choices import Choice, choice
from service.specs.declarations import DECLARATIONS, Declaration
from service.specs.planning import plan_of_layers
from service.specs.plans import (
    ActivationStep,
    NetworkPlan,
    NormalizationStep,
    ResidualStep,
    Shape,
    Step,
    WeightedStep,
)


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
        bias: whether its units have biases.
    """

    name: str
    inputs: int
    features: int
    positions: int = 1
    field: int = 1
    bias: bool = True

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return (self.inputs + self.bias) * self.features

    @property
    def multiply_adds(self) -> int:
        """The cost of one sample's forward pass."""
        return self.inputs * self.features * self.positions


@dataclass(frozen=True)
class Architecture:
    """The layers of a network, and the model's own rate for each dropout layer.

    Attributes:
        hidden: the weighted layers before the output.
        output: the output layer.
        dropout_rates: of each dropout layer.
        stated_dropouts: those, counted from 0, whose rate is stated: no spec changes it.
        further_values: of one sample, beside the z-values: of sums, and of activations and
            normalizations that belong to no weighted layer.
    """

    hidden: tuple[Layer, ...]
    output: Layer
    dropout_rates: tuple[float, ...]
    stated_dropouts: frozenset[int] = frozenset()
    further_values: int = 0

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
        z_values = sum(layer.features * layer.positions for layer in self.layers)
        return z_values + self.further_values


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
        ArchitectureError: the model cannot take inputs of this shape, or its shapes do not meet.
    """
    return _architecture(model.model_dump_json(), tuple(input_shape), outputs, pieces)


def plan_of(
    model: Choice, input_shape: Sequence[int], outputs: int, pieces: int
) -> NetworkPlan | None:
    """Return the plan of a model's network; None for a model that is no list of layers.

    The arguments and errors are those of ``architecture``.
    """
    if model.name not in DECLARATIONS:
        return None
    return _declared(model.model_dump_json(), tuple(input_shape), outputs, pieces)[1]


# A sweep has one network for thousands of rates and seeds, and asks for it several times of each.
@lru_cache(maxsize=512)
def _architecture(written: str, input_shape: Shape, outputs: int, pieces: int) -> Architecture:
    """Return the same for a model that is written as JSON."""
    model = choice("model", json.loads(written))
    if model.name == "rnn":
        return _rnn(model.parameters, input_shape, outputs, pieces)
    declaration, plan = _declared(written, input_shape, outputs, pieces)
    own = iter(declaration.dropout_rates)
    rates = [step.rate for step in plan.dropouts]
    return Architecture(
        hidden=tuple(map(_layer, plan.hidden)),
        output=_layer(plan.output),
        dropout_rates=tuple(next(own) if rate is None else rate for rate in rates),
        stated_dropouts=frozenset(site for site, rate in enumerate(rates) if rate is not None),
        further_values=sum(map(_further_values, plan.walk())),
    )


@lru_cache(maxsize=512)
def _declared(
    written: str, input_shape: Shape, outputs: int, pieces: int
) -> tuple[Declaration, NetworkPlan]:
    """Return the layers of a model that is a list of layers, and their plan."""
    model = choice("model", json.loads(written))
    declaration = DECLARATIONS[model.name](model.parameters, input_shape)
    return declaration, plan_of_layers(declaration.layers, input_shape, outputs, pieces)


def _layer(step: WeightedStep) -> Layer:
    return Layer(
        name=step.name,
        inputs=step.fan_in,
        features=step.units * step.pieces,
        positions=step.positions,
        field=step.kernel_size**2,
        bias=step.bias,
    )


def _further_values(step: Step) -> int:
    """Return the values that a step keeps beside the z-values of weighted layers."""
    keeps = isinstance(step, ResidualStep | ActivationStep | NormalizationStep)
    return math.prod(step.outputs) if keeps else 0


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
