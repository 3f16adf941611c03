"""Parameters under dotted names: their values, and which of them vary."""

import pytest

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.parameters import parameter_value, varying_parameters
from service.specs.spec import ExperimentSpec


def configs(**spec):
    planned = expand(ExperimentSpec.model_validate({"activation": "relu", **spec}), Limits())
    return [run.configuration.values for run in planned]


@pytest.mark.parametrize(
    ("dotted", "value"),
    [
        ("optimizer.learning_rate", 0.001),
        ("optimizer.momentum", None),
        ("optimizer.schedule", {"name": "constant"}),
        ("optimizer.name", None),
        ("optimizer", None),
        ("nothing.learning_rate", None),
        ("batch_size.learning_rate", None),
        ("dropout.rate", [0.25]),
        ("dataset.preprocessing.components", 20),
        ("dataset.preprocessing.name", None),
        ("dataset.preprocessing.components.more", None),
    ],
)
def test_the_value_of_a_dotted_name(dotted, value):
    reduced = {"name": "mnist", "preprocessing": {"name": "pca", "components": 20}}
    (config,) = configs(dataset=reduced, model="mlp", dropout=0.25)
    assert parameter_value(config, dotted) == value


@pytest.mark.parametrize(
    ("spec", "varying"),
    [
        ({}, []),
        ({"optimizer": ["adam", "sgd"], "activation": ["relu", "selu"]}, []),
        ({"batch_size": [8, 16]}, []),
        (
            {"optimizer": ["adam", "sgd", {"name": "sgd", "learning_rate": 0.5}]},
            ["optimizer.learning_rate"],
        ),
        (
            {
                "optimizer": [
                    {"name": "sgd", "momentum": 0.9},
                    {"name": "adam", "schedule": "cosine"},
                    {"name": "sgd", "schedule": {"name": "step", "factor": 0.5}},
                    {"name": "sgd", "schedule": {"name": "step", "factor": 0.1}},
                ],
                "activation": ["leaky_relu", {"name": "leaky_relu", "negative_slope": 0.2}],
            },
            [
                "activation.negative_slope",
                "initializer.scale",  # which auto computes from the slope
                "output_initializer.scale",
                "optimizer.momentum",
                "optimizer.schedule",
                "optimizer.schedule.factor",
            ],
        ),
        (
            {
                "model": [
                    {"name": "mlp", "hidden_units": [8, 8]},
                    {"name": "mlp", "hidden_units": [16, 8]},
                ]
            },
            ["model.hidden_units"],
        ),
    ],
)
def test_parameters_vary_under_one_entry(spec, varying):
    assert varying_parameters(configs(**spec)) == varying


def test_nothing_varies_among_no_configurations():
    assert varying_parameters([]) == []


def test_a_parameter_that_is_left_out_at_its_default_has_that_value():
    places = ["before_activation", "after_activation"]
    found = configs(normalization={"name": "batch", "position": places})
    assert "position" not in found[0]["normalization"]
    assert [parameter_value(config, "normalization.position") for config in found] == places
    assert varying_parameters(found) == ["normalization.position"]
