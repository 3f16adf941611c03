"""What the theory looks at in a configuration: nothing that only matters once training begins."""

import math
from dataclasses import dataclass
from typing import Any, cast

from service.mean_field.inputs import inputs_of
from service.mean_field.moments import ActivationMoments, moments_of
from service.mean_field.propagation import Inputs, Normalized
from service.mean_field.weight_variances import Fans, weight_variance
from service.specs.architectures import Layer
from service.specs.choices import Choice
from service.specs.plans import PoolingStep, WeightedStep
from service.specs.resolution import network_of, planned_network
from service.specs.spec import RunConfig

#: Units that a group needs for its mean and variance to be those of theory.
_GROUP = 8


_NOT_RANDOM = {"constant", "ones", "identity"}


class UnpredictableError(Exception):
    """Theory says nothing of a configuration: the sentence says why."""


@dataclass(frozen=True)
class InitialNetwork:
    """A network as it is initialized, in the terms of the theory.

    Attributes:
        moments: of its activation.
        layers: names of its layers, the output last.
        weight_variances: sigma_w^2 of each layer, NaN of an output that theory does not cover
            (constant, or scaled on data); None where the weights are scaled so that all
            z-values have unit variance (lsuv).
        shift: the constant that all biases are.
        normalized: how hidden layers are normalized.
        inputs: moments of the data.
        pooled: whether there is a max-pooling.
    """

    moments: ActivationMoments
    layers: tuple[str, ...]
    weight_variances: tuple[float, ...] | None
    shift: float
    normalized: Normalized
    inputs: Inputs
    pooled: bool


def initial_network(config: RunConfig) -> InitialNetwork:
    """Return the network of a configuration.

    Raises:
        UnpredictableError: theory says nothing of it.
    """
    if config.model.name == "rnn":
        raise UnpredictableError(
            "The theory here is of layers that a signal passes once, and recurrent layers pass it "
            "on from step to step."
        )
    if config.ticket is not None:
        raise UnpredictableError(
            "The theory here is of all weights of a layer, and a ticket takes most of them away."
        )
    moments = moments_of(config.activation.name, config.activation.parameters)
    if moments is None:
        raise UnpredictableError(f"The theory here has no function for {config.activation.name}.")
    _check_chain(config)
    architecture = network_of(config.dataset, config.model, config.activation)
    convolution = architecture.hidden[0].field > 1
    return InitialNetwork(
        moments=moments,
        layers=tuple(layer.name for layer in architecture.layers),
        weight_variances=_weight_variances(config, architecture.layers),
        shift=_constant(config.bias_initializer),
        normalized=_normalized(config.normalization, architecture.hidden),
        inputs=_inputs(config.dataset, convolution=convolution),
        pooled=_is_pooled(config),
    )


def _check_chain(config: RunConfig) -> None:
    """Raise an error unless all layers are alike, one after the other.

    Raises:
        UnpredictableError: the network is no such chain.
    """
    plan = planned_network(config.dataset, config.model, config.activation)
    if plan is None:
        return
    if not plan.hidden:
        raise UnpredictableError("The network has no hidden layer.")
    if not plan.is_chain:
        raise UnpredictableError(
            "The theory here is of layers one after the other: not of residual blocks, nor of "
            "activations and normalizations that belong to no layer."
        )
    if any(map(_differs, plan.hidden)):
        raise UnpredictableError(
            "The theory here is of layers that all have the spec's activation, normalization and "
            "initializers, and some of these have their own."
        )


def _differs(step: WeightedStep) -> bool:
    """Whether a layer is not as the spec's axes alone would make it."""
    own = (step.activation, step.normalization, step.initializer, step.bias_initializer)
    plain = step.bias and step.groups == 1 and step.normalized_after is None
    return not plain or any(stated is not None for stated in own)


def _is_pooled(config: RunConfig) -> bool:
    plan = planned_network(config.dataset, config.model, config.activation)
    return plan is not None and any(isinstance(step, PoolingStep) for step in plan.steps)


def _constant(bias_initializer: Choice) -> float:
    if bias_initializer.name == "ones":
        return 1.0
    return float(bias_initializer.parameters.get("value", 0.0))


def _inputs(dataset: Choice, *, convolution: bool) -> Inputs:
    preprocessing = cast("Choice", dataset.parameters["preprocessing"])
    return inputs_of(dataset.name, preprocessing.name, convolution=convolution)


def _weight_variances(config: RunConfig, layers: tuple[Layer, ...]) -> tuple[float, ...] | None:
    if config.initializer.name == "lsuv":
        return None
    hidden = [_weight_variance(config.initializer, layer) for layer in layers[:-1]]
    # Nothing that is predicted of the hidden layers depends on the output's weights.
    output = _scaled_variance(config.output_initializer, layers[-1])
    return (*hidden, math.nan if output is None else output)


def _weight_variance(initializer: Choice, layer: Layer) -> float:
    variance = _scaled_variance(initializer, layer)
    if variance is None and initializer.name in _NOT_RANDOM:
        alike = initializer.name != "identity"
        copies = ": the units of a layer are copies of one another" if alike else ""
        raise UnpredictableError(
            f"The theory is of random weights, and {initializer.name} draws none{copies}."
        )
    if variance is None:
        raise UnpredictableError(
            "The theory is of weights whose mean is zero and whose variance is known before any "
            f"data, and those of {initializer} are not."
        )
    if variance == 0:
        raise UnpredictableError("All weights are zero: no signal leaves the inputs.")
    return variance


def _scaled_variance(initializer: Choice, layer: Layer) -> float | None:
    """Return fan-in times the variance of a weight; None where the fans do not decide it."""
    fans = Fans(layer.inputs, layer.features * layer.field, layer.features)
    variance = weight_variance(initializer.name, initializer.parameters, fans)
    return None if variance is None else layer.inputs * variance


def _normalized(normalization: Choice, hidden: tuple[Layer, ...]) -> Normalized:
    if normalization.parameters.get("position") == "after_activation":
        raise UnpredictableError("There is no theory here of activations that are normalized.")
    match normalization.name:
        case "none" | "weight":  # weights are normalized to the lengths that they are drawn with
            return "none"
        case "batch":
            return "batch"
        case "layer":
            return "layer"
        case "instance" if all(layer.positions == 1 for layer in hidden):
            return "layer"
        case "group" if _smallest_group(normalization.parameters, hidden) >= _GROUP:
            return "layer"
        case "group":
            raise UnpredictableError(
                f"Groups of fewer than {_GROUP} values are too small for the theory of wide layers."
            )
        case _:
            raise UnpredictableError(
                f"There is no theory of the normalization {normalization.name} here."
            )


def _smallest_group(parameters: dict[str, Any], hidden: tuple[Layer, ...]) -> float:
    groups: int = parameters["groups"]
    return min(layer.features * layer.positions / groups for layer in hidden)
