"""Pruning: weights that are zero from the first step to the last.

References:
    Frankle & Carbin 2019, The lottery ticket hypothesis: finding sparse, trainable neural networks,
    section 1.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from workers.nn.models import Network


def largest(
    weights: Mapping[str, Tensor], keep: float, scope: Literal["layer", "global"]
) -> dict[str, Tensor]:
    """Return where weights are among the largest by magnitude: booleans of the same shapes.

    Of n weights round(keep * n) are, and at least one. Of equal ones the first are.

    Args:
        weights: of each layer, by name.
        keep: the share of the largest.
        scope: whether the share is of each layer, or of all together.
    """
    if scope == "layer":
        return {
            name: _largest(values.flatten(), keep).view(values.shape)
            for name, values in weights.items()
        }
    together = _largest(torch.cat([values.flatten() for values in weights.values()]), keep)
    parts = torch.split(together, [values.numel() for values in weights.values()])
    return {
        name: part.view(values.shape)
        for (name, values), part in zip(weights.items(), parts, strict=True)
    }


def _largest(values: Tensor, keep: float) -> Tensor:
    count = max(1, round(keep * len(values)))
    order = values.abs().argsort(descending=True, stable=True)
    return torch.zeros(len(values), dtype=torch.bool).index_fill_(0, order[:count], value=True)


def weights_of(network: Network) -> dict[str, Tensor]:
    """Return the weights of a network's layers by their names in it; biases are not among them."""
    weighted = [layer.weighted.weight for layer in network.hidden_layers()]
    layers = {id(weight) for weight in (*weighted, network.output.weight)}
    return {name: value for name, value in network.named_parameters() if id(value) in layers}


class Pruning:
    """Keeps weights of a network at zero.

    Their gradients are set to zero before anything reads them, so that clipping does not count
    them, and no optimizer moves a weight of zero whose gradients were all zero.

    Args:
        network: on its device.
        final: the weights that an earlier run of the same network ended with, by name.
        keep: the share of the weights that is left.
        scope: whether the share is of each layer, or of all together.
    """

    def __init__(
        self,
        network: Network,
        final: Mapping[str, Tensor],
        keep: float,
        scope: Literal["layer", "global"],
    ) -> None:
        weights = weights_of(network)
        kept = largest({name: final[name] for name in weights}, keep, scope)
        self._pruned = [(weight, ~kept[name].to(weight.device)) for name, weight in weights.items()]
        with torch.no_grad():
            for weight, pruned in self._pruned:
                weight.masked_fill_(pruned, 0.0)

    def stop_gradients(self) -> None:
        """Set the gradients of the pruned weights to zero; even one that is not finite."""
        for weight, pruned in self._pruned:
            if weight.grad is not None:
                weight.grad.masked_fill_(pruned, 0.0)
