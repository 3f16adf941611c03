"""What a recurrent network can be combined with, and what is said where it cannot."""

import pytest

from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.packing import pack_key
from service.specs.resolution import network_of
from service.specs.spec import ExperimentSpec

SPEC = {"model": "rnn", "activation": "tanh", "dataset": "temporal_order", "epochs": 1}


def planned(**fields):
    return expand(ExperimentSpec.model_validate(SPEC | fields), Limits())


def refused(**fields):
    """The pointer and the sentence of the only error."""
    with pytest.raises(SpecError) as caught:
        planned(**fields)
    (error,) = caught.value.errors
    return error.location, error.detail


@pytest.mark.parametrize("name", ["batch", "switchable", "group", "instance", "weight"])
def test_normalizations_that_have_no_place_in_it(name):
    location, detail = refused(normalization=["layer", name])
    assert location == ("normalization", 1)
    assert f"{name} normalization is not defined for rnn" in detail
    assert ("step to step" in detail) == (name in {"batch", "switchable"})


@pytest.mark.parametrize("name", ["none", "layer", "rms"])
@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
def test_batches_of_one_are_allowed(name, cell):
    (run,) = planned(normalization=name, batch_size=1, model={"name": "rnn", "cell": cell})
    assert run.config.batch_size == 1


def test_the_state_is_not_normalized():
    normalization = {"name": "layer", "position": "after_activation"}
    location, _ = refused(normalization=normalization)
    assert location == ("normalization", 0, "position")


@pytest.mark.parametrize("name", ["auto", "lsuv", "data_dependent"])
def test_a_recurrent_initializer_draws_by_itself(name):
    location, detail = refused(model={"name": "rnn", "recurrent_initializer": name})
    assert location == ("model", 0, "recurrent_initializer")
    assert name in detail


@pytest.mark.parametrize("name", ["lsuv", "data_dependent"])
def test_sums_that_depend_on_a_state_are_not_scaled_on_data(name):
    assert refused(initializer=name)[0] == ("initializer", 0)
    assert planned(output_initializer=name)


def test_a_unit_has_one_sum_for_its_state():
    assert refused(activation=["tanh", "maxout"])[0] == ("activation", 1)


def test_only_lstm_has_a_forget_gate_and_its_bias_is_one_where_it_is_left_out():
    model = {"name": "rnn", "forget_bias": 0.0}
    assert refused(model=model)[0] == ("model", 0, "forget_bias")
    left_out, given = (
        planned(model={"name": "rnn", "cell": "lstm", **bias})
        for bias in ({}, {"forget_bias": 1.0})
    )
    assert [run.config_hash for run in left_out] == [run.config_hash for run in given]
    (other,) = planned(model={**model, "cell": "lstm"})
    assert other.config_hash != given[0].config_hash


def test_a_sequence_counts_with_its_own_length():
    dataset = {"name": "temporal_order", "length": 50}
    (run,) = planned(dataset=dataset, model={"name": "rnn", "cell": "gru", "hidden_units": [8]})
    config = run.config
    counted = network_of(config.dataset, config.model, config.activation)
    assert counted.parameters == 3 * 8 * (6 + 8 + 1) + 4 * 9
    assert counted.values == 50 * 3 * 8 + 4
    location, detail = refused(
        dataset=dataset,
        model={"name": "rnn", "hidden_units": [2048]},
        batch_size=3000,
    )
    assert location == ("batch_size", 0)
    assert "307,212,000 values" in detail


def test_it_is_never_packed():
    (run,) = planned()
    assert pack_key(run.configuration) is None


def test_a_convolution_takes_no_sequence():
    location, detail = refused(model="mnist_cnn")
    assert location == ("model", 0)
    assert "needs images" in detail
