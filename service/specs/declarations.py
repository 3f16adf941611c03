"""Declarations: the layers that a model stands for, as a spec would declare them.

``mnist_cnn``, ``mlp``, ``cnn`` and ``resnet`` are lists of layers with parameters; ``layers`` is
such a list itself. One builder makes all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from service.specs.choices import Choice, choice
from service.specs.plans import ArchitectureError

_layer = partial(choice, "layer")


@dataclass(frozen=True)
class Declaration:
    """The layers of a model.

    Attributes:
        layers: entries of the axis ``layer``.
        dropout_rates: the model's own rate of each dropout layer that states none, in their order;
            a spec may choose others.
    """

    layers: tuple[Choice, ...]
    dropout_rates: tuple[float, ...]


#: From a model's parameters and the shape of one sample to its layers. Raises ArchitectureError
#: where the model cannot take inputs of this shape.
Declare = Callable[[Mapping[str, Any], Sequence[int]], Declaration]


def _mnist_cnn(parameters: Mapping[str, Any], input_shape: Sequence[int]) -> Declaration:
    _need_images("mnist_cnn", input_shape)
    _, height, width = input_shape
    kernel = parameters["kernel_size"]
    if min(height, width) - 2 * (kernel - 1) < 2:
        raise ArchitectureError(
            f"Two convolutions of kernel size {kernel} leave nothing to pool of an image of "
            f"{height} x {width}. Choose a smaller kernel_size."
        )
    convolutions = [
        _layer({"name": "convolution", "channels": channels, "kernel_size": kernel})
        for channels in parameters["channels"]
    ]
    (units,) = parameters["units"]
    dense = _layer({"name": "dense", "units": units})
    flat = [_layer("max_pooling"), _layer("flatten")]
    layers = [*convolutions, *flat, _layer("dropout"), dense, _layer("dropout")]
    return Declaration(tuple(layers), (0.25, 0.5))


def _mlp(parameters: Mapping[str, Any], _: Sequence[int]) -> Declaration:
    units = parameters["hidden_units"]
    dense = [
        layer
        for width in units
        for layer in (_layer({"name": "dense", "units": width}), _layer("dropout"))
    ]
    return Declaration((_layer("flatten"), *dense), (0.0,) * len(units))


def _cnn(parameters: Mapping[str, Any], input_shape: Sequence[int]) -> Declaration:
    _need_images("cnn", input_shape)
    blocks, kernel = parameters["channels"], parameters["kernel_size"]
    if kernel % 2 == 0:
        raise ArchitectureError(
            f"A kernel of an even size, {kernel}, cannot keep the size of an image. Choose an odd "
            "kernel_size.",
            ("kernel_size",),
        )
    if min(input_shape[1:]) < 2 ** len(blocks):
        raise ArchitectureError(
            f"{len(blocks)} blocks halve an image {len(blocks)} times, and these are of "
            f"{input_shape[1]} x {input_shape[2]}. Choose fewer blocks.",
            ("channels",),
        )
    layers = []
    for channels in blocks:
        convolution = {"name": "convolution", "channels": channels, "kernel_size": kernel}
        layers += [_layer(convolution | {"padding": "same"})] * parameters["convolutions"]
        layers += [_layer("max_pooling"), _layer("dropout")]
    layers.append(_layer("flatten"))
    for units in parameters["units"]:
        layers += [_layer({"name": "dense", "units": units}), _layer("dropout")]
    rates = (0.25,) * len(blocks) + (0.5,) * len(parameters["units"])
    return Declaration(tuple(layers), rates)


def _resnet(parameters: Mapping[str, Any], input_shape: Sequence[int]) -> Declaration:
    _need_images("resnet", input_shape)
    depth, width = parameters["depth"], parameters["width"]
    blocks, rest = divmod(depth - 2, 6)
    if rest:
        near = [6 * blocks + 2, 6 * blocks + 8]
        raise ArchitectureError(
            f"A depth is 6 n + 2, and {depth} is not. Choose {near[0]} or {near[1]}.", ("depth",)
        )
    layers = [_convolution(width)]
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            channels = width * 2**stage
            inner = [_convolution(channels, stride), _convolution(channels)]
            layers.append(_layer({"name": "residual", "layers": inner}))
    return Declaration((*layers, _layer("global_pooling")), ())


def _layers(parameters: Mapping[str, Any], _: Sequence[int]) -> Declaration:
    layers: Sequence[Choice] = parameters["layers"]
    open_sites = sum(map(_open_dropouts, layers))
    return Declaration(tuple(layers), (0.0,) * open_sites)


def _open_dropouts(layer: Choice) -> int:
    """Return how many dropout layers without a rate a layer is, or has."""
    if layer.name == "residual":
        return sum(map(_open_dropouts, layer.parameters["layers"]))
    return int(layer.name == "dropout" and layer.parameters["rate"] is None)


def _convolution(channels: int, stride: int = 1) -> Choice:
    size = {"channels": channels, "stride": stride, "padding": "same"}
    return _layer({"name": "convolution", **size})


def _need_images(model: str, input_shape: Sequence[int]) -> None:
    if len(input_shape) != 3:
        raise ArchitectureError(
            f"{model} needs images, and these inputs are none. Use the model mlp."
        )


DECLARATIONS: dict[str, Declare] = {
    "mnist_cnn": _mnist_cnn,
    "mlp": _mlp,
    "cnn": _cnn,
    "resnet": _resnet,
    "layers": _layers,
}
