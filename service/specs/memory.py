"""Memory: how much a run needs to be trained, estimated from its configuration without torch.

Submissions are checked against it, and workers claim only runs that fit. It counts what grows with
the configuration: the data set, the weights with their gradients and the optimizer's state, and the
values that the layers keep for a batch. ``python -m benchmarks.training.memory`` compares it with
measured peaks (docs/reliability.md has the figures).
"""

import math
from dataclasses import dataclass
from typing import Literal

from service.specs.architectures import Architecture
from service.specs.planning import pieces_of
from service.specs.resolution import (
    input_shape,
    network_of,
    stored_shape,
    trained_on,
    validated_on,
)
from service.specs.spec import RunConfig

#: What a worker's two processes hold while they train nothing: Python, torch and its kernels. The
#: rest of a worker's memory is for its run.
IDLE_BYTES = 500 * 2**20

#: What any run takes besides: files that are read, kernels that are loaded (numba and its compiler
#: take 130 MB), a data set of before.
_BESIDES_BYTES = 256 * 2**20

_FLOAT_BYTES, _DOUBLE_BYTES = 4, 8

#: Samples that a preprocessing handles at once, in float64, and how many copies it makes of them
#: (``workers.datasets.preprocessings``).
_BLOCK_SAMPLES, _BLOCK_COPIES = 4096, 6

#: Samples that are evaluated at once on a CPU (``workers.training.solo.EVALUATION_BATCH``).
_EVALUATED_SAMPLES = 200

#: Samples that a probe sends through a network at once (``workers.diagnostics.probe``).
_PROBED_SAMPLES, _PROBED_BY_CONVOLUTIONS = 1000, 64

#: Normalizations whose statistics are those of a whole probe.
_BATCH_STATISTICS = {"batch", "switchable"}

#: Tensors that a training step keeps: z-values and their gradients, and by activation.
_OF_Z_VALUES, _OF_ACTIVATIONS = 2, 3

#: Tensors that a step keeps besides, by what asks for them.
_OF_NORMALIZATION, _OF_DROPOUT, _OF_COMPOSED = 1, 2, 2

#: Rounded copies of what products read, activations and weights, where a precision rounds.
_OF_ROUNDING = 1
_UNROUNDED = {"float32", "tf32"}

#: Activations that torch computes in several steps, and keeps what is between.
_COMPOSED = {"softsign", "hard_sigmoid", "hard_swish", "squared_relu", "silu", "formula"}

#: Tensors of the size of the weights that an optimizer keeps from step to step.
_STATES = {"sgd": 1, "adagrad": 1, "lion": 1}
_MOST_STATES = 2

#: Copies of weights and optimizer's state while a checkpoint is written.
_SAVED_COPIES = 3


@dataclass(frozen=True)
class MemoryEstimate:
    """The bytes that a run needs, by what they are for.

    Attributes:
        data: the data set.
        loading: what is needed besides only while the data set is loaded.
        weights: weights and biases, their gradients and the optimizer's state.
        saving: what is needed besides only while a checkpoint is saved.
        batch: what the layers keep for a batch.
    """

    data: int
    loading: int
    weights: int
    saving: int
    batch: int

    @property
    def total(self) -> int:
        """At the peak."""
        trained = self.weights + max(self.batch, self.saving)
        return _BESIDES_BYTES + self.data + max(self.loading, trained)

    @property
    def cause(self) -> Literal["dataset", "model", "batch_size"]:
        """The axis that needs most of it."""
        parts: dict[Literal["dataset", "model", "batch_size"], int] = {
            "dataset": self.data + self.loading,
            "model": self.weights + self.saving,
            "batch_size": self.batch,
        }
        return max(parts, key=lambda axis: parts[axis])


def memory_of(config: RunConfig) -> MemoryEstimate:
    """Return the estimated memory of a run on a CPU, above what an idle worker holds.

    Members of a pack share the data set, and as many are trained side by side as there is memory
    for (``workers.training.packed.memory``).
    """
    network = network_of(config.dataset, config.model, config.activation)
    sizes = config.dataset.parameters
    trained = trained_on(sizes)
    inputs = math.prod(input_shape(config.dataset))
    # A unit's pieces are z-values of which it makes one activation.
    per_value = _OF_Z_VALUES + _tensors_per_unit(config) / pieces_of(config.activation)
    per_sample = math.ceil(2 * inputs + per_value * network.values)
    evaluated = _EVALUATED_SAMPLES * (inputs + 3 * network.values)
    samples = max(config.batch_size, _probed_samples(config, network, trained))
    weights = _FLOAT_BYTES * network.parameters
    states = _STATES.get(config.optimizer.name, _MOST_STATES)
    return MemoryEstimate(
        data=_FLOAT_BYTES * inputs * (trained + validated_on(sizes) + sizes["test_size"]),
        loading=_loading(config, trained),
        weights=weights * (3 + states + _OF_ROUNDING * _rounds(config)),
        saving=weights * _SAVED_COPIES * (1 + states),
        batch=_FLOAT_BYTES * max(samples * per_sample, evaluated),
    )


def gigabytes(size_bytes: int) -> str:
    """Return a size as it is told: "3.3 GB"."""
    return f"{size_bytes / 1e9:.3g} GB"


def _loading(config: RunConfig, trained: int) -> int:
    """Return the bytes of the copies that loading a data set makes and drops."""
    stored = math.prod(stored_shape(config.dataset))
    name = config.dataset.parameters["preprocessing"].name
    blocks = 0 if name in {"none", "scale"} else _BLOCK_COPIES * min(_BLOCK_SAMPLES, trained)
    return stored * (_FLOAT_BYTES * trained + _DOUBLE_BYTES * blocks)


def _tensors_per_unit(config: RunConfig) -> int:
    return (
        _OF_ACTIVATIONS
        + _OF_NORMALIZATION * (config.normalization.name != "none")
        + _OF_DROPOUT * (config.dropout.name != "none")
        + _OF_COMPOSED * (config.activation.name in _COMPOSED)
        + _OF_ROUNDING * _rounds(config)
    )


def _rounds(config: RunConfig) -> bool:
    return config.precision.name not in _UNROUNDED


def _probed_samples(config: RunConfig, network: Architecture, trained: int) -> int:
    wanted = config.layer_statistics
    if wanted == "off":
        return 0
    convolves = any(layer.field > 1 for layer in network.layers)
    few = convolves and config.normalization.name not in _BATCH_STATISTICS
    at_once = _PROBED_BY_CONVOLUTIONS if few else _PROBED_SAMPLES
    return min(wanted.samples, trained, at_once)
