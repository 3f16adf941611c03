"""The memory of a run is estimated, and what no worker can hold is refused."""

import dataclasses

import pytest

from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.memory import memory_of
from service.specs.spec import ExperimentSpec

MNIST = {"name": "mnist", "train_size": 6000, "test_size": 1000}
MLP = {"name": "mlp", "hidden_units": [2000]}


def estimate(**fields):
    spec = {"activation": "relu", "dataset": MNIST, "model": MLP, "epochs": 1} | fields
    return memory_of(expand(ExperimentSpec.model_validate(spec), Limits())[0].config)


def test_each_part_grows_with_what_it_is_for():
    small, large = estimate(batch_size=500), estimate(batch_size=5000)
    assert dataclasses.replace(large, batch=small.batch) == small
    assert large.batch > 4 * small.batch
    deep = estimate(batch_size=500, model={"name": "mlp", "hidden_units": [2000, 2000]})
    assert deep.weights > 3 * small.weights
    assert deep.data == small.data
    all_of_it = estimate(batch_size=500, dataset="mnist")
    assert all_of_it.data == pytest.approx(10 * small.data, rel=0.01)
    assert all_of_it.weights == small.weights


def test_an_optimizer_with_more_state_needs_more():
    plain, adam = estimate(optimizer="sgd"), estimate(optimizer="adam")
    assert (adam.weights, adam.saving) > (plain.weights, plain.saving)
    assert adam.batch == plain.batch


@pytest.mark.parametrize(
    ("fields", "location"),
    [
        ({"batch_size": [100, 4000], "model": "mnist_cnn"}, ("batch_size", 1)),
        ({"model": [MLP, {"name": "mlp", "hidden_units": [4000, 4000]}]}, ("model", 1)),
        (
            {
                "dataset": [MNIST, {"name": "mnist", "preprocessing": "whiten"}],
                "model": {"name": "mlp", "hidden_units": [8]},
                "batch_size": 10,
            },
            ("dataset", 1),
        ),
    ],
)
def test_what_no_worker_can_hold_is_refused_where_it_is_asked_for(fields, location):
    spec = ExperimentSpec.model_validate(
        {"activation": "relu", "dataset": MNIST, "batch_size": 100, "epochs": 1} | fields
    )
    sizes = {run.configuration.memory.total for run in expand(spec, Limits())}
    limits = Limits(memory_bytes=lambda: max(sizes) - 1)
    with pytest.raises(SpecError) as refused:
        expand(spec, limits)
    (error,) = refused.value.errors
    assert error.location == location
    assert "the largest worker has" in error.detail
    assert expand(spec, dataclasses.replace(limits, memory_bytes=lambda: max(sizes)))
