"""Fixup at the door: for residual networks as a whole, with an output layer of zeros."""

from typing import Any

import pytest

from service.specs.expansion import PlannedRun, SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

DENSE = {"name": "dense", "units": 5}
BLOCK = {"name": "residual", "layers": [DENSE, DENSE]}
#: A block whose only layers have no weights.
EMPTY = {"name": "residual", "layers": [{"name": "activation", "activation": "tanh"}]}


def layers(*declared: Any) -> dict[str, Any]:
    return {"name": "layers", "layers": ["flatten", *declared]}


def planned(**fields: Any) -> PlannedRun:
    spec = {"activation": "relu", "dataset": "digits", "model": layers(DENSE, BLOCK), **fields}
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    return run


def refused(**fields: Any) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(SpecError) as found:
        planned(**fields)
    (error,) = found.value.errors
    return error.location, error.detail


def test_the_output_layer_is_zero_unless_it_has_an_initializer_of_its_own() -> None:
    run = planned(initializer="fixup")
    assert run.config.output_initializer.name == "zeros"
    for output in ("fixup", "zeros"):
        assert planned(initializer="fixup", output_initializer=output).config == run.config
    own = planned(initializer="fixup", output_initializer="he_normal")
    assert own.config.output_initializer.name == "he_normal"


@pytest.mark.parametrize("model", ["mlp", "mnist_cnn", "rnn", layers(DENSE), layers(DENSE, EMPTY)])
def test_a_network_without_branches_that_have_weights_is_refused(model: Any) -> None:
    activation = "tanh" if model == "rnn" else "relu"
    dataset = "mnist" if model == "mnist_cnn" else "digits"
    location, detail = refused(
        model=model, activation=activation, dataset=dataset, initializer="fixup"
    )
    assert location == ("initializer", 0)
    assert "fixup scales the branches of residual blocks" in detail


def test_a_part_of_a_network_cannot_have_it() -> None:
    stated = DENSE | {"initializer": "fixup"}
    cases: list[tuple[tuple[str | int, ...], dict[str, Any]]] = [
        (("output_initializer", 0), {"output_initializer": "fixup"}),
        (("model", 0, "layers", 1, "initializer"), {"model": layers(stated, BLOCK)}),
        (
            ("model", 0, "recurrent_initializer"),
            {"model": {"name": "rnn", "recurrent_initializer": "fixup"}, "activation": "tanh"},
        ),
    ]
    for place, fields in cases:
        location, detail = refused(**fields)
        assert location == place
        assert "fixup is for all layers of a network" in detail


def test_weight_normalization_cannot_divide_by_the_length_of_its_zeros() -> None:
    location, detail = refused(initializer="fixup", normalization="weight")
    assert location == ("normalization", 0)
    assert "weights of zero" in detail
