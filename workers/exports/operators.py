"""Torch's operators as nodes of ONNX: one small function for each that a network can compute."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workers.exports.graph import GraphBuilder, Operand, Value

#: The batch that networks are traced with: a prime that is no size of a layer.
BATCH = 10_007

_END = 2**63 - 1


@dataclass(frozen=True)
class Call:
    """One call of an operator of torch.

    Attributes:
        graph: under construction.
        arguments: values of the graph, tensors and numbers.
        options: those by name.
        shape: of the result, or of the first of several.
    """

    graph: GraphBuilder
    arguments: Sequence[Any]
    options: Mapping[str, Any]
    shape: tuple[int, ...]

    def __getitem__(self, place: int) -> Any:
        return self.arguments[place]

    def get(self, place: int, default: Any) -> Any:
        """Return an argument that may have been left out."""
        return self.arguments[place] if place < len(self.arguments) else default

    def add(self, kind: str, *operands: Operand, **attributes: Any) -> Any:
        """Add a node to the graph."""
        return self.graph.add(kind, *operands, **attributes)

    def reshaped(self, value: Operand, shape: Sequence[int]) -> Value:
        """Return a value in another shape, in which one size may have the batch in it."""
        sizes = [-1 if size % BATCH == 0 and size else size for size in shape]
        reshaped: Value = self.add("Reshape", value, self.graph.numbers(sizes))
        return reshaped


#: From a call to what it returns: a value, or a list of values.
Nodes = Callable[[Call], Any]


def _same(kind: str) -> Nodes:
    return lambda call: call.add(kind, *call.arguments[:2])


def _unary(kind: str) -> Nodes:
    return lambda call: call.add(kind, call[0])


def _passed(call: Call) -> Any:
    return call[0]


def _sum(kind: str) -> Nodes:
    def nodes(call: Call) -> Any:
        alpha = call.options.get("alpha", 1)
        second = call[1] if alpha == 1 else call.add("Mul", call[1], float(alpha))
        return call.add(kind, call[0], second)

    return nodes


def _power(call: Call) -> Any:
    if call[1] == 2:
        return call.add("Mul", call[0], call[0])
    return call.add("Pow", call[0], float(call[1]))


def _addmm(call: Call) -> Any:
    added, left, right = call[0], call[1], call[2]
    if isinstance(added, Tensor) and added.dim() == 1:
        return call.add("Gemm", left, right, added)
    # The states before the first step are one row for the whole batch, which Gemm refuses.
    return call.add("Add", added, call.add("MatMul", left, right))


def _addcmul(call: Call) -> Any:
    product = call.add("Mul", call[1], call[2])
    if (scale := call.options.get("value", 1)) != 1:
        product = call.add("Mul", product, float(scale))
    return call.add("Add", call[0], product)


def _lerp(call: Call) -> Any:
    way = call.add("Mul", call[2], call.add("Sub", call[1], call[0]))
    return call.add("Add", call[0], way)


def _rsqrt(call: Call) -> Any:
    return call.add("Reciprocal", call.add("Sqrt", call[0]))


def _expm1(call: Call) -> Any:
    return call.add("Sub", call.add("Exp", call[0]), 1.0)


def _log1p(call: Call) -> Any:
    return call.add("Log", call.add("Add", call[0], 1.0))


def _silu(call: Call) -> Any:
    return call.add("Mul", call[0], call.add("Sigmoid", call[0]))


def _gelu(call: Call) -> Any:
    return call.add("Gelu", call[0], approximate=call.options.get("approximate", "none"))


def _elu(call: Call) -> Any:
    """Scale times elu, as torch has it for elu and selu."""
    elu = call.add("Elu", call[0], alpha=float(call.get(1, 1.0)))
    scale = float(call.get(2, 1.0))
    return elu if scale == 1 else call.add("Mul", elu, scale)


def _celu(call: Call) -> Any:
    return call.add("Celu", call[0], alpha=float(call.get(1, 1.0)))


def _leaky_relu(call: Call) -> Any:
    return call.add("LeakyRelu", call[0], alpha=float(call.get(1, 0.01)))


def _hardtanh(call: Call) -> Any:
    return call.add("Clip", call[0], float(call.get(1, -1.0)), float(call.get(2, 1.0)))


def _clamp(call: Call) -> Any:
    value = call[0]
    for kind, bound in (("Max", call.get(1, None)), ("Min", call.get(2, None))):
        if bound is not None:
            value = call.add(kind, value, bound if isinstance(bound, Value) else _single(bound))
    return value


def _single(number: Any) -> Any:
    return number if isinstance(number, Tensor) else float(number)


def _where(call: Call) -> Any:
    return call.add("Where", call[0], _single_of(call[1]), _single_of(call[2]))


def _single_of(operand: Any) -> Any:
    return operand.float() if isinstance(operand, Tensor) else operand


def _convolution(call: Call) -> Any:
    x, weight, bias, stride, padding, dilation, _, _, groups = call.arguments
    operands = [x, weight] if bias is None else [x, weight, bias]
    return call.add(
        "Conv",
        *operands,
        strides=list(stride),
        pads=[*padding, *padding],
        dilations=list(dilation),
        group=groups,
    )


def _max_pool(call: Call) -> Any:
    size = call[1]
    return [call.add("MaxPool", call[0], kernel_shape=size, strides=call.get(2, size)), None]


def _avg_pool(call: Call) -> Any:
    size = call[1]
    return call.add("AveragePool", call[0], kernel_shape=size, strides=call.get(2, size))


def _reduced(kind: str) -> Nodes:
    def nodes(call: Call) -> Any:
        axes = call.get(1, None)
        axes = [axes] if isinstance(axes, int) else list(axes)
        keep = int(call.get(2, False))
        return call.add(kind, call[0], call.graph.numbers(axes), keepdims=keep)

    return nodes


def _max_along(call: Call) -> Any:
    return [_reduced("ReduceMax")(call), None]


def _view(call: Call) -> Any:
    return call.reshaped(call[0], call.shape)


def _expand(call: Call) -> Any:
    """The shape with a batch of one, which what follows broadcasts."""
    sizes = [1 if size % BATCH == 0 else size for size in call.shape]
    return call.add("Expand", call[0], call.graph.numbers(sizes))


def _permute(call: Call) -> Any:
    rank = len(call.shape)
    return call.add("Transpose", call[0], perm=[place % rank for place in call[1]])


def _transpose(call: Call) -> Any:
    order = list(range(len(call.shape)))
    first, second = (place % len(order) for place in (call.get(1, 0), call.get(2, 1)))
    order[first], order[second] = order[second], order[first]
    return call.add("Transpose", call[0], perm=order)


def _unsqueeze(call: Call) -> Any:
    return call.add("Unsqueeze", call[0], call.graph.numbers([call[1] % len(call.shape)]))


def _squeeze(call: Call) -> Any:
    axes = [call[1]] if isinstance(call[1], int) else list(call[1])
    return call.add("Squeeze", call[0], call.graph.numbers(axes))


def _slice(call: Call) -> Any:
    axis, start, stop, step = call.get(1, 0), call.get(2, 0), call.get(3, _END), call.get(4, 1)
    bounds = (start or 0, _END if stop is None else stop, axis, step)
    return call.add("Slice", call[0], *(call.graph.numbers([number]) for number in bounds))


def _select(call: Call) -> Any:
    return call.add("Gather", call[0], torch.tensor(call[2]), axis=call[1])


def _unbind(call: Call) -> Any:
    axis = call.get(1, 0)
    # The shape is that of the first part; how many there are is told by who reads them.
    return _Parts(call, axis)


class _Parts:
    """The parts of a value along an axis, each made when it is read."""

    def __init__(self, call: Call, axis: int) -> None:
        self._call = call
        self._axis = axis

    def __getitem__(self, place: int) -> Any:
        return self._call.add("Gather", self._call[0], torch.tensor(place), axis=self._axis)


def _split(call: Call) -> Any:
    return _Pieces(call, call[1], call.get(2, 0))


class _Pieces:
    """The pieces of a value along an axis, each made when it is read."""

    def __init__(self, call: Call, sizes: int | Sequence[int], axis: int) -> None:
        self._call = call
        self._sizes = sizes
        self._axis = axis

    def __getitem__(self, place: int) -> Any:
        if isinstance(self._sizes, int):
            start, stop = place * self._sizes, (place + 1) * self._sizes
        else:
            start, stop = sum(self._sizes[:place]), sum(self._sizes[: place + 1])
        numbers = [self._call.graph.numbers([at]) for at in (start, stop, self._axis)]
        return self._call.add("Slice", self._call[0], *numbers)


def _stack(call: Call) -> Any:
    axis = call.get(1, 0) % len(call.shape)
    parts = [call.add("Unsqueeze", part, call.graph.numbers([axis])) for part in call[0]]
    return call.add("Concat", *parts, axis=axis)


def _cat(call: Call) -> Any:
    return call.add("Concat", *call[0], axis=call.get(1, 0))


def _softmax(call: Call) -> Any:
    return call.add("Softmax", call[0], axis=call[1])


def _batch_norm(call: Call) -> Any:
    x, weight, bias, mean, variance, *_, epsilon = _batch_norm_arguments(call)
    return [call.add("BatchNormalization", x, weight, bias, mean, variance, epsilon=epsilon)] * 5


def _batch_norm_arguments(call: Call) -> list[Any]:
    """Return values, scale, shift, mean, variance and epsilon of either form of the operator."""
    arguments = list(call.arguments)
    return [*arguments[:5], next(found for found in arguments[::-1] if isinstance(found, float))]


def _layer_norm(call: Call) -> Any:
    x, shape, weight, bias, epsilon = call.arguments
    made = call.add("LayerNormalization", x, weight, bias, axis=-len(shape), epsilon=float(epsilon))
    return [made, None, None]


def _group_norm(call: Call) -> Any:
    """Each sample over groups of features and all their positions, by its two moments."""
    x, weight, bias, _, features, _, groups, epsilon = call.arguments
    grouped = call.add("Reshape", x, call.graph.numbers([0, groups, -1]))
    axes = call.graph.numbers([2])
    deviations = call.add("Sub", grouped, call.add("ReduceMean", grouped, axes, keepdims=1))
    squares = call.add("Mul", deviations, deviations)
    variance = call.add("ReduceMean", squares, axes, keepdims=1)
    deviation = call.add("Sqrt", call.add("Add", variance, float(epsilon)))
    normalized = call.reshaped(call.add("Div", deviations, deviation), call.shape)
    shape = [features, *[1] * (len(call.shape) - 2)]
    scaled = call.add("Mul", normalized, weight.reshape(shape))
    return [call.add("Add", scaled, bias.reshape(shape)), None, None]


def _prelu(call: Call) -> Any:
    slope = call[1]
    return call.add("PRelu", call[0], slope.reshape(slope.shape[1:]) if slope.dim() > 1 else slope)


def _zeros(call: Call) -> Any:
    """Zeros with a batch of one: a value of the graph, for what follows asks for the batch."""
    sizes = [1 if size % BATCH == 0 else size for size in call.shape]
    return call.graph.constant(np.zeros(sizes, np.float32))


_NAMED: dict[str, Nodes] = {
    **{
        name: _unary(kind)
        for name, kind in {
            "abs": "Abs",
            "atan": "Atan",
            "cos": "Cos",
            "cosh": "Cosh",
            "erf": "Erf",
            "exp": "Exp",
            "log": "Log",
            "mish": "Mish",
            "neg": "Neg",
            "reciprocal": "Reciprocal",
            "relu": "Relu",
            "sigmoid": "Sigmoid",
            "sign": "Sign",
            "sin": "Sin",
            "sinh": "Sinh",
            "softplus": "Softplus",
            "sqrt": "Sqrt",
            "tanh": "Tanh",
        }.items()
    },
    "add.Tensor": _sum("Add"),
    "sub.Tensor": _sum("Sub"),
    "mul.Tensor": _same("Mul"),
    "div.Tensor": _same("Div"),
    "maximum": _same("Max"),
    "minimum": _same("Min"),
    "mm": _same("MatMul"),
    "pow.Tensor_Scalar": _power,
    "pow.Tensor_Tensor": _same("Pow"),
    "pow.Scalar": _same("Pow"),
    "addmm": _addmm,
    "addcmul": _addcmul,
    "lerp.Tensor": _lerp,
    "rsqrt": _rsqrt,
    "expm1": _expm1,
    "log1p": _log1p,
    "silu": _silu,
    "gelu": _gelu,
    "elu": _elu,
    "celu": _celu,
    "leaky_relu": _leaky_relu,
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "_prelu_kernel": _prelu,
    "where.self": _where,
    **{
        f"{name}.{form}": _same(kind)
        for name, kind in {
            "eq": "Equal",
            "ge": "GreaterOrEqual",
            "gt": "Greater",
            "le": "LessOrEqual",
            "lt": "Less",
        }.items()
        for form in ("Scalar", "Tensor")
    },
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool,
    "amax": _reduced("ReduceMax"),
    "mean.dim": _reduced("ReduceMean"),
    "sum.dim_IntList": _reduced("ReduceSum"),
    "max.dim": _max_along,
    "view": _view,
    "_unsafe_view": _view,
    "reshape": _view,
    "expand": _expand,
    "permute": _permute,
    "transpose.int": _transpose,
    "t": _transpose,
    "unsqueeze": _unsqueeze,
    "squeeze.dim": _squeeze,
    "slice.Tensor": _slice,
    "select.int": _select,
    "unbind.int": _unbind,
    "split.Tensor": _split,
    "split_with_sizes": _split,
    "stack": _stack,
    "cat": _cat,
    "_softmax": _softmax,
    "native_group_norm": _group_norm,
    "native_layer_norm": _layer_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "native_batch_norm": _batch_norm,
    "new_zeros": _zeros,
    **dict.fromkeys(("clone", "detach", "alias", "contiguous", "_to_copy"), _passed),
}

#: By the names that torch gives its operators.
OPERATORS: dict[str, Nodes] = {
    f"aten.{name}" if "." in name else f"aten.{name}.default": nodes
    for name, nodes in _NAMED.items()
}
