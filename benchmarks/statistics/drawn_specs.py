"""Specs drawn at random over depth, width, activation, initializer, optimizer and data set.

Small sizes, so that a training takes about a second; all axes are drawn independently, so that bad
networks are as frequent as good ones.
"""

from typing import Any, TypeVar

import numpy as np

from service.catalog.axes import AXES

_SIZES: dict[str, tuple[int, int]] = {
    "circles": (300, 200),
    "moons": (300, 200),
    "ball": (400, 200),
    "hypercube": (400, 200),
    "parabola": (400, 200),
    "digits": (600, 300),
    "mnist": (600, 300),
    "churn": (600, 300),
}
#: Half of the networks have none; ``group`` and ``instance`` are made for convolutions.
_NORMALIZATIONS = ("batch", "layer", "rms", "weight", "switchable")
#: Drawn apart, with a scale of their own, or made for convolutions or residual blocks.
_NOT_OF_KNOWN_SCALE = {
    "constant",
    "normal",
    "truncated_normal",
    "uniform",
    "ones",
    "delta_orthogonal",
    "fixup",
}
_FULL_DRAW = 0.3
_ADAPTIVE = tuple(name for name in AXES["optimizer"] if name != "sgd")

T = TypeVar("T")


def draw_spec(generator: np.random.Generator) -> dict[str, Any]:
    """Return the spec of one run, as JSON a client could send."""
    dataset = _one_of(generator, list(_SIZES))
    train, test = _SIZES[dataset]
    depth = round(_log_uniform(generator, 1, 24))
    width = int(_one_of(generator, [4, 8, 16, 32, 64]))
    initializer = _initializer(generator)
    return {
        "name": "drawn",
        "dataset": {"name": dataset, "train_size": train, "test_size": test},
        "model": {"name": "mlp", "hidden_units": [width] * depth},
        "activation": _activation(generator),
        "initializer": initializer,
        "normalization": _normalization(generator, initializer),
        "dropout": {"name": "dropout", "rate": 0.2} if generator.random() < 0.1 else "none",
        "optimizer": _optimizer(generator),
        "batch_size": 32,
        "epochs": int(_one_of(generator, [6, 12, 24])),
        "seeds": [int(generator.integers(1_000))],
    }


def _activation(generator: np.random.Generator) -> dict[str, Any]:
    name = _one_of(generator, [entry.name for entry in AXES["activation"].values()])
    if name == "leaky_relu":
        return {"name": name, "negative_slope": float(_one_of(generator, [0.0, 0.01, 0.3]))}
    return {"name": name}


def _initializer(generator: np.random.Generator) -> dict[str, Any]:
    """Return a random one of known scale, or one of any scale, or one that draws nothing."""
    kind = generator.random()
    if kind < _FULL_DRAW:
        return {"name": "normal", "stddev": _log_uniform(generator, 1e-3, 3)}
    if kind < _FULL_DRAW + 0.05:
        return {"name": "constant", "value": _log_uniform(generator, 1e-2, 1)}
    names = [name for name in AXES["initializer"] if name not in _NOT_OF_KNOWN_SCALE]
    return {"name": _one_of(generator, names)}


def _normalization(generator: np.random.Generator, initializer: dict[str, Any]) -> str:
    if generator.random() < 0.5:
        return "none"
    if initializer["name"] == "zeros":  # weight normalization would divide by their length
        return _one_of(generator, [name for name in _NORMALIZATIONS if name != "weight"])
    return _one_of(generator, list(_NORMALIZATIONS))


def _optimizer(generator: np.random.Generator) -> dict[str, Any]:
    if generator.random() < 0.5:
        rate = _log_uniform(generator, 1e-3, 10)
        return {"name": "sgd", "learning_rate": rate, "momentum": _one_of(generator, [0.0, 0.9])}
    return {
        "name": _one_of(generator, list(_ADAPTIVE)),
        "learning_rate": _log_uniform(generator, 1e-5, 1),
    }


def _log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


def _one_of(generator: np.random.Generator, values: list[T]) -> T:
    return values[int(generator.integers(len(values)))]
