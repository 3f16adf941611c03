"""From a network to an ONNX graph: traced in torch's own operators, each of which has its nodes.

A network is traced on a batch of a size that nothing else has, without computing anything. Where
that size stands in a shape, the graph has whatever the batch has. What depends on no input is
computed here and stored, such as the weights of weight normalization.
"""

import operator
from typing import Any

import torch
from torch import Tensor, fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from workers.exports.graph import GraphBuilder, Value
from workers.exports.operators import BATCH, OPERATORS, Call
from workers.nn.models import Network


class UnknownOperatorError(Exception):
    """The network computes something for which there are no nodes."""


def add_network(
    graph: GraphBuilder, network: Network, inputs: Value, shape: tuple[int, ...]
) -> Value:
    """Add a network in evaluation to a graph and return its logits.

    Args:
        graph: under construction.
        network: with its weights, on the CPU.
        inputs: preprocessed, (batch, *shape), single precision.
        shape: of one sample.

    Raises:
        UnknownOperatorError: the network computes something that has no nodes here.
    """
    network.eval()
    with FakeTensorMode(allow_non_fake_inputs=True):
        batch = torch.empty(BATCH, *shape)  # a shape without numbers: it may be larger than memory
    with torch.no_grad():
        traced = make_fx(network, tracing_mode="fake", _allow_non_fake_inputs=True)(batch)
    known: dict[fx.Node, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            known[node] = inputs
        elif node.op == "get_attr":
            known[node] = getattr(traced, str(node.target)).detach()
        elif node.op == "call_function":
            known[node] = _computed(graph, node, known)
        elif node.op == "output":
            (made,) = node.all_input_nodes
            logits: Value = known[made]
            return logits
    raise UnknownOperatorError("The network has no output.")


def _computed(graph: GraphBuilder, node: fx.Node, known: dict[fx.Node, Any]) -> Any:
    arguments: Any = fx.map_arg(node.args, known.__getitem__)
    options: Any = fx.map_arg(node.kwargs, known.__getitem__)
    if node.target is operator.getitem:
        return arguments[0][arguments[1]]
    name = str(node.target)
    if not any(isinstance(found, Value) for found in _flat((arguments, options))):
        if name == "aten.expand.default":  # one row for the whole batch is broadcast later
            arguments = (arguments[0], [1 if size == BATCH else size for size in arguments[1]])
        with torch.no_grad():
            return node.target(*arguments, **options)  # type: ignore[operator]
    if name not in OPERATORS:
        raise UnknownOperatorError(f"{name} has no nodes in ONNX here.")
    return OPERATORS[name](Call(graph, arguments, options, _shape_of(node)))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [found for item in value for found in _flat(item)]
    return _flat(list(value.values())) if isinstance(value, dict) else [value]


def _shape_of(node: fx.Node) -> tuple[int, ...]:
    """Return the shape of what a node computes; of several tensors, that of the first."""
    made = node.meta["val"]
    first = made[0] if isinstance(made, list | tuple) else made
    return tuple(first.shape) if isinstance(first, Tensor) else ()
