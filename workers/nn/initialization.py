"""Initialization: fills the weights and biases of a network by its initializers."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workers.nn.initializers import Initializer, LsuvInitializer
from workers.nn.normalizations import set_weight

#: The layers that have weights to draw.
Weighted = nn.Linear | nn.Conv2d

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
) -> None:
    """Fill the weights and biases of a network's dense and convolution layers, in place.

    All other parameters (of normalizations and activations) keep their initial values.

    Args:
        network: its last layer is named ``output``.
        weight: draws every weight except the output layer's.
        output_weight: draws the output layer's weight.
        bias: draws every bias.
        stream: from a parameter's full name to a generator of its own, so that the draw of one
            layer does not depend on the layers before it.
        inputs: training samples (samples, *input_shape) on the network's device, on which ``lsuv``
            measures z-values. The other initializers do not use them.
    """
    measured = []
    for name, layer in network.named_modules():
        if isinstance(layer, Weighted):
            draw = output_weight if name == "output" else weight
            set_weight(layer, _drawn(layer.weight, draw, stream(f"{name}.weight")))
            if layer.bias is not None:
                layer.bias.copy_(_drawn(layer.bias, bias, stream(f"{name}.bias")))
            if isinstance(draw, LsuvInitializer):
                measured.append(layer)
    if measured:
        unit_variance(network, measured, inputs)


def _drawn(parameter: Tensor, draw: Initializer, generator: np.random.Generator) -> Tensor:
    drawn = torch.from_numpy(draw(tuple(parameter.shape), generator))
    return drawn.to(parameter.device, parameter.dtype)


@torch.no_grad()
def unit_variance(network: nn.Module, layers: Sequence[Weighted], inputs: Tensor) -> None:
    """Scale the weights of layers, in place, so that their outputs have unit variance.

    One pass through the network: each layer is scaled when the pass reaches it, and the next layer
    receives its scaled output. The variance is over all elements of the layer's output, before any
    normalization. A layer is linear and its bias, one constant, does not change the variance, so
    one division is exact. The paper iterates (up to ten times, to a tolerance of 0.1) because its
    mini-batches change.

    Nothing is dropped. Normalizations use the statistics of the batch, as in training, and keep
    their running statistics. A layer whose output does not vary (its inputs are all dead) or is not
    finite is left unscaled.

    Args:
        network: from ``inputs`` to its output.
        layers: of the network, those to scale.
        inputs: (samples, *input_shape), on the network's device.

    References:
        Mishkin & Matas 2015, algorithm 1.
    """
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    hooks = [layer.register_forward_hook(_scale) for layer in layers]
    training = network.training
    network.train()(inputs)
    network.train(training)
    for hook in hooks:
        hook.remove()
    for buffer, before in buffers:
        buffer.copy_(before)


def _scale(layer: Weighted, _: tuple[Tensor], z: Tensor) -> Tensor:
    """Divide a layer's weight by the standard deviation of its output; return its new output."""
    deviation, mean = torch.std_mean(z, correction=0)
    if not _ROUNDING * mean.abs() < deviation < math.inf:
        return z
    set_weight(layer, layer.weight / deviation)
    if layer.bias is None:
        return z / deviation
    # The bias stays: bias + (z - bias) / deviation.
    return torch.lerp(layer.bias.view(-1, *[1] * (z.dim() - 2)), z, 1 / deviation)
