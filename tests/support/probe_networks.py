"""Networks and samples for tests of the diagnostics, made without a spec."""

import numpy as np
import torch

from service.formulas.expression import Expression
from tests.support.declared_networks import declared
from workers.diagnostics.probe import Probe
from workers.nn.activations import ACTIVATIONS
from workers.nn.dropouts import DROPOUTS
from workers.nn.initialization import initialize
from workers.nn.initializers import INITIALIZERS
from workers.nn.losses import LOSSES
from workers.nn.models import Parts
from workers.nn.normalizations import NORMALIZATIONS
from workers.training.streams import Streams

#: Parameters of the entries that have some, as the catalog defaults them.
_PARAMETERS = {
    "silu": {"beta": 1.0},
    "celu": {"alpha": 1.0},
    "formula": {"expression": Expression("x * sigmoid(1.702 * x)"), "parameters": {}},
    "glorot_normal": {"gain": 1.0},
    "glorot_uniform": {"gain": 1.0},
    "he_normal": {"negative_slope": 0.0},
    "he_uniform": {"negative_slope": 0.0},
    "leaky_relu": {"negative_slope": 0.01},
    "prelu": {"initial_slope": 0.25},
    "elu": {"alpha": 1.0},
    "gelu": {"approximate": "tanh"},
    "maxout": {"pieces": 2},
    "batch": {"momentum": 0.99, "epsilon": 1e-3},
    "switchable": {"momentum": 0.99, "epsilon": 1e-3},
    "layer": {"epsilon": 1e-3},
    "group": {"groups": 2, "epsilon": 1e-3},
    "instance": {"epsilon": 1e-3},
    "rms": {"epsilon": 1e-3},
}


def entry(registry, name, **parameters):
    return registry[name](**(_PARAMETERS.get(name, {}) | parameters))


def normal(stddev):
    return INITIALIZERS["normal"](stddev=stddev, mean=0.0)


def constant(value):
    return INITIALIZERS["constant"](value=value)


def network(model, shape, outputs, activation, initializer, seed=0, **options):
    """A network with weights; ``initializer`` is a name or draws itself."""
    normalization = options.pop("normalization", "none")
    normalized_after = options.pop("normalized_after", False)
    bias = options.pop("bias", 0.0)
    if isinstance(activation, str):
        activation = entry(ACTIVATIONS, activation)
    if isinstance(initializer, str):
        initializer = entry(INITIALIZERS, initializer)
    parts = Parts(
        input_shape=shape,
        outputs=outputs,
        activation=activation,
        normalization=entry(NORMALIZATIONS, normalization),
        dropout=DROPOUTS["none"](),
        normalized_after=normalized_after,
    )
    built = declared(model, parts, **options)
    initialize(
        built,
        weight=initializer,
        output_weight=initializer,
        bias=INITIALIZERS["constant"](value=bias),
        stream=Streams(seed).initialization,
        inputs=torch.zeros(1, *shape),
    )
    return built


def statistics(built, inputs, labels, loss="categorical_crossentropy"):
    probe = Probe(built, LOSSES[loss](label_smoothing=0.0).function, len(labels))
    for part in probe.chunks():
        probe.add(inputs[part], labels[part])
    return probe.statistics()


def ball(seed, samples=1000, dimensions=10):
    """Points in a ball, labelled by |sum x| > half the radius, of unit standard deviation."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((samples, dimensions))
    x *= generator.uniform(size=(samples, 1)) ** (1 / dimensions) / np.linalg.norm(
        x, axis=1, keepdims=True
    )
    labels = np.abs(x.sum(1)) > 0.5
    x /= x.std()
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(labels.astype(np.int64))


def circles(seed, samples=300):
    """Two circles of radius 1 and 0.8 in the plane, with noise."""
    generator = np.random.default_rng(seed)
    angles = np.tile(np.linspace(0, 2 * np.pi, samples // 2, endpoint=False), 2)
    labels = np.repeat([0, 1], samples // 2)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * np.where(labels, 0.8, 1)[:, None]
    points += generator.normal(0, 0.05, points.shape)
    return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(labels.astype(np.int64))
