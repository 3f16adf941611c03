"""What torch puts off until it is first used, done before a run waits for it."""

import torch

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers import datasets
from workers.training.solo import train

_SMALL = {
    "activation": "relu",
    "dataset": {"name": "ball", "train_size": 100, "test_size": 100},
    "model": {"name": "mlp", "hidden_units": [2]},
    "batch_size": 50,
    "epochs": 1,
}


def warm_up() -> None:
    """Train a very small run and forget it.

    The first network and the first optimizer of a process have torch import another 800
    modules: measured, 1.1 s of processor time, which the first run would otherwise wait for.
    """
    (run,) = expand(ExperimentSpec.model_validate(_SMALL), Limits())
    for _ in train(run.config, run.seed, datasets.load(run.config.dataset), torch.device("cpu")):
        pass
