"""Networks of a pack: the forward pass of all members at once.

Shapes: K members, B samples each, I inputs, O outputs; of images C channels, H and W.
"""

from collections.abc import Hashable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.nn.models import HiddenLayer, Mlp, MnistCnn, Network
from workers.nn.names import below
from workers.nn.packed.activations import packed_activation
from workers.nn.packed.dense import dense
from workers.nn.packed.dropouts import PackedDropout
from workers.nn.packed.layout import Layout
from workers.nn.packed.normalizations import (
    PackedNormalization,
    member_by_member,
    packed_map_normalization,
    packed_normalization,
    side_by_side,
)

#: Parameters or running statistics of a pack by their full names in a member's network.
Tensors = Mapping[str, Tensor]


class PackedNetwork:
    """The networks of a pack's members.

    Args:
        members: one network each, of one shape and with parts of one kind; they are read for
            their shape and their parts, never for their weights.
        kinds: of the members' activations: equal where they are alike.
        device: where the pack computes.
    """

    def __init__(
        self, members: Sequence[Network], kinds: Sequence[Hashable], device: torch.device
    ) -> None:
        first = members[0]
        self.layout = Layout.of(first)
        self.statistics = {name: each.shape for name, each in first.named_buffers()}
        hidden = [each.hidden_layers() for each in members]
        self._names = [each.name for each in hidden[0]]
        self._activations = [
            packed_activation([layer.activation for layer in layers], kinds)
            for layers in zip(*hidden, strict=True)
        ]
        self._normalizations = [_normalization(each) for each in hidden[0]]
        dropouts = [each.dropouts() for each in members]
        self._dropouts = [PackedDropout(site, device) for site in zip(*dropouts, strict=True)]
        self.sites = [each.site for each in dropouts[0]]

    @property
    def draws(self) -> bool:
        """Whether anything is dropped at random."""
        return any(each.drops for each in self._dropouts)

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensors,
        statistics: Tensors,
        keys: Tensor | None,
        gradients: Tensors | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give the logits of every member.

        Args:
            inputs: (K, B, *sample).
            parameters: (K, *shape) each.
            statistics: running ones, (K, features) each.
            keys: (sites, K, 2) int64, the keys of the dropout layers; without them the network
                evaluates: nothing is dropped, and running statistics are read.
            gradients: where a backward pass puts those of dense layers, (K, *shape) each; None
                where none will follow.

        Returns:
            Logits (K, B, outputs), and the running statistics as they are after this batch.
        """
        raise NotImplementedError

    def _normalized(
        self, at: int, z: Tensor, parameters: Tensors, statistics: Tensors, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        prefix = f"normalization_{at + 1}."
        normalized, moved = self._normalizations[at](
            z, below(prefix, parameters), below(prefix, statistics), training
        )
        return normalized, {prefix + name: each for name, each in moved.items()}

    def _activated(self, at: int, z: Tensor, parameters: Tensors) -> Tensor:
        return self._activations[at](z, below(f"activation_{at + 1}.", parameters))

    def _dropped(self, at: int, x: Tensor, keys: Tensor | None) -> Tensor:
        dropout = self._dropouts[at]
        return x if keys is None or not dropout.drops else dropout(x, keys[at])


class PackedMlp(PackedNetwork):
    """Dense networks: one batched matrix product a layer."""

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensors,
        statistics: Tensors,
        keys: Tensor | None,
        gradients: Tensors | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        x = inputs.flatten(2)
        moved: dict[str, Tensor] = {}
        for at, name in enumerate(self._names):
            z = _dense(name, x, parameters, gradients)
            z, of_layer = self._normalized(at, z, parameters, statistics, keys is not None)
            moved |= of_layer
            x = self._dropped(at, self._activated(at, z, parameters), keys)
        return _dense("output", x, parameters, gradients), moved


class PackedCnn(PackedNetwork):
    """The networks of ``MnistCnn``: grouped convolutions, a group a member.

    Convolutions take (B, K C, H, W); between them the same memory is seen as (K, B, C, H, W).
    """

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensors,
        statistics: Tensors,
        keys: Tensor | None,
        gradients: Tensors | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        members, samples = inputs.shape[:2]
        training = keys is not None
        z = _convolution("conv_1", inputs, parameters)
        z, moved = self._normalized(0, z, parameters, statistics, training)
        z = _convolution("conv_2", self._activated(0, z, parameters), parameters)
        z, of_layer = self._normalized(1, z, parameters, statistics, training)
        moved |= of_layer
        # The activation comes after the pooling only where all commute with it (see
        # ``workers.nn.models.max_pooled``); of a pack's members some may not.
        pooled = F.max_pool2d(side_by_side(self._activated(1, z, parameters)), 2)
        x = member_by_member(pooled, members).permute(0, 1, 3, 4, 2).reshape(members, samples, -1)
        z = _dense("dense_1", self._dropped(0, x, keys), parameters, gradients)
        z, of_layer = self._normalized(2, z, parameters, statistics, training)
        moved |= of_layer
        x = self._dropped(1, self._activated(2, z, parameters), keys)
        return _dense("output", x, parameters, gradients), moved


def packed_network(
    members: Sequence[Network], kinds: Sequence[Hashable], device: torch.device
) -> PackedNetwork:
    """Give the network of a pack; see ``PackedNetwork``.

    Raises:
        TypeError: there is no form for packs of such networks.
    """
    first = members[0]
    if isinstance(first, Mlp):
        return PackedMlp(members, kinds, device)
    if isinstance(first, MnistCnn):
        return PackedCnn(members, kinds, device)
    raise TypeError(f"There is no form for packs of this {type(first).__name__}.")


def _normalization(layer: HiddenLayer) -> PackedNormalization:
    of_maps = isinstance(layer.weighted, nn.Conv2d)
    return (packed_map_normalization if of_maps else packed_normalization)(layer.normalization)


def _dense(name: str, x: Tensor, parameters: Tensors, gradients: Tensors | None) -> Tensor:
    weight, bias = f"{name}.weight", f"{name}.bias"
    into = None if gradients is None else (gradients[weight], gradients[bias])
    return dense(x, parameters[weight], parameters[bias], into)


def _convolution(name: str, x: Tensor, parameters: Tensors) -> Tensor:
    """Convolve (K, B, C, H, W) by each member's own filters."""
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    z = F.conv2d(side_by_side(x), weight.flatten(0, 1), bias.flatten(), groups=len(x))
    return member_by_member(z, len(x))
