"""Products: dense layers, convolutions and cells multiply in the precision of their run.

Only products do: their operands are rounded to the type and so is their result, and the same holds
for the two products of a backward pass. Weights, activations, normalizations, dropout, losses and
the optimizer are float32, so the gradient of a weight that is used several times is summed in
float32. Sums within a product are float32. Where the next operations only choose among the numbers
of a convolution (relu, max-pooling), they may read it in the type (``widened`` is false): that
changes no bit.

A processor without instructions for the type multiplies in float32 what was rounded before, and
rounds the result: the product of two bfloat16 or float16 numbers is exact in float32, so this
differs from such instructions in the order of sums only. Torch's own kernels of these types take
6 to 50 times as long there (docs/performance.md).

Where torch's library is slow, large dense products of float32 numbers go through another one.

References:
    Micikevicius et al. 2018, Mixed precision training; Kalamkar et al. 2019, A study of bfloat16
    for deep learning training.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.nn import convolutions, onednn_products

#: Smaller operands are rounded anew for each product, which takes less time than to share a copy.
_WORTH_KEEPING = 16_384


@dataclass(frozen=True)
class Products:
    """How products are computed.

    Attributes:
        type: what operands and results are rounded to.
        native: whether operands are handed over in that type, rather than as float32 numbers that
            are rounded to it.
        by_onednn: whether large dense products go through oneDNN (``workers.nn.onednn_products``).
        packs_by_numpy: whether those of packs go through numpy
            (``workers.nn.packed.numpy_products``).
        biases_by_sums: whether the gradients of convolutions' biases are sums of torch's, not
            oneDNN's (``workers.nn.convolutions``).
    """

    type: torch.dtype = torch.float32
    native: bool = True
    by_onednn: bool = False
    packs_by_numpy: bool = False
    biases_by_sums: bool = False

    @property
    def narrow(self) -> bool:
        """Whether the type is narrower than float32, so that anything is rounded."""
        return self.type != torch.float32

    def emulated(self) -> Self:
        """Return the same products by float32 arithmetic on rounded numbers."""
        return replace(self, native=False)

    def operand(self, x: "Tensor | Repeated") -> Tensor:
        """Return what a product reads of ``x``; the gradient of ``x`` is rounded likewise."""
        if isinstance(x, Repeated):
            read: Tensor = _Read.apply(x.source, x.rounded, self.type)  # type: ignore[no-untyped-call]
            return read
        if not self.narrow:
            return x
        rounded = x.to(self.type)
        return rounded if self.native else rounded.to(torch.float32)

    def repeated(self, x: Tensor) -> "Tensor | Repeated":
        """Return ``x`` for several products, which round it once and keep one copy of it.

        The bits are those of rounding it for each product.
        """
        if not self.narrow or x.numel() < _WORTH_KEEPING:
            return x
        return Repeated(x, self.operand(x.detach()))

    def result(self, product: Tensor, *, widened: bool = True) -> Tensor:
        """Return a rounded product, as float32 or in the type; its gradient is rounded likewise."""
        if not self.narrow:
            return product
        rounded = product.to(self.type)
        return rounded.to(torch.float32) if widened else rounded

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x W^T + b for ``x`` (..., inputs) and ``weight`` (outputs, inputs)."""
        if self._goes_through_onednn(x, weight):
            return onednn_products.linear(x, weight, bias)
        return self.result(F.linear(self.operand(x), self.operand(weight), self._of(bias)))

    def convolution(  # noqa: PLR0917 - torch's own order
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...] = (1, 1),
        padding: str | tuple[int, ...] = (0, 0),
        groups: int = 1,
        *,
        widened: bool = True,
    ) -> Tensor:
        """Return ``x`` (batch, channels, height, width) convolved with the filters ``weight``."""
        if self.biases_by_sums and bias is not None and isinstance(padding, tuple):
            return convolutions.convolved(
                x, weight, bias, stride=stride, padding=padding, groups=groups
            )
        product = F.conv2d(
            self.operand(x),
            self.operand(weight),
            self._of(bias),
            stride=stride,
            padding=padding,
            groups=groups,
        )
        return self.result(product, widened=widened)

    def matmul(self, x: Tensor, y: "Tensor | Repeated") -> Tensor:
        """Return x y for two matrices."""
        if isinstance(y, Tensor) and self._goes_through_onednn(x, y):
            return onednn_products.linear(x, y.t(), None)
        return self.result(self.operand(x) @ self.operand(y))

    def addmm(self, addend: Tensor, x: Tensor, y: "Tensor | Repeated") -> Tensor:
        """Return addend + x y for three matrices, rounded once."""
        if isinstance(y, Tensor) and self._goes_through_onednn(x, y):
            return addend + onednn_products.linear(x, y.t(), None)
        return self.result(torch.addmm(self.operand(addend), self.operand(x), self.operand(y)))

    def _goes_through_onednn(self, x: Tensor, y: Tensor) -> bool:
        """Whether a product of ``x`` (..., n) and a matrix with n rows or columns does."""
        return self.by_onednn and x.numel() * y.numel() >= onednn_products.LEAST * x.shape[-1]

    def _of(self, bias: Tensor | None) -> Tensor | None:
        return None if bias is None else self.operand(bias)


@dataclass(frozen=True)
class Repeated:
    """An operand of several products.

    Attributes:
        source: what receives the gradients of all products, summed in float32.
        rounded: what they read.
    """

    source: Tensor
    rounded: Tensor


class _Read(torch.autograd.Function):
    """What a product reads of a repeated operand, with the gradient of having rounded it anew."""

    @staticmethod
    def forward(ctx: Any, _source: Tensor, rounded: Tensor, type: torch.dtype) -> Tensor:
        ctx.type = type
        return rounded.view_as(rounded)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.to(ctx.type).to(torch.float32), None, None


#: The products of a run that asks for nothing else.
FLOAT32 = Products()

#: The type of the numbers that products of each precision read. That of tf32 is float32: the device
#: rounds what it reads (``workers.training.devices.prepare``).
PRECISIONS: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "tf32": torch.float32,
    "float16": torch.float16,
}


class Dense(nn.Linear):
    """A dense layer.

    Attributes:
        products: how it multiplies.
    """

    products: Products = FLOAT32

    def forward(self, input: Tensor) -> Tensor:
        return self.products.linear(input, self.weight, self.bias)


class Convolution(nn.Conv2d):
    """A convolution.

    Attributes:
        products: how it multiplies.
    """

    products: Products = FLOAT32

    def forward(self, input: Tensor, *, widened: bool = True) -> Tensor:
        return self.convolved(input, self.stride, widened=widened)

    def convolved(
        self, x: Tensor, stride: tuple[int, ...] = (1, 1), *, widened: bool = True
    ) -> Tensor:
        """Return the convolution of ``x`` by the layer's filters."""
        return self.products.convolution(
            x, self.weight, self.bias, stride, self.padding, self.groups, widened=widened
        )


def use_products(network: nn.Module, products: Products) -> None:
    """Make every layer of a network multiply like this."""
    for module in network.modules():
        if hasattr(module, "products"):
            setattr(module, "products", products)  # noqa: B010 - its kinds share no base class
