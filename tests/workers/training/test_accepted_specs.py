"""Whatever the API accepts, trains."""

import math

import pytest
import torch
from hypothesis import HealthCheck, assume, event, given, settings

from service.catalog.axes import AXES
from service.catalog.losses import task_of
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from tests.support.random_specs import specs
from workers.datasets.loading import load
from workers.training.results import EpochResult
from workers.training.solo import train

pytestmark = pytest.mark.slow

QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def one_epoch(spec):
    """Accept a spec as the API does, and train its run as a worker does."""
    try:
        (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    except SpecError as error:
        event(f"refused: {error.errors[0].location[-1]}")
        assume(False)
    config = RunConfig.model_validate(run.config.model_dump(mode="json"))
    data = load(config.dataset)
    results = train(config, run.seed, data, torch.device("cpu"), threads=1)
    (result,) = [result for result in results if isinstance(result, EpochResult)]
    return result


def check(spec):
    result = one_epoch(spec)
    losses = [value for name, value in result.metrics.items() if name.endswith("loss")]
    assert result.diverged == (not all(math.isfinite(loss) for loss in losses[:2]))
    accuracies = [value for name, value in result.metrics.items() if "accuracy" in name]
    assert all(0 <= accuracy <= 1 for accuracy in accuracies)
    assert 0 <= result.metrics["clipped_fraction"] <= 1


@given(specs())
@settings(max_examples=120, derandomize=True, **QUICK)
def test_whatever_is_accepted_trains_an_epoch(spec):
    check(spec)


@pytest.mark.longest
@pytest.mark.timeout(3000)
@given(specs())
@settings(max_examples=3000, **QUICK)
def test_whatever_is_accepted_trains_an_epoch_at_length(spec):
    check(spec)


BASE = {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [16]},
    "activation": "relu",
    "batch_size": 16,
    "epochs": 1,
}
BLOCK = {"name": "residual", "layers": [{"name": "dense", "units": 16}]}
RESIDUAL = {"name": "layers", "layers": ["flatten", {"name": "dense", "units": 16}, BLOCK]}
REQUIRED = {"constant": {"value": 0.1}, "pca": {"components": 8}}
VALUES = [
    (axis, {"name": name, **REQUIRED.get(name, {})})
    for axis, entries in AXES.items()
    for name in entries
    if axis not in {"dataset", "preprocessing", "model", "schedule", "layer"}
]


@pytest.mark.parametrize(("axis", "value"), VALUES, ids=str)
def test_every_value_of_every_axis_trains(axis, value):
    of_numbers = axis == "loss" and task_of(value["name"]) == "regression"
    dataset = {**BASE["dataset"], "name": "friedman"} if of_numbers else BASE["dataset"]
    needed = {
        "fixup": {"model": RESIDUAL},
        # For GPUs, and trained here on the processor all the same.
        "tf32": {"device": "cuda"},
        "float16": {"device": "cuda"},
    }
    check(BASE | needed.get(value["name"], {}) | {axis: value, "dataset": dataset})


@pytest.mark.parametrize("schedule", AXES["schedule"])
def test_every_schedule_trains(schedule):
    check(BASE | {"optimizer": {"name": "sgd", "schedule": schedule}})


@pytest.mark.parametrize("preprocessing", AXES["preprocessing"])
def test_every_preprocessing_trains(preprocessing):
    value = {"name": preprocessing, **REQUIRED.get(preprocessing, {})}
    check(BASE | {"dataset": BASE["dataset"] | {"preprocessing": value}})


@pytest.mark.parametrize("dataset", sorted(set(AXES["dataset"]) - {"fashion_mnist", "uploaded"}))
def test_every_data_set_trains(dataset):
    check(BASE | {"dataset": {"name": dataset, "train_size": 64, "test_size": 32}})
