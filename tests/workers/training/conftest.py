from collections.abc import Callable

import pytest
import torch

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from workers.training.results import EpochResult
from workers.training.solo import train

SMALL = {"name": "mnist_cnn", "channels": [4, 8], "units": [16]}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def configure() -> Callable[..., RunConfig]:
    """Resolve one configuration, by default of a small network on few images."""

    def resolve(train_size=300, test_size=250, validation_split=0.0, **fields):
        sizes = {"train_size": train_size, "test_size": test_size}
        dataset = {"name": "mnist", "validation_split": validation_split, **sizes}
        spec = {"activation": "relu", "model": SMALL, "epochs": 1, "dataset": dataset}
        spec |= {"layer_statistics": "off", **fields}
        (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
        return run.config

    return resolve


@pytest.fixture
def history() -> Callable[..., list[EpochResult]]:
    """Train on the CPU and give the results, without the pulses and the seconds."""

    def run(config, data, seed=0):
        events = train(config, seed, data, torch.device("cpu"), threads=1)
        results = [event for event in events if isinstance(event, EpochResult)]
        for result in results:
            assert result.metrics.pop("epoch_seconds") > 0
        return results

    return run
