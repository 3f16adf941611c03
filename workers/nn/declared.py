"""Declared networks: lists of steps, from convolutions to residual blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from workers.nn.activations import Activation
from workers.nn.cells import Cell
from workers.nn.dropouts import Dropout, Keys
from workers.nn.models import HiddenLayer, Network
from workers.nn.pooling import Pooling
from workers.nn.products import Convolution


class StridedPoint(Convolution):
    """A convolution of kernel size 1 that leaves out pixels: those are left out first.

    Torch's own (2.13, with MKL-DNN) writes beyond its memory in the backward pass where the tensors
    are channels-last and the channels no multiple of 8.
    """

    def forward(self, input: Tensor, *, widened: bool = True) -> Tensor:
        vertical, horizontal = self.stride
        kept = input[:, :, ::vertical, ::horizontal]
        return self.convolved(kept.contiguous(memory_format=torch.channels_last), widened=widened)


class NetworkStep(Protocol):
    """One step: images (batch, channels, height, width) or vectors (batch, features) to either."""

    def __call__(self, x: Tensor, keys: Keys | None, /) -> Tensor:
        """Return what the step makes of ``x``; ``keys`` are those of the dropout layers."""

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield its modules by their names in the network, in the order in which they compute."""


@dataclass(frozen=True)
class Weighted:
    """A convolution or a dense layer, and the max-pooling right after it.

    Attributes:
        layer: the weights with normalization and activation.
        number: in the names of its normalization and activation.
        pooling: computed before a monotone activation (``Pooling.activated``).
        read_by_product: whether the next weighted layer reads the result as it is, or a dropout's.
    """

    layer: HiddenLayer
    number: int
    pooling: Pooling | None = None
    read_by_product: bool = False

    def __call__(self, x: Tensor, _: Keys | None) -> Tensor:
        """Return the activations, pooled; not float32 if a product alone reads them so."""
        if self.layer.stays_narrow and self._first.chooses:
            narrow = self.layer.forward_narrow(x, self.pooling)
            return narrow if self.read_by_product else narrow.to(torch.float32)
        if self.pooling is None:
            return self.layer.forward(x)
        return self.layer.forward_pooled(x, self.pooling)

    @property
    def _first(self) -> Activation | Pooling:
        """What reads the z-values."""
        if self.pooling is not None and self.layer.activation.monotone:
            return self.pooling
        return self.layer.activation

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield weights, normalization and activation."""
        yield self.layer.name, self.layer.weighted
        yield f"normalization_{self.number}", self.layer.normalization
        yield f"activation_{self.number}", self.layer.activation


@dataclass(frozen=True)
class Flattening:
    """An image as a vector, row by row with the channels innermost, as Keras flattens."""

    def __call__(self, x: Tensor, _: Keys | None) -> Tensor:
        """Return the vector, (batch, height * width * channels)."""
        return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).flatten(1)

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield nothing: there is nothing to learn."""
        yield from ()


@dataclass(frozen=True)
class Dropping:
    """A dropout layer.

    The mask of an image is drawn with the channels innermost, so that it is the same before and
    after flattening.
    """

    dropout: Dropout

    def __call__(self, x: Tensor, keys: Keys | None) -> Tensor:
        """Return ``x`` with values dropped."""
        if x.dim() != 4:
            return self._dropped(x, keys)
        return self._dropped(x.permute(0, 2, 3, 1), keys).permute(0, 3, 1, 2)

    def _dropped(self, x: Tensor, keys: Keys | None) -> Tensor:
        dropped: Tensor = self.dropout(x, keys)
        return dropped

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the dropout."""
        yield self.dropout.site, self.dropout


@dataclass(frozen=True)
class Alone:
    """An activation or a normalization that belongs to no weighted layer.

    Attributes:
        name: in the network.
        module: the activation or the normalization.
    """

    name: str
    module: nn.Module

    def __call__(self, x: Tensor, _: Keys | None) -> Tensor:
        """Return what the module makes of ``x``."""
        made: Tensor = self.module(x)
        return made

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the module."""
        yield self.name, self.module


@dataclass(frozen=True)
class Residual:
    """Steps whose result is added to their input, then an activation.

    Attributes:
        steps: of the inside.
        shortcut: the projection of the input; None: the input itself.
        name: of the activation in the network.
        activation: of the sum.

    References:
        He et al. 2016, equations 1 and 2.
    """

    steps: Sequence[NetworkStep]
    shortcut: Weighted | None
    name: str
    activation: Activation

    def __call__(self, x: Tensor, keys: Keys | None) -> Tensor:
        """Return the activation of the sum."""
        passed = x if self.shortcut is None else self.shortcut(x, keys)
        activations: Tensor = self.activation(passed + through(self.steps, x, keys))
        return activations

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the modules of the shortcut, of the inside, and the activation."""
        if self.shortcut is not None:
            yield from self.shortcut.modules()
        for step in self.steps:
            yield from step.modules()
        yield self.name, self.activation


def through(steps: Sequence[NetworkStep], x: Tensor, keys: Keys | None) -> Tensor:
    """Return what steps make of ``x``, one after the other."""
    for step in steps:
        x = step(x, keys)
    return x


class DeclaredNetwork(Network):
    """A network of steps.

    With convolutions its tensors are channels-last in memory, which is 1.3 times faster on a CPU.

    Args:
        steps: before the output layer.
        output: the output layer.

    Attributes:
        steps: before the output layer.
    """

    def __init__(self, steps: Sequence[NetworkStep], output: nn.Linear) -> None:
        super().__init__()
        self.steps = tuple(steps)
        named = [found for step in steps for found in step.modules()]
        self._convolves = any(isinstance(module, nn.Conv2d) for _, module in named)
        if self._convolves:
            # Activations first: the order of parameters decides the last bits of a gradient's
            # norm, and mnist_cnn has always had this one.
            named.sort(key=lambda found: not isinstance(found[1], Activation))
        for name, module in named:
            self.add_module(name, module)
        self.output = output
        self.normalize_weights()
        if self._convolves:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, inputs: Tensor, keys: Keys | None = None) -> Tensor:
        x = inputs
        if self._convolves and inputs.shape[1] > 1:
            x = inputs.contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.output(through(self.steps, x, keys))
        return logits

    def hidden_layers(self) -> list[HiddenLayer]:
        return [weighted.layer for weighted in _weighted(self.steps)]

    def following(self) -> list[nn.Linear | nn.Conv2d | Cell | None]:
        return [*_following(self.steps, self.output)]


def _weighted(steps: Sequence[NetworkStep]) -> Iterator[Weighted]:
    for step in steps:
        if isinstance(step, Residual):
            if step.shortcut is not None:
                yield step.shortcut
            yield from _weighted(step.steps)
        elif isinstance(step, Weighted):
            yield step


def _following(
    steps: Sequence[NetworkStep], last: nn.Linear | None
) -> Iterator[nn.Linear | nn.Conv2d | Cell | None]:
    """Yield what reads each weighted layer alone; None where that is a sum, or several layers."""
    readers: list[nn.Linear | nn.Conv2d | Cell | None] = [last]
    for step in reversed(steps):
        if isinstance(step, Residual):
            readers.append(None)
        elif isinstance(step, Weighted):
            readers.append(step.layer.weighted)
    readers.reverse()
    for step in steps:
        if isinstance(step, Residual):
            if step.shortcut is not None:
                yield None
            yield from _following(step.steps, None)
            readers.pop(0)
        elif isinstance(step, Weighted):
            readers.pop(0)
            yield readers[0]
