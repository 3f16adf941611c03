"""Initialization: fills the weights and biases of a network by its initializers."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workers.nn.cells import Cell
from workers.nn.initializers import Initializer, LsuvInitializer, StandardizedInitializer
from workers.nn.normalizations import set_weight

#: The layers that have weights to draw.
Weighted = nn.Linear | nn.Conv2d

#: A forward hook that rescales a layer and returns its new output.
Rescale = Callable[[Any, Any, Any], Any]

#: Outputs whose spread is below this share of their mean differ only by float32's rounding.
_ROUNDING = 1e-6


@torch.no_grad()
def initialize(
    network: nn.Module,
    *,
    weight: Initializer,
    output_weight: Initializer,
    bias: Initializer,
    stream: Callable[[str], np.random.Generator],
    inputs: Tensor,
    own_weights: Mapping[str, Initializer] = MappingProxyType({}),
    own_biases: Mapping[str, Initializer] = MappingProxyType({}),
    recurrent_weight: Initializer | None = None,
) -> None:
    """Fill the weights and biases of a network's layers, in place.

    All other parameters (of normalizations and activations) keep their initial values.

    Args:
        network: its last layer is named ``output``.
        weight: draws every weight except the output layer's.
        output_weight: draws the output layer's weight.
        bias: draws every bias.
        stream: from a parameter's full name to a generator of its own, so that the draw of one
            layer does not depend on the layers before it.
        inputs: training samples (samples, *input_shape) on the network's device, on which ``lsuv``
            and ``data_dependent`` measure z-values. The other initializers do not use them.
        own_weights: draws the weights of a layer that has an initializer of its own, by its name.
        own_biases: the same of biases.
        recurrent_weight: draws what recurrent layers multiply their state by.
    """
    rescaled: dict[Weighted, Rescale] = {}
    for name, layer in network.named_modules():
        if isinstance(layer, Cell) and recurrent_weight is not None:
            _fill(layer, name, weight, recurrent_weight, stream)
            layer.bias.copy_(_drawn(layer.bias, bias, stream(f"{name}.bias")))
            if layer.forget_bias is not None:
                layer.gate("forget", layer.bias).fill_(layer.forget_bias)
        elif isinstance(layer, Weighted):
            draw = output_weight if name == "output" else own_weights.get(name, weight)
            set_weight(layer, _drawn(layer.weight, draw, stream(f"{name}.weight")))
            if layer.bias is not None:
                draw_bias = own_biases.get(name, bias)
                layer.bias.copy_(_drawn(layer.bias, draw_bias, stream(f"{name}.bias")))
            if isinstance(draw, LsuvInitializer):
                rescaled[layer] = _scale
            elif isinstance(draw, StandardizedInitializer):
                rescaled[layer] = _standardize
    if rescaled:
        rescale(network, rescaled, inputs)


def _fill(
    cell: Cell,
    name: str,
    weight: Initializer,
    recurrent_weight: Initializer,
    stream: Callable[[str], np.random.Generator],
) -> None:
    """Draw a recurrent layer's weights, those of each gate by themselves.

    So the fans are those of one gate, and an orthogonal matrix is that of one gate. Keras draws all
    gates as one matrix.
    """
    for gate in cell.gates:
        of_gate = cell.gate(gate, cell.weight)
        of_inputs, of_state = torch.split(of_gate, [cell.inputs, cell.units], 1)
        of_inputs.copy_(_drawn(of_inputs, weight, stream(f"{name}.weight.{gate}")))
        of_state.copy_(_drawn(of_state, recurrent_weight, stream(f"{name}.recurrent.{gate}")))


def _drawn(parameter: Tensor, draw: Initializer, generator: np.random.Generator) -> Tensor:
    drawn = torch.from_numpy(draw(tuple(parameter.shape), generator))
    return drawn.to(parameter.device, parameter.dtype)


@torch.no_grad()
def rescale(network: nn.Module, layers: Mapping[Weighted, Rescale], inputs: Tensor) -> None:
    """Rescale the weights of layers on data, in place, each by its own rule.

    One pass through the network: each layer is rescaled when the pass reaches it, and the next
    layer receives its new output. Variances are those of a layer's output, before any
    normalization.

    Nothing is dropped. Normalizations use the statistics of the batch, as in training, and keep
    their running statistics.

    Args:
        network: from ``inputs`` to its output.
        layers: of the network, those to rescale, with their rules.
        inputs: (samples, *input_shape), on the network's device.
    """
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    hooks = [layer.register_forward_hook(rule) for layer, rule in layers.items()]
    training = network.training
    network.train()(inputs)
    network.train(training)
    for hook in hooks:
        hook.remove()
    for buffer, before in buffers:
        buffer.copy_(before)


def _scale(layer: Weighted, _: tuple[Tensor], z: Tensor) -> Tensor:
    """Divide a layer's weight by the standard deviation of its output; return its new output.

    The variance is over all elements of the output. A layer is linear and its bias, one constant,
    does not change the variance, so one division is exact. The paper iterates (up to ten times, to
    a tolerance of 0.1) because its mini-batches change. A layer whose output does not vary (its
    inputs are all dead) or is not finite is left as it is.

    References:
        Mishkin & Matas 2015, algorithm 1.
    """
    deviation, mean = torch.std_mean(z, correction=0)
    if not _ROUNDING * mean.abs() < deviation < math.inf:
        return z
    set_weight(layer, layer.weight / deviation)
    if layer.bias is None:
        return z / deviation
    # The bias stays: bias + (z - bias) / deviation.
    return torch.lerp(layer.bias.view(-1, *[1] * (z.dim() - 2)), z, 1 / deviation)


def _standardize(layer: Weighted, _: tuple[Tensor], z: Tensor) -> Tensor:
    """Give each unit z-values of unit variance whose mean is its bias; return the new output.

    Each unit's weights are divided by the standard deviation of its output over samples and pixels,
    and its bias becomes its old bias minus the mean that is then left. A unit whose output does not
    vary or is not finite is left as it is.

    References:
        Krähenbühl et al. 2015, algorithm 1.
    """
    others = [0, *range(2, z.dim())]
    deviation, mean = torch.std_mean(z, others, correction=0)
    varies = (_ROUNDING * mean.abs() < deviation) & (deviation < math.inf)
    divisor = torch.where(varies, deviation, 1.0)
    per_unit = (-1, *[1] * (z.dim() - 2))
    set_weight(layer, layer.weight / divisor.view(-1, *[1] * (layer.weight.dim() - 1)))
    if layer.bias is None:
        return z / divisor.view(per_unit)
    new = torch.where(varies, layer.bias - (mean - layer.bias) / divisor, layer.bias)
    found = (z - layer.bias.view(per_unit)) / divisor.view(per_unit) + new.view(per_unit)
    layer.bias.copy_(new)
    return found
