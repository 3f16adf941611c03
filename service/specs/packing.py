"""Packing: which runs one worker may train together as one batched job, and by which form.

The last bits of a float32 sum depend on the form of the product and on the number of threads.
Both follow here from the configuration and the settings alone, so a spec gives the same bits
however busy the machine is; how many runs then share a job decides no bit of any of them.
"""

import hashlib
import json
import math
from typing import Literal

from service.specs.choices import Choice
from service.specs.expansion import SCIENCE_VERSION
from service.specs.resolution import network_of
from service.specs.spec import RunConfig

#: ``batched``: trained by the batched products, alone or beside others; ``solo``: by the plain.
Form = Literal["solo", "batched"]

#: Weights and biases up to which an mlp gains by the batched form on a CPU (docs/performance.md).
MOST_PARAMETERS = 60_000

#: More threads than this gain little on networks of the size trained here.
_MOST_THREADS = 8

_KEY_DIGITS = 16

#: Activations with a state or a shape of their own; all others are functions of one value.
_OWN_FAMILY = {"prelu", "maxout"}


def pack_key(config: RunConfig) -> str | None:
    """Name what has to agree between runs that are trained as one batched job.

    Free to differ are seeds, initializers, activations of one family, layer statistics and every
    number of the clipping, the optimizer and the dropout.

    Returns:
        A short hex hash; None where a run of this configuration is never packed.
    """
    if config.model.name == "mlp" and _parameters(config) > MOST_PARAMETERS:
        return None
    agreed = {
        "science": SCIENCE_VERSION,
        "dataset": config.dataset.model_dump(mode="json"),
        "model": config.model.model_dump(mode="json"),
        "activation": _family(config.activation),
        "normalization": config.normalization.model_dump(mode="json"),
        "clipping": config.clipping.name,
        "optimizer": config.optimizer.name,
        "dropout": config.dropout.name,
        "batch_size": config.batch_size,
        "loss": config.loss.model_dump(mode="json"),
        "epochs": config.epochs,
    }
    canonical = json.dumps(agreed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_KEY_DIGITS]


def _parameters(config: RunConfig) -> int:
    return network_of(config.dataset, config.model, config.activation).parameters


def _family(activation: Choice) -> list[str | int]:
    if activation.name not in _OWN_FAMILY:
        return ["elementwise"]
    return [activation.name, activation.parameters.get("pieces", 1)]


def engine_form(model: str, key: str | None, device: str) -> Form:
    """Give the form a run is trained in on a device; a cnn gains by the batched on CUDA only."""
    packable = key is not None and (model == "mlp" or device == "cuda")
    return "batched" if packable else "solo"


def threads_of(
    form: Form, device: str, runs: int, *, training_threads: int | None, cores: int
) -> int:
    """Give the number of CPU threads a run is trained with.

    Args:
        form: the run's.
        device: what it is trained on.
        runs: how many its experiment has, by its spec.
        training_threads: the setting, which decides for the solo form where it is set.
        cores: the setting: what trainings share where ``training_threads`` is not set.
    """
    if form == "batched":
        return 1
    if training_threads is not None:
        return training_threads
    if device != "cpu":
        return 1
    return max(1, min(cores // max(1, runs), _MOST_THREADS))


def pack_limit(waiting: int, workers: int, most: int) -> int:
    """Give how many waiting runs one of several idle workers takes, so that each gets its share.

    Args:
        waiting: runs that could be in the pack.
        workers: idle workers, the one that asks among them.
        most: the largest pack.
    """
    return max(1, min(most, math.ceil(waiting / max(1, workers))))
