"""Sizes: what each layer of a planned network has and costs."""

from dataclasses import dataclass

from service.fields import Location
from service.specs.choices import Choice
from service.specs.plans import (
    ActivationStep,
    DropoutStep,
    NetworkPlan,
    NormalizationStep,
    ResidualStep,
    Shape,
    Step,
    WeightedStep,
)


@dataclass(frozen=True)
class LayerSize:
    """One layer of a network.

    Attributes:
        name: in layer statistics and weights; of a layer that has neither, its catalog's.
        layer: its name in the catalog's axis ``layer``.
        place: of the declared layer, from the model's value on; empty for the output layer.
        inputs: shape of what it reads.
        outputs: shape of what it makes.
        parameters: all that it learns, with those of its normalization and activation.
        multiply_adds: of one sample's forward pass.
    """

    name: str
    layer: str
    place: Location
    inputs: Shape
    outputs: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class NetworkSizes:
    """The layers of a network, the output last."""

    layers: tuple[LayerSize, ...]

    @property
    def parameters(self) -> int:
        """All that the network learns."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """The cost of one sample's forward pass."""
        return sum(layer.multiply_adds for layer in self.layers)


def sizes_of(plan: NetworkPlan, activation: Choice, normalization: Choice) -> NetworkSizes:
    """Return the sizes of a network's layers, in the order in which they compute.

    Args:
        plan: of the network.
        activation: the spec's, of layers that state none.
        normalization: the spec's, of layers that state none.
    """
    hidden = [_size(step, activation, normalization) for step in plan.walk()]
    weights = _weights(plan.output)
    output = _layer_size("output", plan.output, weights, _products(plan.output))
    return NetworkSizes((*hidden, output))


def _size(step: Step, activation: Choice, normalization: Choice) -> LayerSize:
    match step:
        case WeightedStep():
            learned = [
                _weights(step),
                _of_activation(step.activation or activation, step.units),
                _of_normalization(step, step.normalization or normalization),
            ]
            return _layer_size(step.name, step, sum(learned), _products(step))
        case ActivationStep() | ResidualStep():
            learnt = _of_activation(step.activation or activation, step.outputs[0])
            named = isinstance(step, ActivationStep)
            return _layer_size(f"activation_{step.number}" if named else step.layer, step, learnt)
        case NormalizationStep():
            found = _norm_parameters((step.normalization or normalization).name, step.inputs[0])
            return _layer_size(f"normalization_{step.number}", step, found)
        case DropoutStep():
            return _layer_size(f"dropout_{step.site + 1}", step)
        case _:
            return _layer_size(step.layer, step)


def _layer_size(name: str, step: Step, parameters: int = 0, multiply_adds: int = 0) -> LayerSize:
    return LayerSize(
        name, step.layer, step.place, step.inputs, step.outputs, parameters, multiply_adds
    )


def _weights(step: WeightedStep) -> int:
    return (step.fan_in + step.bias) * step.units * step.pieces


def _products(step: WeightedStep) -> int:
    return step.fan_in * step.units * step.pieces * step.positions


def _of_activation(activation: Choice, units: int) -> int:
    return units if activation.name == "prelu" else 0


def _of_normalization(step: WeightedStep, normalization: Choice) -> int:
    after = step.normalized_after
    if after is None:
        after = normalization.parameters.get("position") == "after_activation"
    if normalization.name == "weight":  # a length of each row of weights
        return step.units * step.pieces
    return _norm_parameters(normalization.name, step.units * (1 if after else step.pieces))


def _norm_parameters(normalization: str, features: int) -> int:
    match normalization:
        case "none" | "weight":
            return 0
        case "rms":
            return features
        case "switchable":  # and the weights of three means and three variances
            return 2 * features + 6
        case _:
            return 2 * features
