"""Fixup: what is scaled, what is zero, and that a deep network then learns without normalization.

The expected scales are the paper's: Zhang, Dauphin & Ma 2019, section 3, rules 1 and 2.
"""

from functools import partial
from typing import Any

import pytest
import torch

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from workers.datasets.loading import load
from workers.execution.insights import InsightBuilder, guessing_of
from workers.nn.models import Network
from workers.training.assembly import build_network
from workers.training.results import EpochResult, StartResult
from workers.training.solo import train
from workers.training.streams import Streams

DENSE = {"name": "dense", "units": 64}
BLOCK = {"name": "residual", "layers": [DENSE, DENSE]}


def configured(model: Any, **fields: Any) -> RunConfig:
    spec = {
        "dataset": {"name": "digits", "train_size": 256, "test_size": 64},
        "model": model,
        "activation": "relu",
        "initializer": "fixup",
        "batch_size": 32,
        "epochs": 2,
        **fields,
    }
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    return run.config


def weights_of(network: Network) -> dict[str, torch.Tensor]:
    """The weights of every layer, by its name."""
    return {
        name.removesuffix(".weight"): value.detach()
        for name, value in network.named_parameters()
        if name.endswith(".weight")
    }


def built(model: Any, **fields: Any) -> dict[str, torch.Tensor]:
    config = configured(model, **fields)
    return weights_of(build_network(config, load(config.dataset), Streams(5)))


def test_branches_of_a_resnet_are_scaled_and_end_in_zeros() -> None:
    """Six blocks of two convolutions: 6^(-1/2), and nothing outside of them is scaled."""
    model = {"name": "resnet", "depth": 14, "width": 4}
    usual = built(model, initializer="he_normal")
    found = built(model)
    outside = {"conv_1", "shortcut_1", "shortcut_2"}
    last = {f"conv_{number}" for number in range(3, 14, 2)}
    assert (
        found.keys()
        == usual.keys()
        == outside | {"output"} | {f"conv_{number}" for number in range(1, 14)}
    )
    for name, weight in found.items():
        if name in last or name == "output":
            assert not weight.any(), name
        else:
            scale = 1.0 if name in outside else 6**-0.5
            torch.testing.assert_close(weight, scale * usual[name])


def test_the_power_follows_from_the_layers_of_each_branch() -> None:
    """L counts the blocks of the network and m the layers of each: 1 layer is just zero."""
    blocks = [{"name": "residual", "layers": [DENSE] * layers} for layers in (1, 3, 4)]
    model = {"name": "layers", "layers": ["flatten", DENSE, *blocks]}
    found, usual = built(model), built(model, initializer="he_normal")
    scales = [1, 0, 3 ** (-1 / 4), 3 ** (-1 / 4), 0, *[3 ** (-1 / 6)] * 3, 0]
    for number, scale in enumerate(scales, 1):
        name = f"dense_{number}"
        torch.testing.assert_close(found[name], scale * usual[name])


def test_what_a_layer_states_stays_in_a_branch_too() -> None:
    stated = DENSE | {"initializer": {"name": "constant", "value": 0.25}}
    block = {"name": "residual", "layers": [stated, stated]}
    found = built({"name": "layers", "layers": ["flatten", DENSE, block, BLOCK]})
    for name in ("dense_2", "dense_3"):
        assert found[name].unique().tolist() == [0.25]
    assert not found["dense_5"].any()


@pytest.mark.parametrize("initializer", ["fixup", "zeros"])
def test_only_the_zeros_that_are_meant_are_no_finding(initializer: str) -> None:
    """Equal units and first steps as large as the weights are, of course, what zeros have."""
    config = configured({"name": "resnet", "depth": 8, "width": 4}, initializer=initializer)
    data = load(config.dataset)
    builder = InsightBuilder(config, partial(guessing_of, config, data))
    kinds: set[str] = set()
    for result in train(config, 5, data, torch.device("cpu"), threads=1):
        if isinstance(result, StartResult):
            diagnosis = builder.of_start(result).diagnosis
        elif isinstance(result, EpochResult):
            diagnosis = builder.of_epoch(result, last=result.epoch == config.epochs).diagnosis
        else:
            continue
        kinds |= {finding["kind"] for finding in diagnosis.findings} if diagnosis else set()
    assert ("equal_units" in kinds) is (initializer == "zeros")
    assert not (kinds & {"step_size", "symmetric", "vanishing"}) or initializer == "zeros"


@pytest.mark.parametrize(("initializer", "learns"), [("fixup", True), ("he_normal", False)])
def test_a_deep_residual_network_learns_without_normalization(
    initializer: str, learns: bool
) -> None:
    """Forty blocks: each of he_normal about doubles the variance, and training fails."""
    config = configured(
        {"name": "layers", "layers": ["flatten", DENSE, *[BLOCK] * 40]},
        initializer=initializer,
        optimizer={"name": "sgd", "learning_rate": 0.2},
        batch_size=16,
        epochs=5,
        layer_statistics="off",
    )
    results = train(config, 5, load(config.dataset), torch.device("cpu"), threads=1)
    last = [result for result in results if isinstance(result, EpochResult)][-1]
    assert (not last.diverged and last.metrics["loss"] < 1.0) is learns
