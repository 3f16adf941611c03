"""Networks of a pack: the forward pass of all members at once.

In shapes K is the number of members, B of samples per member, I of inputs and O of outputs; images
have C channels, height H and width W.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from workers.nn.declared import (
    DeclaredNetwork,
    Dropping,
    Flattening,
    NetworkStep,
    StridedPoint,
    Weighted,
)
from workers.nn.models import HiddenLayer, Network
from workers.nn.names import below
from workers.nn.packed.activations import packed_activation
from workers.nn.packed.dense import dense, narrow_dense, room_like
from workers.nn.packed.dropouts import PackedDropout
from workers.nn.packed.layout import Layout
from workers.nn.packed.map_normalizations import (
    member_by_member,
    packed_map_normalization,
    side_by_side,
)
from workers.nn.packed.normalizations import PackedNormalization, packed_normalization
from workers.nn.packed.weights import weight_of
from workers.nn.pooling import Pooling
from workers.nn.products import FLOAT32, Products

#: Parameters or running statistics of a pack by their full names in a member's network.
Tensors = Mapping[str, Tensor]


class PackedNetwork:
    """The networks of a pack's members.

    Args:
        members: the network of each member. All have one shape and parts of one kind; their shapes
            and parts are read, not their weights.
        kinds: of the members' activations; equal for equal activations.
        device: where the pack computes.
        products: how layers multiply.

    Attributes:
        layout: of a member's parameters in a row.
        statistics: shapes of the running statistics, by their full names.
        sites: names of the dropout layers.
    """

    def __init__(
        self,
        members: Sequence[Network],
        kinds: Sequence[Hashable],
        device: torch.device,
        products: Products = FLOAT32,
    ) -> None:
        first = members[0]
        self._products = products
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


class PackedDeclared(PackedNetwork):
    """Declared networks without residual blocks.

    A dense layer is one batched matrix product. A convolution is a grouped one, with one group for
    each member: it takes (B, K C, H, W), and between convolutions the same memory is viewed as
    (K, B, C, H, W).
    """

    def __init__(
        self,
        members: Sequence[DeclaredNetwork],
        kinds: Sequence[Hashable],
        device: torch.device,
        products: Products = FLOAT32,
    ) -> None:
        super().__init__(members, kinds, device, products)
        self._steps = [part for step in members[0].steps for part in _parts(step)]
        if not all(isinstance(step, _PACKED) for step in self._steps):
            raise TypeError("Only a chain of layers has a packed form.")

    def forward(
        self,
        inputs: Tensor,
        parameters: Tensors,
        statistics: Tensors,
        keys: Tensor | None,
        gradients: Tensors | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        x = inputs
        moved: dict[str, Tensor] = {}
        layer = site = 0
        for step in self._steps:
            match step:
                case Weighted():
                    sums = self._sums(step.layer, x, parameters, gradients)
                    x, of_layer = self._finished(
                        layer, sums, parameters, statistics, keys is not None
                    )
                    moved |= of_layer
                    layer += 1
                case Dropping():
                    x = self._dropped(site, x, keys)
                    site += 1
                case Flattening():
                    x = _flattened(x)
                case Pooling():
                    x = member_by_member(step.pooled(side_by_side(x)), len(x))
        return self._dense("output", x, parameters, gradients), moved

    def _sums(
        self, layer: HiddenLayer, x: Tensor, parameters: Tensors, gradients: Tensors | None
    ) -> Tensor:
        if isinstance(layer.weighted, nn.Conv2d):
            return self._convolution(layer.name, layer.weighted, x, parameters)
        return self._dense(layer.name, x, parameters, gradients)

    def _dense(
        self, name: str, x: Tensor, parameters: Tensors, gradients: Tensors | None
    ) -> Tensor:
        weight, bias = weight_of(name, parameters), parameters[f"{name}.bias"]
        into = None
        if gradients is not None:
            own = gradients.get(f"{name}.weight")
            # Normalized weights are no parameters: their gradient is passed on to those they are
            # of.
            into = (
                room_like(weight, *weight.shape[1:]) if own is None else own,
                gradients[f"{name}.bias"],
            )
        if self._products.narrow:
            return narrow_dense(self._products, x, weight, bias, into)
        return dense(x, weight, bias, into, by_numpy=self._products.packs_by_numpy)

    def _convolution(self, name: str, layer: nn.Conv2d, x: Tensor, parameters: Tensors) -> Tensor:
        """Return (K, B, C, H, W) convolved with each member's own filters."""
        weight, bias = weight_of(name, parameters), parameters[f"{name}.bias"]
        wide, stride = side_by_side(x), layer.stride
        if isinstance(layer, StridedPoint):
            wide, stride = wide[:, :, :: stride[0], :: stride[1]], (1, 1)
        z = self._products.convolution(
            wide, weight.flatten(0, 1), bias.flatten(), stride, layer.padding, groups=len(x)
        )
        return member_by_member(z, len(x))

    def _dropped(self, at: int, x: Tensor, keys: Tensor | None) -> Tensor:
        """Return ``x`` dropped; the mask of images is drawn with the channels innermost."""
        if x.dim() != 5:
            return super()._dropped(at, x, keys)
        return super()._dropped(at, x.permute(0, 1, 3, 4, 2), keys).permute(0, 1, 4, 2, 3)


_PACKED = (Weighted, Dropping, Flattening, Pooling)


def _parts(step: NetworkStep) -> list[NetworkStep]:
    """Return a step as those that are computed one after the other.

    Activations are applied before the pooling, since some member's may not commute with it (see
    ``workers.nn.pooling.Pooling.activated``).
    """
    if isinstance(step, Weighted) and step.pooling is not None:
        return [replace(step, pooling=None), step.pooling]
    return [step]


def _flattened(x: Tensor) -> Tensor:
    """Return (K, B, C, H, W) as vectors, channels innermost; (K, B, ...) as they are."""
    if x.dim() == 5:
        return x.permute(0, 1, 3, 4, 2).reshape(*x.shape[:2], -1)
    return x.flatten(2)


def packed_network(
    members: Sequence[Network],
    kinds: Sequence[Hashable],
    device: torch.device,
    products: Products = FLOAT32,
) -> PackedNetwork:
    """Return the network of a pack; see ``PackedNetwork``.

    Raises:
        TypeError: there is no packed form of these networks.
    """
    first = members[0]
    if isinstance(first, DeclaredNetwork):
        declared = [member for member in members if isinstance(member, DeclaredNetwork)]
        return PackedDeclared(declared, kinds, device, products)
    raise TypeError(f"There is no packed form of {type(first).__name__}.")


def _normalization(layer: HiddenLayer) -> PackedNormalization:
    of_maps = isinstance(layer.weighted, nn.Conv2d)
    return (packed_map_normalization if of_maps else packed_normalization)(layer.normalization)
