"""A trained network as an ONNX model: raw inputs in, logits and probabilities out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.datasets.preprocessings import FittedPreprocessing
from workers.datasets.targets import TargetScale
from workers.exports.graph import DOUBLE, FLOAT, OPSET, GraphBuilder, Value
from workers.exports.tracing import add_network
from workers.nn.models import Network

INPUT, LOGITS, PROBABILITIES, VALUES = "input", "logits", "probabilities", "values"
_BATCH = "batch"


@dataclass(frozen=True)
class Shapes:
    """What a model reads and tells.

    Attributes:
        stored: shape of one sample before the preprocessing.
        network: shape of one sample after it.
        classes: how many there are; 0 where the targets are numbers.
    """

    stored: Sequence[int]
    network: Sequence[int]
    classes: int


def onnx_model(
    network: Network,
    preprocessing: FittedPreprocessing,
    targets: TargetScale | None,
    *,
    shapes: Shapes,
    are_pixels: bool,
    metadata: dict[str, str],
) -> bytes:
    """Return a network with its preprocessing as the bytes of an ONNX model.

    Its input ``input`` is (batch, *stored shape) in the units of the data set: single precision for
    pixels, double for all else, whose digits the preprocessing needs. Its outputs are ``logits``,
    (batch, outputs), and ``probabilities``, (batch, classes), in single precision; where the
    targets are numbers ``values``, (batch, 1), in the target's units and double precision instead.

    Args:
        network: with its weights, on the CPU.
        preprocessing: as it was fitted for the training.
        targets: their scale, likewise; None where they are classes.
        shapes: of its input and its outputs.
        are_pixels: whether the inputs are pixels.
        metadata: texts that are kept in the file; the opset is added.

    Raises:
        UnknownOperatorError: the network computes something that has no nodes here.
    """
    graph = GraphBuilder()
    given = FLOAT if are_pixels else DOUBLE
    x = _preprocessed(graph, Value(INPUT), given, preprocessing, shapes)
    logits = add_network(graph, network, x, tuple(shapes.network))
    outputs = network.output.weight.shape[0]
    graph.rename(logits, LOGITS)
    told: tuple[str, int, Sequence[int | str]]
    if targets is None:
        graph.rename(_probabilities(graph, logits, outputs), PROBABILITIES)
        told = (PROBABILITIES, FLOAT, [_BATCH, shapes.classes])
    else:
        graph.rename(_values(graph, logits, targets), VALUES)
        told = (VALUES, DOUBLE, [_BATCH, 1])
    return graph.model(
        [(INPUT, given, [_BATCH, *shapes.stored])],
        [(LOGITS, FLOAT, [_BATCH, outputs]), told],
        {**metadata, "opset": str(OPSET)},
    )


def _preprocessed(
    graph: GraphBuilder, x: Value, given: int, fitted: FittedPreprocessing, shapes: Shapes
) -> Value:
    """Add a preprocessing; each step has the precision that it has in a training."""
    if fitted.mean is None:
        if given != FLOAT:
            x = graph.add("Cast", x, to=FLOAT)
        return x if fitted.largest is None else graph.add("Div", x, float(fitted.largest))
    if given != DOUBLE:
        x = graph.add("Cast", x, to=DOUBLE)
    if len(shapes.stored) > 1:
        x = graph.add("Reshape", x, graph.numbers([-1, math.prod(shapes.stored)]))
    if fitted.largest is not None:
        x = graph.add("Div", x, graph.constant(np.array(fitted.largest, np.float64)))
    x = graph.add("Sub", x, graph.constant(fitted.mean))
    if fitted.divisor is not None:
        x = graph.add("Div", x, graph.constant(fitted.divisor))
    if fitted.matrix is not None:
        x = graph.add("MatMul", x, graph.constant(fitted.matrix))
    x = graph.add("Cast", x, to=FLOAT)
    if len(shapes.network) > 1:
        x = graph.add("Reshape", x, graph.numbers([-1, *shapes.network]))
    return x


def _probabilities(graph: GraphBuilder, logits: Value, outputs: int) -> Value:
    if outputs > 1:
        softmax: Value = graph.add("Softmax", logits, axis=1)
        return softmax
    of_one = graph.add("Sigmoid", logits)
    both: Value = graph.add("Concat", graph.add("Sub", 1.0, of_one), of_one, axis=1)
    return both


def _values(graph: GraphBuilder, outputs: Value, targets: TargetScale) -> Value:
    deviation, mean = (
        graph.constant(np.array(number, np.float64)) for number in (targets.deviation, targets.mean)
    )
    spread = graph.add("Mul", graph.add("Cast", outputs, to=DOUBLE), deviation)
    values: Value = graph.add("Add", spread, mean)
    return values
