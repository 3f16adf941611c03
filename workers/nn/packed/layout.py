"""Layout: where each parameter of a network is in a member's row."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from workers.nn.packed.dense import ALIGNMENT


@dataclass(frozen=True)
class Layout:
    """The order of a network's parameters in one row.

    All parameters of a pack are one matrix (K, width) with a row for each member, so that an
    optimizer or a clipping takes a few operations for any network. Every parameter is aligned;
    the gaps between them are zeros with zero gradients.

    Attributes:
        shapes: of each parameter, by its full name, in the order of the network.
    """

    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, network: nn.Module) -> Self:
        """Return the layout of a network."""
        return cls({name: tuple(weight.shape) for name, weight in network.named_parameters()})

    @property
    def width(self) -> int:
        """Number of elements of a row."""
        return sum(map(_padded, self.shapes.values()))

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the parameters in rows (K, width) by their names, each (K, *shape), as views."""
        sizes = []
        for shape in self.shapes.values():
            size = math.prod(shape)
            sizes += [size, _padded(shape) - size]
        parts = torch.split(rows, sizes, dim=1)[::2]
        return {
            name: part.view(len(rows), *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def row(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return a network's parameters as one row: (width,)."""
        row = torch.zeros(self.width)
        for name, place in self.views(row.unsqueeze(0)).items():
            place[0].copy_(parameters[name].detach())
        return row

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """Return the parameters in a row (width,) by their names, as views."""
        return {name: view[0] for name, view in self.views(row.unsqueeze(0)).items()}


def _padded(shape: tuple[int, ...]) -> int:
    return -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
