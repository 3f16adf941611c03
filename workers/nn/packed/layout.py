"""Layout: where the parameters of a network lie in a member's row."""

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

    All parameters of a pack are one matrix (K, width), a row a member, so that an optimizer or a
    clipping is a few operations whatever the network has. Every parameter is aligned; between
    them lie zeros, whose gradients are zero.

    Attributes:
        shapes: of each parameter, by its full name, in the order of the network.
    """

    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, network: nn.Module) -> Self:
        """Read the layout of a network."""
        return cls({name: tuple(each.shape) for name, each in network.named_parameters()})

    @property
    def width(self) -> int:
        """Elements of a row."""
        return sum(map(_padded, self.shapes.values()))

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """See rows (K, width) as parameters, each (K, *shape), without copying."""
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
        """Put a network's parameters into one row: (width,)."""
        row = torch.zeros(self.width)
        for name, each in self.views(row.unsqueeze(0)).items():
            each[0].copy_(parameters[name].detach())
        return row

    def named(self, row: Tensor) -> dict[str, Tensor]:
        """Give the parameters of a row (width,) their names, as views."""
        return {name: each[0] for name, each in self.views(row.unsqueeze(0)).items()}


def _padded(shape: tuple[int, ...]) -> int:
    return -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
