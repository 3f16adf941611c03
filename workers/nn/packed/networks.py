"""Networks of a pack: the forward pass of all members at once.

In shapes K is the number of members, B of samples per member, I of inputs and O of outputs; images
have C channels, height H and width W.
"""

from collections.abc import Hashable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.nn.models import HiddenLayer, Mlp, MnistCnn, Network
from workers.nn.names import below
from workers.nn.packed.activations import packed_activation
from workers.nn.packed.dense import dense, room_like
from workers.nn.packed.dropouts import PackedDropout
from workers.nn.packed.layout import Layout
from workers.nn.packed.map_normalizations import (
    member_by_member,
    packed_map_normalization,
    side_by_side,
)
from workers.nn.packed.normalizations import PackedNormalization, packed_normalization
from workers.nn.packed.weights import weight_of

#: Parameters or running statistics of a pack by their full names in a member's network.
Tensors = Mapping[str, Tensor]


class PackedNetwork:
    """The networks of a pack's members.

    Args:
        members: the network of each member. All have one shape and parts of one kind; their shapes
            and parts are read, not their weights.
        kinds: of the members' activations; equal for equal activations.
        device: where the pack computes.

    Attributes:
        layout: of a member's parameters in a row.
        statistics: shapes of the running statistics, by their full names.
        sites: names of the dropout layers.
    """

    def __init__(
        self, members: Sequence[Network], kinds: Sequence[Hashable], device: torch.device
    ) -> None:
        first = members[0]
        self.layout = Layout.of(first)
        self.statistics = {name: buffer.shape for name, buffer in first.named_buffers()}
        hidden = [network.hidden_layers() for network in members]
        self._names = [layer.name for layer in hidden[0]]
        self._activations = [
            packed_activation([layer.activation for layer in layers], kinds)
            for layers in zip(*hidden, strict=True)
        ]
        self._normalizations = [_normalization(layer) for layer in hidden[0]]
        self._normalized_after = [layer.normalized_after for layer in hidden[0]]
        dropouts = [network.dropouts() for network in members]
        self._dropouts = [PackedDropout(site, device) for site in zip(*dropouts, strict=True)]
        self.sites = [dropout.site for dropout in dropouts[0]]

    @property
    def draws(self) -> bool:
        """Whether anything is dropped at random."""
        return any(dropout.drops for dropout in self._dropouts)

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensors,
        statistics: Tensors,
        keys: Tensor | None,
        gradients: Tensors | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the logits of every member, and the new running statistics.

        Args:
            inputs: (K, B, *sample).
            parameters: (K, *shape) each.
            statistics: running statistics, (K, features) each; not changed.
            keys: (sites, K, 2) int64, the keys of the dropout layers; None for evaluation: nothing
                is dropped, and running statistics are used.
            gradients: tensors that a backward pass writes the gradients of dense layers to,
                (K, *shape) each; None where no backward pass follows.

        Returns:
            Logits (K, B, outputs), and those running statistics that this batch moves.
        """
        raise NotImplementedError

    def _finished(
        self, at: int, sums: Tensor, parameters: Tensors, statistics: Tensors, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what a layer makes of its weighted sums, and the statistics that this moves."""
        if self._normalized_after[at]:
            activations = self._activated(at, sums, parameters)
            return self._normalized(at, activations, parameters, statistics, training)
        z, moved = self._normalized(at, sums, parameters, statistics, training)
        return self._activated(at, z, parameters), moved

    def _normalized(
        self, at: int, z: Tensor, parameters: Tensors, statistics: Tensors, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        prefix = f"normalization_{at + 1}."
        normalized, moved = self._normalizations[at](
            z, below(prefix, parameters), below(prefix, statistics), training
        )
        return normalized, {prefix + name: value for name, value in moved.items()}

    def _activated(self, at: int, z: Tensor, parameters: Tensors) -> Tensor:
        return self._activations[at](z, below(f"activation_{at + 1}.", parameters))

    def _dropped(self, at: int, x: Tensor, keys: Tensor | None) -> Tensor:
        dropout = self._dropouts[at]
        return x if keys is None or not dropout.drops else dropout(x, keys[at])


class PackedMlp(PackedNetwork):
    """Dense networks: one batched matrix product per layer."""

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
            sums = _dense(name, x, parameters, gradients)
            x, of_layer = self._finished(at, sums, parameters, statistics, keys is not None)
            moved |= of_layer
            x = self._dropped(at, x, keys)
        return _dense("output", x, parameters, gradients), moved


class PackedMnistCnn(PackedNetwork):
    """``MnistCnn`` networks: grouped convolutions, with one group for each member.

    Convolutions take (B, K C, H, W); between them the same memory is viewed as (K, B, C, H, W).
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
        sums = _convolution("conv_1", inputs, parameters)
        x, moved = self._finished(0, sums, parameters, statistics, training)
        sums = _convolution("conv_2", x, parameters)
        # Activations are applied before the pooling, since some member's may not commute with it
        # (see ``workers.nn.models.max_pooled``).
        x, of_layer = self._finished(1, sums, parameters, statistics, training)
        moved |= of_layer
        pooled = F.max_pool2d(side_by_side(x), 2)
        x = member_by_member(pooled, members).permute(0, 1, 3, 4, 2).reshape(members, samples, -1)
        sums = _dense("dense_1", self._dropped(0, x, keys), parameters, gradients)
        x, of_layer = self._finished(2, sums, parameters, statistics, training)
        moved |= of_layer
        x = self._dropped(1, x, keys)
        return _dense("output", x, parameters, gradients), moved


def packed_network(
    members: Sequence[Network], kinds: Sequence[Hashable], device: torch.device
) -> PackedNetwork:
    """Return the network of a pack; see ``PackedNetwork``.

    Raises:
        TypeError: there is no packed form of these networks.
    """
    first = members[0]
    if isinstance(first, Mlp):
        return PackedMlp(members, kinds, device)
    if isinstance(first, MnistCnn):
        return PackedMnistCnn(members, kinds, device)
    raise TypeError(f"There is no packed form of {type(first).__name__}.")


def _normalization(layer: HiddenLayer) -> PackedNormalization:
    of_maps = isinstance(layer.weighted, nn.Conv2d)
    return (packed_map_normalization if of_maps else packed_normalization)(layer.normalization)


def _dense(name: str, x: Tensor, parameters: Tensors, gradients: Tensors | None) -> Tensor:
    weight, bias = weight_of(name, parameters), parameters[f"{name}.bias"]
    into = None
    if gradients is not None:
        own = gradients.get(f"{name}.weight")
        # Normalized weights are no parameters: their gradient is passed on to those they are of.
        into = (
            room_like(weight, *weight.shape[1:]) if own is None else own,
            gradients[f"{name}.bias"],
        )
    return dense(x, weight, bias, into)


def _convolution(name: str, x: Tensor, parameters: Tensors) -> Tensor:
    """Return (K, B, C, H, W) convolved with each member's own filters."""
    weight, bias = weight_of(name, parameters), parameters[f"{name}.bias"]
    z = F.conv2d(side_by_side(x), weight.flatten(0, 1), bias.flatten(), groups=len(x))
    return member_by_member(z, len(x))
