"""The same bits again: in this process, in another, beside another run, after a resume."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from service.specs.spec import RunConfig
from tests.support.paths import ROOT
from workers.datasets.loading import load
from workers.training import solo
from workers.training.results import EpochResult
from workers.training.solo import SoloTraining

CPU = torch.device("cpu")
SELU = {"activation": "selu", "epochs": 2, "clipping": {"name": "norm", "max_norm": 1.0}}
PROGRAM = """
import sys, torch
from service.specs.spec import RunConfig
from workers.datasets.loading import load
from workers.training.results import EpochResult
from workers.training.solo import train
torch.manual_seed(99); torch.rand(7)
config = RunConfig.model_validate_json(sys.argv[1])
for result in train(config, int(sys.argv[2]), load(config.dataset), torch.device("cpu"), 1):
    if isinstance(result, EpochResult):
        del result.metrics["epoch_seconds"]
        print({name: value.hex() for name, value in result.metrics.items()})
"""


def same(first, second):
    """Whether two tensors have the same values; update ratios not measured yet are NaN."""
    return torch.allclose(first, second, rtol=0, atol=0, equal_nan=True)


def written(results):
    return [{name: value.hex() for name, value in result.metrics.items()} for result in results]


def rows(events):
    """The results among events, without seconds, as comparable rows."""
    found = [event for event in events if isinstance(event, EpochResult)]
    return [
        (result.epoch, {k: v for k, v in result.metrics.items() if k != "epoch_seconds"})
        for result in found
    ]


def in_another_process(config: RunConfig, seed: int) -> list[dict[str, str]]:
    command = [sys.executable, "-c", PROGRAM, config.model_dump_json(), str(seed)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line.replace("'", '"')) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("model", ["small", "mnist_cnn"])
def test_another_process_gives_the_same_bits(configure, history, model):
    config = configure(**SELU, **({} if model == "small" else {"model": model}))
    assert written(history(config, load(config.dataset), seed=8)) == in_another_process(config, 8)


def test_seeds_differ(configure, history):
    config = configure()
    data = load(config.dataset)
    assert history(config, data, seed=1) == history(config, data, seed=1)
    assert history(config, data, seed=1) != history(config, data, seed=2)


def test_a_run_beside_it_changes_nothing(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    one, other = configure(**SELU), configure(batch_size=64, epochs=2)
    data = load(one.dataset)
    alone = [rows(SoloTraining(config, 4, data, CPU).run()) for config in (one, other)]
    pairs = list(
        itertools.zip_longest(
            SoloTraining(one, 4, data, CPU).run(), SoloTraining(other, 4, data, CPU).run()
        )
    )
    assert [rows(events) for events in zip(*pairs, strict=True)] == alone


def test_global_generators_are_left_alone(configure, history):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    config = configure(**SELU)
    history(config, load(config.dataset))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        {"name": "sgd", "learning_rate": 0.05},
    ],
    ids=["adam", "momentum", "sgd"],
)
def test_a_restored_training_goes_on_as_if_never_stopped(configure, monkeypatch, optimizer):
    """From the state at every pulse and every result, in and between epochs."""
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    config = configure(**SELU, optimizer=optimizer, train_size=400, validation_split=0.25)
    data = load(config.dataset)
    whole = SoloTraining(config, 3, data, CPU)
    passed, stops = [], []
    for event in whole.run():
        passed.append(event)
        stops.append((len(rows(passed)), whole.state()))
    expected, final = rows(passed), whole.state()
    assert len(stops) > 8
    for done, state in stops:
        resumed = SoloTraining(config, 3, data, CPU)
        resumed.restore(state)
        assert rows(resumed.run()) == expected[done:]
        end = resumed.state()
        assert end.keys() == final.keys()
        assert all(same(end[name], final[name]) for name in final if name != "seconds")


def test_a_state_is_a_copy_in_a_form_that_safetensors_takes(configure, monkeypatch):
    from safetensors.torch import load as read
    from safetensors.torch import save

    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    config = configure()
    training = SoloTraining(config, 0, load(config.dataset), CPU)
    events = training.run()
    next(events)
    state = training.state()
    before = save(state)
    next(events)
    assert save(state) == before
    again = read(before)
    assert all(same(again[name], state[name]) for name in state)
