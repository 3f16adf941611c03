"""Populations of real trainings: many seeds of a grid, from which small experiments are drawn.

Trained once with the service's own engine, in packs, and kept below ``.actinium/populations``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from service.comparison.samples import Floats
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.packing import pack_key
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.training import devices
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse

_FOLDER = Path(".actinium") / "populations"
_MOST_IN_A_PACK = 64
#: A training did better than guessing where its accuracy is above that by this much.
_ABOVE_CHANCE = 0.05

#: By name: a grid, how many seeds of it are trained, and the accuracy of guessing.
POPULATIONS: dict[str, tuple[dict[str, Any], int, float]] = {
    # Four activations and four initializers on a problem that some of them do not learn.
    "circles16": (
        {
            "dataset": {"name": "circles", "train_size": 300, "test_size": 500},
            "model": {"name": "mlp", "hidden_units": [16]},
            "activation": ["relu", "tanh", "sigmoid", "elu"],
            "initializer": ["glorot_normal", "he_normal", "lecun_normal", "normal"],
            "optimizer": {"name": "adam", "learning_rate": 0.01},
            "batch_size": 32,
            "epochs": 60,
        },
        60,
        0.5,
    ),
    "digits24": (
        {
            "dataset": "digits",
            "model": {"name": "mlp", "hidden_units": [32, 32]},
            "activation": ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "softsign"],
            "initializer": ["glorot_uniform", "he_uniform", "lecun_uniform"],
            "optimizer": {"name": "adam", "learning_rate": 0.003},
            "batch_size": 64,
            "epochs": 12,
        },
        40,
        0.103,
    ),
}


@dataclass(frozen=True)
class Population:
    """The final validation accuracies of a grid.

    Attributes:
        values: (k, seeds).
        trained: (k, seeds), whether a training did better than guessing.
        step: of an accuracy.
    """

    values: Floats
    trained: NDArray[np.bool_]
    step: float


def population(name: str) -> Population:
    """Return a population; the first call trains it, which takes minutes."""
    spec, seeds, chance = POPULATIONS[name]
    path = _FOLDER / f"{name}.npy"
    runs = expand(
        ExperimentSpec.model_validate(spec | {"seeds": seeds, "layer_statistics": "off"}), Limits()
    )
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, _trained(runs, chance).reshape(-1, seeds))
    values = np.load(path)
    samples = runs[0].config.dataset.parameters["test_size"]
    return Population(values, values > chance + _ABOVE_CHANCE, 1 / samples)


def _trained(runs: list[PlannedRun], chance: float) -> Floats:
    """Train all runs and return their accuracies; of one that diverged that of guessing."""
    device = torch.device("cpu")
    devices.prepare(device, 1)
    data = load(runs[0].config.dataset)
    values = np.full(len(runs), chance)
    packs: dict[str | None, list[int]] = {}
    for number, run in enumerate(runs):
        packs.setdefault(pack_key(run.configuration), []).append(number)
    for numbers in packs.values():
        for start in range(0, len(numbers), _MOST_IN_A_PACK):
            members = numbers[start : start + _MOST_IN_A_PACK]
            pack = PackedTraining([(runs[n].config, runs[n].seed) for n in members], data, device)
            for found in pack.run():
                if isinstance(found, Pulse):
                    continue
                for member, result in found.items():
                    if isinstance(result, EpochResult):
                        accuracy = result.metrics["val_accuracy"]
                        values[members[member]] = chance if result.diverged else accuracy
    return values
