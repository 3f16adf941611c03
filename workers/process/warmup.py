"""Warm-up: a tiny training makes torch load what it would otherwise load during the first run."""

import torch

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.training.solo import train

_SMALL_SPEC = {
    "activation": "relu",
    "dataset": {"name": "ball", "train_size": 100, "test_size": 100},
    "model": {"name": "mlp", "hidden_units": [2]},
    "batch_size": 50,
    "epochs": 1,
}


def warm_up() -> None:
    """Train a tiny run and discard its results.

    The first network and the first optimizer of a process make torch import another 800 modules.
    That takes 1.1 s of processor time (measured), which the first run would otherwise wait for.
    """
    (run,) = expand(ExperimentSpec.model_validate(_SMALL_SPEC), Limits())
    for _ in train(run.config, run.seed, load(run.config.dataset), torch.device("cpu")):
        pass
