"""Labels: short, never shared by two values of an axis, and names that tell runs apart."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.specs.expansion import SpecError, expand
from service.specs.labels import (
    RunLabels,
    label_configurations,
    label_runs,
    varying_axes,
    with_axis,
    written_label,
)
from service.specs.limits import Limits
from service.specs.spec import AXIS_FIELDS, ExperimentSpec, axis_value
from service.specs.written_values import number_text, rounded_text
from tests.support.random_specs import specs

SLOPES = ["relu", "leaky_relu", {"name": "leaky_relu", "negative_slope": 0.2}]


def labelled(**spec) -> list[RunLabels]:
    """The labels of a spec's runs, in their order."""
    runs = expand(ExperimentSpec.model_validate(spec), Limits())
    labels = label_runs(runs)
    return [labels[run.key] for run in runs]


def names(**spec):
    return [labels.name for labels in labelled(**spec)]


def test_a_label_has_the_parameters_that_are_not_at_their_defaults():
    labels = labelled(activation=["relu", SLOPES[2]], batch_size=32, dropout=0.5)
    assert [label.by_axis["activation"] for label in labels] == [
        "relu",
        "leaky_relu(negative_slope=0.2)",
    ]
    assert set(labels[0].by_axis) == set(AXIS_FIELDS)
    assert labels[0].by_axis["batch_size"] == 32
    assert labels[0].by_axis["dropout"] == "dropout(rate=0.5)"


def test_a_parameter_that_varies_is_in_every_label_of_its_entry():
    rates = {"name": "adam", "learning_rate": [1e-4, 1e-3, 1e-2]}
    assert names(activation="relu", optimizer=["sgd", rates]) == [
        "sgd",
        "adam(learning_rate=0.0001)",
        "adam(learning_rate=0.001)",
        "adam(learning_rate=0.01)",
    ]
    schedules = {"name": "adam", "schedule": ["constant", {"name": "step", "factor": [0.1, 0.5]}]}
    assert names(activation="relu", optimizer=schedules) == [
        "adam(schedule=constant)",
        "adam(schedule=step)",
        "adam(schedule=step(factor=0.5))",
    ]


def test_parameters_are_named_and_numbers_written_as_people_write_them():
    rates = {"name": "sgd", "learning_rate": [50, 1e-5, 2.5e-7, 0.0001, 3]}
    assert names(activation="relu", optimizer=rates) == [
        f"sgd(learning_rate={number})" for number in ("50", "1e-5", "2.5e-7", "0.0001", "3")
    ]
    heavy = {"name": "sgd", "momentum": 0.5, "nesterov": True, "learning_rate": 1.0}
    (labels,) = labelled(
        activation={"name": "formula", "expression": "a * x", "parameters": {"a": 2.0}},
        optimizer=heavy,
        model={"name": "mlp", "hidden_units": [16, 8]},
        dataset="digits",
    )
    assert labels.by_axis["optimizer"] == "sgd(learning_rate=1, momentum=0.5, nesterov=true)"
    assert labels.by_axis["model"] == "mlp(hidden_units=[16, 8], head=multiclass)"
    assert labels.by_axis["activation"] == "formula(a * x, a=2)"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was_written(number):
    assert float(number_text(number)) == number
    assert len(number_text(number)) <= len(repr(number))


def test_a_rounded_number_has_no_sign_of_its_power():
    numbers = [588.7, 0.0000123, -0.25, 999_999.0, 1.62e19, 12_345_678, 0.0, 1e6]
    assert [rounded_text(number, 2) for number in numbers] == [
        *("590", "1.2e-5", "-0.25", "1e6", "1.6e19", "1.2e7", "0", "1e6")
    ]
    assert rounded_text(float("inf"), 2) == "inf"


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 6))
def test_a_rounded_number_is_as_near_as_its_digits(number, digits):
    assert float(rounded_text(number, digits)) == float(f"{number:.{digits}g}")


def test_parameters_are_named_where_several_vary():
    rates = [{"name": "sgd", "learning_rate": 0.9}, {"name": "sgd", "momentum": 0.9}]
    (fast, heavy) = [
        each.by_axis["optimizer"] for each in labelled(activation="relu", optimizer=rates)
    ]
    assert fast == "sgd(learning_rate=0.9, momentum=0)"
    assert heavy == "sgd(learning_rate=0.01, momentum=0.9)"


@given(st.lists(specs(), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_equal_labels_are_equal_values(drawn):
    configs = {}
    for spec in drawn:
        try:
            (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
        except (SpecError, ValidationError):
            continue
        configs[run.key] = run.configuration.values
    labels = label_configurations(configs)
    for axis in AXIS_FIELDS:
        pairs = {
            (
                labels[key].by_axis[axis],
                orjson.dumps(axis_value(config, axis), option=orjson.OPT_SORT_KEYS),
            )
            for key, config in configs.items()
        }
        assert len({label for label, _ in pairs}) == len({value for _, value in pairs}), axis
        assert len(pairs) == len({label for label, _ in pairs})
    assert len({each.name for each in labels.values()}) == len(configs)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"activation": SLOPES, "seeds": 1},
            ["relu", "leaky_relu(negative_slope=0.01)", "leaky_relu(negative_slope=0.2)"],
        ),
        ({"activation": "relu", "seeds": 2}, ["relu", "relu"]),
        (
            {"activation": ["relu", "selu"], "clipping": ["none", "value"], "batch_size": [8, 16]},
            [
                f"{activation}, {clipping}, batch size {size}"
                for activation in ("relu", "selu")
                for clipping in ("no clipping", "value")
                for size in (8, 16)
            ],
        ),
        ({"activation": "relu", "dropout": [0, 0.5]}, ["no dropout", "dropout(rate=0.5)"]),
        (
            {"activation": "relu", "normalization": ["none", "batch"]},
            ["no normalization", "batch"],
        ),
    ],
)
def test_a_name_has_what_varies_in_words(spec, expected):
    assert names(**spec) == expected


def test_a_name_leaves_out_what_an_earlier_axis_decides():
    """``auto`` gives relu and tanh initializers of their own."""
    assert names(activation=["relu", "tanh"]) == ["relu", "tanh"]
    assert names(activation=["relu", "tanh"], initializer=["auto", "zeros"]) == [
        "relu, he_uniform",
        "relu, zeros",
        "tanh, glorot_uniform",
        "tanh, zeros",
    ]


def test_a_variant_comes_first_in_the_name():
    variants = [
        {"label": "small", "activation": "relu", "dropout": [0, 0.25]},
        {"label": "self-normalizing", "activation": "selu"},
    ]
    labels = labelled(variants=variants)
    assert [label.name for label in labels] == [
        "small, no dropout",
        "small, dropout(rate=0.25)",
        "self-normalizing, alpha_dropout(rate=[0.25, 0.5])",
    ]
    assert [each.by_axis["variant"] for each in labels] == ["small", "small", "self-normalizing"]
    assert names(variants=variants[1:]) == ["self-normalizing"]


def test_a_label_says_its_axis_where_it_needs_it():
    words = {
        ("clipping", "none"): "no clipping",
        ("batch_size", 2): "batch size 2",
        ("optimizer.learning_rate", 1e-5): "learning rate 1e-5",
        ("optimizer.momentum", None): "no momentum",
        ("optimizer.nesterov", True): "nesterov true",
        ("activation", "relu"): "relu",
        ("variant", "none"): "none",
        ("experiment", "none"): "none",
    }
    assert {key: with_axis(*key) for key in words} == words


def test_what_the_catalog_no_longer_has_is_spelled_out():
    config = {"activation": {"name": "forgotten", "b": 1, "a": {"name": "inner", "c": 2.5}}}
    (labels,) = label_configurations({(None, "hash"): config}).values()
    assert labels.name == labels.by_axis["activation"] == "forgotten(a=inner(c=2.5), b=1)"
    assert labels.by_axis["dataset"] is None


def test_no_configurations_have_no_varying_axes():
    assert label_configurations({}) == {}
    assert varying_axes([]) == []


def test_a_grid_of_rates_is_told_whatever_its_form():
    rates = [0.5, [0.5, 0.5], [0.5, 0.25], [[0.5], [0.25]], {"low": 0.1, "high": 0.5, "count": 3}]
    spec = {"activation": "relu", "model": "mlp", "dataset": "digits"}
    told = []
    for rate in rates:
        dropout = {"name": "dropout", "rate": rate}
        (choice,) = ExperimentSpec.model_validate({**spec, "dropout": dropout}).dropout
        told.append(str(choice))
    assert told[:3] == ["dropout(rate=0.5)", "dropout(rate=0.5)", "dropout(rate=[0.5, 0.25])"]
    assert all(text.startswith("dropout(rate=") for text in told)


@pytest.mark.parametrize(
    ("axis", "asked", "label"),
    [
        ("activation", "swish", "silu"),
        ("activation", "swish(beta=2.0)", "silu(beta=2)"),
        ("output_initializer", "kaiming_normal", "he_normal"),
        ("optimizer", "adam(learning_rate=.001)", "adam(learning_rate=0.001)"),
        ("model", "mlp(hidden_units=[32, 32])", "mlp(hidden_units=[32, 32])"),
        ("variant", "swish", "swish"),
    ],
)
def test_a_label_that_a_person_wrote_is_written_as_here(axis, asked, label):
    assert written_label(axis, asked) == label
