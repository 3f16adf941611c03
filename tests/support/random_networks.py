"""Random declared networks whose shapes meet, as JSON a client could send."""

from typing import Any

from hypothesis import strategies as st

Draw = Any

_ACTIVATIONS = ["relu", "tanh", "selu", "prelu", {"name": "leaky_relu", "negative_slope": 0.2}]
_NORMALIZATIONS = ["none", "batch", "layer", "rms", "instance", "switchable"]
_INITIALIZERS = ["auto", "he_normal", "orthogonal", {"name": "normal", "stddev": 0.1}]


@st.composite
def networks(draw: Draw, height: int = 8, width: int = 8) -> list[Any]:
    """Return a strategy for the layers of a network that reads images."""
    layers, shape = _of_images(draw, (height, width), depth=draw(st.integers(0, 4)), inner=False)
    if shape is not None:
        layers.append(draw(st.sampled_from(["flatten", "global_pooling"])))
    for _ in range(draw(st.integers(0, 2))):
        layers.append({"name": "dense", "units": draw(st.integers(1, 9))} | _own(draw))
        layers += draw(_between())
        if draw(st.booleans()):
            layers.append(_dense_block(draw))
    return layers or ["flatten"]


def chains() -> st.SearchStrategy[list[Any]]:
    """Return a strategy for networks that can be packed: of dense layers alone, with biases."""
    dense = st.fixed_dictionaries(
        {"name": st.just("dense"), "units": st.integers(1, 9)},
        optional={"activation": st.sampled_from(_ACTIVATIONS)},
    )
    after = st.sampled_from([[], ["dropout"], [{"name": "dropout", "rate": 0.3}], ["activation"]])
    pairs = st.lists(st.tuples(dense, after), min_size=1, max_size=3)
    return pairs.map(_in_a_row)


def _in_a_row(pairs: list[tuple[dict[str, Any], list[Any]]]) -> list[Any]:
    """Return the layers of pairs, without activations after a layer that states its own."""
    layers: list[Any] = ["flatten"]
    for dense, after in pairs:
        alone = "activation" in dense and after == ["activation"]
        layers += [dense, *([] if alone else after)]
    return layers


def _of_images(
    draw: Draw, size: tuple[int, int], *, depth: int, inner: bool
) -> tuple[list[Any], tuple[int, int] | None]:
    """Return layers that read images of a size, and the size that they make."""
    layers: list[Any] = []
    for _ in range(depth):
        kind = draw(st.sampled_from(["convolution", "pooling", "residual", "alone"]))
        if kind == "convolution" or (inner and kind == "residual"):
            layer, size = _convolution(draw, size)
            layers += [layer, *draw(_between())]
        elif kind == "pooling" and min(size) >= 2:
            stride = draw(st.integers(1, 3))
            pooling = draw(st.sampled_from(["max_pooling", "average_pooling"]))
            layers.append({"name": pooling, "stride": stride})
            size = ((size[0] - 2) // stride + 1, (size[1] - 2) // stride + 1)
        elif kind == "residual":
            layers.append(_block(draw))
        else:
            layers += draw(_between())
    return layers, size


def _convolution(draw: Draw, size: tuple[int, int]) -> tuple[dict[str, Any], tuple[int, int]]:
    side = draw(st.integers(1, min(3, *size)))
    padding = "same" if side % 2 and draw(st.booleans()) else "valid"
    stride = draw(st.integers(1, 2))
    added = side - 1 if padding == "same" else 0
    layer = {
        "name": "convolution",
        "channels": draw(st.integers(1, 3)),
        "kernel_size": side,
        "stride": stride,
        "padding": padding,
    }
    height, width = ((length + added - side) // stride + 1 for length in size)
    return layer | _own(draw), (height, width)


def _block(draw: Draw) -> dict[str, Any]:
    """Return a residual block that keeps the size of the image."""
    inner = []
    for _ in range(draw(st.integers(1, 2))):
        size = {"kernel_size": draw(st.sampled_from([1, 3])), "padding": "same"}
        channels = draw(st.integers(1, 3))
        inner += [{"name": "convolution", "channels": channels} | size | _own(draw)]
        inner += draw(_between())
    return {"name": "residual", "layers": inner}


def _dense_block(draw: Draw) -> dict[str, Any]:
    inner = [{"name": "dense", "units": draw(st.integers(1, 5))} | _own(draw), "dropout"]
    return {"name": "residual", "layers": inner, "shortcut": "projection"}


def _own(draw: Draw) -> dict[str, Any]:
    """Return what a convolution or dense layer states."""
    choices = {
        "activation": st.sampled_from(_ACTIVATIONS),
        "normalization": st.sampled_from(_NORMALIZATIONS),
        "initializer": st.sampled_from(_INITIALIZERS),
        "bias_initializer": st.sampled_from(["zeros", {"name": "constant", "value": 0.1}]),
        "bias": st.booleans(),
    }
    kept = draw(st.sets(st.sampled_from(sorted(choices)), max_size=2))
    return {name: draw(choices[name]) for name in sorted(kept)}


def _between() -> st.SearchStrategy[list[Any]]:
    """Return a strategy for what stands between two weighted layers."""
    return st.lists(
        st.sampled_from(
            [
                "activation",
                {"name": "activation", "activation": "tanh"},
                "normalization",
                {"name": "normalization", "normalization": "layer"},
                "dropout",
                {"name": "dropout", "rate": 0.25},
            ]
        ),
        max_size=2,
    )
