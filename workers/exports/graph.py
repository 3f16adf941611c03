"""An ONNX graph under construction: nodes, constants, and the names of values."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

#: Of the operators: the first that has all that is used here.
OPSET = 20
#: The version of the file format that belongs to it.
_IR_VERSION = 9


@dataclass(frozen=True)
class Value:
    """A tensor that is computed from the inputs, by its name in the graph."""

    name: str


#: What an operator reads: a computed tensor, a known one, or a number.
Operand = Value | Tensor | float | int | bool


class GraphBuilder:
    """Adds nodes one after the other; each constant is stored once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._count = 0

    def add(self, kind: str, *operands: Operand, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return its value, or the list of its values where it has several.

        Args:
            kind: of the operator.
            *operands: what it reads; numbers are of single precision.
            outputs: how many values it has.
            **attributes: of the operator.
        """
        names = [f"{kind.lower()}_{self._count}_{place}" for place in range(outputs)]
        self._count += 1
        read = [self._named(operand) for operand in operands]
        self._nodes.append(helper.make_node(kind, read, names, **attributes))
        values = [Value(name) for name in names]
        return values[0] if outputs == 1 else values

    def numbers(self, values: Sequence[int]) -> Tensor:
        """Return whole numbers, as axes and shapes are told."""
        return torch.tensor(list(values), dtype=torch.int64)

    def rename(self, value: Value, name: str) -> Value:
        """Return a value under a name of its own."""
        self._nodes.append(helper.make_node("Identity", [value.name], [name]))
        return Value(name)

    def model(
        self,
        inputs: Sequence[tuple[str, int, Sequence[int | str]]],
        outputs: Sequence[tuple[str, int, Sequence[int | str]]],
        metadata: dict[str, str],
    ) -> bytes:
        """Return the whole model as bytes, checked by ONNX.

        Args:
            inputs: name, type of elements, and shape of each.
            outputs: the same of each.
            metadata: texts by their names.
        """
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(*described) for described in inputs],
            [helper.make_tensor_value_info(*described) for described in outputs],
            list(self._constants.values()),
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION
        )
        model.producer_name = "actinium"
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def constant(self, array: NDArray[Any]) -> Value:
        """Return a constant of the array's own type."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self._names:
            name = f"constant_{len(self._constants)}"
            self._constants[name] = numpy_helper.from_array(array, name)
            self._names[key] = name
        return Value(self._names[key])

    def _named(self, operand: Operand) -> str:
        if isinstance(operand, Value):
            return operand.name
        if isinstance(operand, Tensor):
            return self.constant(operand.detach().cpu().numpy()).name
        return self.constant(np.array(operand, np.float32)).name


FLOAT, DOUBLE = int(TensorProto.FLOAT), int(TensorProto.DOUBLE)
