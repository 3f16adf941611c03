"""Packing: which runs one worker may train together as one batched job, and in which form.

The last bits of a float32 sum depend on the form of the product and on the number of threads.
Both follow from the configuration and the settings alone, so a spec gives the same bits however
busy the machine is. How many runs share a job changes no bit of any of them.
"""

import hashlib
import json
import math
from typing import Literal

from service.specs.choices import Choice
from service.specs.expansion import SCIENCE_VERSION, Configuration
from service.specs.planning import pieces_of
from service.specs.plans import NetworkPlan
from service.specs.resolution import network_of, planned_network
from service.specs.spec import RunConfig

#: ``batched``: uses batched matrix products, with any number of members; ``solo``: ordinary ones.
Form = Literal["solo", "batched"]

#: An mlp of more weights and biases is slower in the batched form on a CPU (docs/performance.md).
MOST_PARAMETERS = 60_000

#: More threads than this gain little on networks of the size trained here.
_MOST_THREADS = 8

_KEY_DIGITS = 16

#: What the key of a network of one's own begins with if it has convolutions.
_CONVOLUTIONS = "cnn-"

#: Models whose networks are dense, unless their key tells otherwise.
_DENSE = {"mlp", "layers"}

#: Activations that learn parameters of their own.
_LEARNING = {"prelu"}


def pack_key(configuration: Configuration) -> str | None:
    """Return the key that runs of one batched job share.

    Runs with equal keys may still differ in seeds, initializers, activations of one family, layer
    statistics and every number of the clipping, the optimizer and the dropout.

    Returns:
        A short hex hash; None where a run of this configuration is never packed.
    """
    config, values = configuration.resolved, configuration.values
    if not _has_batched_form(config):
        return None
    agreed = {
        "science": SCIENCE_VERSION,
        "dataset": values["dataset"],
        "model": values["model"],
        "activation": _family(config.activation),
        "normalization": values["normalization"],
        "clipping": config.clipping.name,
        "optimizer": config.optimizer.name,
        "dropout": config.dropout.name,
        "batch_size": config.batch_size,
        "loss": values["loss"],
        "epochs": config.epochs,
        **({"precision": values["precision"]} if "precision" in values else {}),
    }
    canonical = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
    key = hashlib.sha256(canonical.encode()).hexdigest()[:_KEY_DIGITS]
    plan = _plan(config)
    convolves = config.model.name == "layers" and plan is not None and plan.has_convolutions
    return f"{_CONVOLUTIONS}{key}" if convolves else key


def _has_batched_form(config: RunConfig) -> bool:
    """Whether a network has one, and is no slower in it; one with a ticket has none."""
    if config.ticket is not None:
        return False
    plan = _plan(config)
    if plan is None or not plan.is_chain:
        return False
    if not all(step.bias and step.groups == 1 for step in plan.hidden):
        return False
    if plan.has_convolutions:
        return True
    size = network_of(config.dataset, config.model, config.activation).parameters
    return size <= MOST_PARAMETERS


def _plan(config: RunConfig) -> NetworkPlan | None:
    return planned_network(config.dataset, config.model, config.activation)


def _family(activation: Choice) -> list[str | int]:
    """Return what tells activations apart that are not functions of one value."""
    pieces = pieces_of(activation)
    if pieces == 1 and activation.name not in _LEARNING:
        return ["elementwise"]
    return [activation.name, pieces]


def engine_form(model: str, key: str | None, device: str) -> Form:
    """Return the form in which a run is trained; one with convolutions is batched on CUDA only."""
    if key is None:
        return "solo"
    convolves = model not in _DENSE or key.startswith(_CONVOLUTIONS)
    return "solo" if convolves and device != "cuda" else "batched"


def threads_of(
    form: Form, device: str, runs: int, *, training_threads: int | None, cores: int
) -> int:
    """Return the number of CPU threads that train a run.

    Args:
        form: the run's form.
        device: the device that trains it.
        runs: how many runs its experiment has.
        training_threads: the setting; where it is set, it decides for the solo form.
        cores: the setting: the cores that trainings share where ``training_threads`` is not set.
    """
    if form == "batched":
        return 1
    if training_threads is not None:
        return training_threads
    if device != "cpu":
        return 1
    return max(1, min(cores // max(1, runs), _MOST_THREADS))


def pack_limit(waiting: int, workers: int, most: int) -> int:
    """Return how many waiting runs one of several idle workers takes: its share of them.

    Args:
        waiting: runs that could be in the pack.
        workers: idle workers, including the one that asks.
        most: the largest pack.
    """
    return max(1, min(most, math.ceil(waiting / max(1, workers))))
