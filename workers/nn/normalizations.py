"""Normalizations: what stands between a layer's z-values and its activation."""

from collections.abc import Callable

from torch import nn

#: From a layer's features (units or channels) to the module that normalizes its z-values.
Normalization = Callable[[int], nn.Module]


def none() -> Normalization:
    """Leave the z-values as they are."""
    return lambda _: nn.Identity()


NORMALIZATIONS: dict[str, Callable[..., Normalization]] = {"none": none}
