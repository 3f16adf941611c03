"""Planning: from declared layers to the steps of their network, with every shape between them.

Convolutions and dense layers carry the spec's activation and normalization. An ``activation`` layer
before the next of them means that the one before carries none itself, and so for a
``normalization`` layer: a list reads like the code of a network.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast

from service.catalog.axes import AXES
from service.catalog.entry import ActivationEntry
from service.fields import Location
from service.specs.choices import Choice, choice
from service.specs.plans import (
    ActivationStep,
    ArchitectureError,
    DropoutStep,
    FlattenStep,
    NetworkPlan,
    NormalizationStep,
    PoolingStep,
    ResidualStep,
    Shape,
    Step,
    WeightedStep,
)

_NAMES = {"convolution": "conv", "dense": "dense"}

#: Layers that begin anew: what follows one of them belongs to it.
_OWNERS = {*_NAMES, "residual"}


def pieces_of(activation: Choice) -> int:
    """Return how many z-values a unit of an activation reads."""
    entry = cast("ActivationEntry", AXES["activation"][activation.name])
    return int(activation.parameters.get("pieces", entry.pieces))


def plan_of_layers(
    layers: Sequence[Choice], input_shape: Sequence[int], outputs: int, pieces: int
) -> NetworkPlan:
    """Return the plan of a declared network.

    Args:
        layers: entries of the axis ``layer``.
        input_shape: of one sample.
        outputs: units of the output layer.
        pieces: z-values that a unit of the spec's activation reads.

    Raises:
        ArchitectureError: shapes do not meet; its place begins with ``layers``.
    """
    planner = _Planner(pieces)
    steps = planner.sequence(layers, tuple(input_shape), ("layers",), in_block=False)
    shape = steps[-1].outputs if steps else tuple(input_shape)
    if len(shape) != 1:
        found = _made(layers, len(layers), shape)
        raise ArchitectureError(
            f"The output layer needs a vector, and {found}. End with flatten or global_pooling.",
            ("layers",),
        )
    output = WeightedStep(
        layer="dense",
        place=(),
        inputs=shape,
        outputs=(outputs,),
        name="output",
        number=0,
        units=outputs,
    )
    return NetworkPlan(tuple(steps), output)


@dataclass(frozen=True)
class Owned:
    """The activation and normalization of a convolution, a dense layer or a block.

    Attributes:
        taken: how many of the layers right after it are these two.
        activation: stated; None: the spec's.
        normalization: stated; None: the spec's.
        normalized_after: whether the activations are normalized; None: by its own position.
        stated: the activation that it states, itself or by the layer right after it.
    """

    taken: int
    activation: Choice | None
    normalization: Choice | None
    normalized_after: bool | None
    stated: Choice | None


def owned_by(layers: Sequence[Choice], at: int, *, in_block: bool) -> Owned:
    """Return what belongs to the convolution, the dense layer or the block at a place of a list.

    Args:
        layers: the list.
        at: the place.
        in_block: whether it is the list of a residual block, whose last layer has no activation.
    """
    given = layers[at].parameters
    following = list(takewhile(lambda other: other.name not in _OWNERS, layers[at + 1 :]))
    right_after = _right_after(given, following)
    kinds = [other.name for other in right_after]
    elsewhere = {other.name for other in following} - {*kinds}
    stated = given["activation"]
    if "activation" in kinds:
        stated = right_after[kinds.index("activation")].parameters["activation"]
    activation, has_none = stated, False
    if given["activation"] is None and "activation" not in kinds:
        is_last = at + 1 + len(following) == len(layers)
        has_none = "activation" in elsewhere or (in_block and is_last)
        activation = choice("activation", "identity") if has_none else None
    normalization, after = given.get("normalization"), None
    if "normalization" in kinds:
        normalization = right_after[kinds.index("normalization")].parameters["normalization"]
        after = kinds == ["activation", "normalization"] or (len(kinds) == 1 and not has_none)
    elif normalization is None and "normalization" in elsewhere:
        normalization = choice("normalization", "none")
    return Owned(len(kinds), activation, normalization, after, stated)


def _right_after(given: Mapping[str, Any], following: Sequence[Choice]) -> list[Choice]:
    """Return the layers right after another one that are its own activation and normalization."""
    found: list[Choice] = []
    for other in following:
        is_open = other.name in given and given[other.name] is None
        if not is_open or any(other.name == own.name for own in found):
            break
        found.append(other)
    return found


class _Planner:
    """Plans lists of layers, and numbers what they have."""

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces
        self._names = Counter[str]()
        self._number = 0
        self._sites = 0

    def sequence(
        self, layers: Sequence[Choice], shape: Shape, place: Location, *, in_block: bool
    ) -> list[Step]:
        steps: list[Step] = []
        at = 0
        while at < len(layers):
            layer, here = layers[at], (*place, at)
            if layer.name in _OWNERS:
                owned = owned_by(layers, at, in_block=in_block)
                make = self._residual if layer.name == "residual" else self._weighted
                steps.append(make(layers, at, shape, here, owned))
                at += owned.taken
            else:
                steps.append(self._plain(layers, at, shape, here))
            shape = steps[-1].outputs
            at += 1
        return steps

    def _weighted(
        self, layers: Sequence[Choice], at: int, shape: Shape, place: Location, owned: Owned
    ) -> WeightedStep:
        layer = layers[at]
        if layer.name == "dense":
            size = _dense_size(layers, at, shape, place)
        else:
            size = _convolution_size(layers, at, shape, place)
        stated = layer.parameters
        pieces = self._pieces if owned.activation is None else pieces_of(owned.activation)
        step = WeightedStep(
            layer=layer.name,
            place=place,
            inputs=shape,
            name=self._name(_NAMES[layer.name]),
            number=self._next_number(),
            units=size["outputs"][0],
            pieces=pieces,
            bias=stated["bias"],
            activation=owned.activation,
            normalization=owned.normalization,
            normalized_after=owned.normalized_after,
            initializer=stated["initializer"],
            bias_initializer=stated["bias_initializer"],
            **size,
        )
        _need_room(layers, at, step)
        return step

    def _residual(
        self, layers: Sequence[Choice], at: int, shape: Shape, place: Location, owned: Owned
    ) -> ResidualStep:
        stated = layers[at].parameters
        inner = self.sequence(stated["layers"], shape, (*place, "layers"), in_block=True)
        outputs = inner[-1].outputs
        shortcut = None
        if stated["shortcut"] == "projection" or (
            stated["shortcut"] == "auto" and outputs != shape
        ):
            shortcut = self._projection(shape, outputs, place)
        elif outputs != shape:
            raise ArchitectureError(
                f"The layers of the block make {described(outputs)} of {described(shape)}, and "
                "only equal shapes can be added. Choose the shortcut projection.",
                place,
            )
        self._check_pieces(owned.activation, place)
        return ResidualStep(
            layer="residual",
            place=place,
            inputs=shape,
            outputs=outputs,
            steps=tuple(inner),
            shortcut=shortcut,
            number=self._next_number(),
            activation=owned.activation,
        )

    def _projection(self, shape: Shape, outputs: Shape, place: Location) -> WeightedStep:
        stride = _stride_between(shape, outputs)
        if stride is None:
            raise ArchitectureError(
                f"The layers of the block make {described(outputs)} of {described(shape)}, and "
                "no projection does. Use the padding same in the block, and no flatten.",
                place,
            )
        return WeightedStep(
            layer="convolution" if len(shape) == 3 else "dense",
            place=place,
            inputs=shape,
            outputs=outputs,
            name=self._name("shortcut"),
            number=self._next_number(),
            units=outputs[0],
            stride=stride,
            activation=choice("activation", "identity"),
        )

    def _plain(self, layers: Sequence[Choice], at: int, shape: Shape, place: Location) -> Step:
        layer = layers[at]
        stated = layer.parameters
        here: dict[str, Any] = {"layer": layer.name, "place": place, "inputs": shape}
        match layer.name:
            case "max_pooling" | "average_pooling" | "global_pooling":
                return _pooling(layers, at, shape, place)
            case "flatten":
                return FlattenStep(**here, outputs=(math.prod(shape),))
            case "dropout":
                self._sites += 1
                return DropoutStep(**here, outputs=shape, site=self._sites - 1, rate=stated["rate"])
            case "activation":
                self._check_pieces(stated["activation"], place)
                return ActivationStep(
                    **here,
                    outputs=shape,
                    number=self._next_number(),
                    activation=stated["activation"],
                )
            case _:
                return NormalizationStep(
                    **here,
                    outputs=shape,
                    number=self._next_number(),
                    normalization=stated["normalization"],
                )

    def _check_pieces(self, activation: Choice | None, place: Location) -> None:
        pieces = self._pieces if activation is None else pieces_of(activation)
        if pieces > 1:
            raise ArchitectureError(
                f"A unit of this activation reads {pieces} z-values of one convolution or dense "
                "layer, and no such layer is right before it. State another activation here.",
                place,
            )

    def _name(self, kind: str) -> str:
        self._names[kind] += 1
        return f"{kind}_{self._names[kind]}"

    def _next_number(self) -> int:
        self._number += 1
        return self._number


def described(shape: Shape) -> str:
    """Return a shape in words: ``images of 3 x 32 x 32``, ``a vector of 64``."""
    if len(shape) == 1:
        return f"a vector of {shape[0]:,}"
    size = " x ".join(map(str, shape))
    return f"images of {size}" if len(shape) == 3 else f"samples of {size}"


def _made(layers: Sequence[Choice], at: int, shape: Shape) -> str:
    """Return what a layer reads, and from where, as half a sentence."""
    if at == 0:
        return f"its input is {described(shape)}"
    return f"layer {at - 1} ({layers[at - 1].name}) made {described(shape)}"


def _need_images(layers: Sequence[Choice], at: int, shape: Shape, place: Location) -> None:
    if len(shape) != 3:
        sentence = f"{layers[at].name} needs images, and {_made(layers, at, shape)}."
        raise ArchitectureError(sentence, place)


def _dense_size(layers: Sequence[Choice], at: int, shape: Shape, place: Location) -> dict[str, Any]:
    if len(shape) != 1:
        raise ArchitectureError(
            f"dense needs a vector, and {_made(layers, at, shape)}. Put flatten or "
            "global_pooling before it.",
            place,
        )
    return {"outputs": (layers[at].parameters["units"],)}


def _convolution_size(
    layers: Sequence[Choice], at: int, shape: Shape, place: Location
) -> dict[str, Any]:
    _need_images(layers, at, shape, place)
    layer, stated = layers[at], layers[at].parameters
    padding = _padding(layer, place)
    _check_groups(layer, shape, place)
    kernel, stride = stated["kernel_size"], stated["stride"]
    return {
        "outputs": (stated["channels"], *_moved(shape, kernel, stride, padding)),
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "groups": stated["groups"],
    }


def _pooling(layers: Sequence[Choice], at: int, shape: Shape, place: Location) -> PoolingStep:
    _need_images(layers, at, shape, place)
    layer, stated = layers[at], layers[at].parameters
    if layer.name == "global_pooling":
        size, stride, outputs = None, 1, shape[:1]
        largest = stated["kind"] == "max"
    else:
        size, stride = stated["size"], stated["stride"] or stated["size"]
        outputs = (shape[0], *_moved(shape, size, stride))
        largest = layer.name == "max_pooling"
    step = PoolingStep(
        layer=layer.name,
        place=place,
        inputs=shape,
        outputs=outputs,
        largest=largest,
        size=size,
        stride=stride,
    )
    _need_room(layers, at, step)
    return step


def _padding(layer: Choice, place: Location) -> int:
    if layer.parameters["padding"] == "valid":
        return 0
    kernel: int = layer.parameters["kernel_size"]
    if kernel % 2 == 0:
        raise ArchitectureError(
            f"The padding same is for odd kernels, and kernel_size is {kernel}. Choose an odd one, "
            "or the padding valid.",
            place,
        )
    return kernel // 2


def _check_groups(layer: Choice, shape: Shape, place: Location) -> None:
    groups, channels = layer.parameters["groups"], layer.parameters["channels"]
    if shape[0] % groups or channels % groups:
        raise ArchitectureError(
            f"{groups} groups do not divide both the {shape[0]} channels that come in and the "
            f"{channels} that go out.",
            (*place, "groups"),
        )


def _moved(shape: Shape, side: int, stride: int, padding: int = 0) -> tuple[int, int]:
    """Return the height and width of what a square makes as it moves over an image.

    They are below 1 where the image is smaller than the square.
    """
    height, width = ((length + 2 * padding - side) // stride + 1 for length in shape[1:])
    return height, width


def _need_room(layers: Sequence[Choice], at: int, step: WeightedStep | PoolingStep) -> None:
    """Raise an error if an image is smaller than the square that moves over it.

    Raises:
        ArchitectureError: it is.
    """
    if min(step.outputs) < 1:
        name = "kernel_size" if isinstance(step, WeightedStep) else "size"
        raise ArchitectureError(
            f"{step.layer} does not fit: {_made(layers, at, step.inputs)}. Choose a smaller "
            f"{name}, or pool less before it.",
            step.place,
        )


def _stride_between(shape: Shape, outputs: Shape) -> int | None:
    """Return the stride at which a kernel of size 1 makes one shape of another; None: none does."""
    if len(shape) != len(outputs) or len(shape) not in {1, 3}:
        return None
    for stride in range(1, max(shape[1:], default=1) + 1):
        if tuple(-(-length // stride) for length in shape[1:]) == outputs[1:]:
            return stride
    return None
