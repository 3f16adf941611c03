"""Formulas in specs: what they multiply out to, their hashes, labels and dotted names."""

from typing import Any

import pytest

from service.specs.choices import choice
from service.specs.expansion import PlannedRun, SpecError, expand
from service.specs.labels import label_runs
from service.specs.limits import Limits
from service.specs.parameters import parameter_value, varying_parameters
from service.specs.selection import matches
from service.specs.spec import ExperimentSpec


def formula(expression: Any, **parameters: Any) -> dict[str, Any]:
    return {"name": "formula", "expression": expression, "parameters": parameters}


def runs_of(**fields: Any) -> list[PlannedRun]:
    return expand(ExperimentSpec.model_validate(fields), Limits())


def values_of(*activations: Any) -> list[dict[str, Any]]:
    runs = runs_of(activation=list(activations), initializer="he_normal")
    return [run.configuration.values for run in runs]


def test_expressions_and_parameters_multiply_out() -> None:
    runs = runs_of(
        activation=formula(
            ["b * x", "x + b * sin(c * x)"],
            b=[1, 2.5],
            c={"low": 1, "high": 4, "count": 3, "scale": "log"},
        )
        | {"expression": "x + b * sin(c * x)"}
    )
    assert [run.config.activation.parameters["parameters"] for run in runs] == [
        {"b": b, "c": c} for b in (1.0, 2.5) for c in (1.0, 2.0, 4.0)
    ]
    several = runs_of(activation=formula(["b * x", "x - b"], b=[1, 2]))
    assert [str(run.config.activation) for run in several] == [
        f"formula({text}, b={b})" for text in ("b * x", "x - b") for b in (1, 2)
    ]


def test_sets_of_parameters_are_a_list() -> None:
    several = {
        "name": "formula",
        "expression": "a * x + b",
        "parameters": [{"a": 1, "b": [0, 1]}, {"a": 3, "b": 0.5}],
    }
    assert [str(run.config.activation) for run in runs_of(activation=several)] == [
        "formula(a * x + b, a=1, b=0)",
        "formula(a * x + b, a=1, b=1)",
        "formula(a * x + b, a=3, b=0.5)",
    ]
    several["parameters"][1]["c"] = [1, 2]  # type: ignore[index]
    with pytest.raises(SpecError) as refused:
        runs_of(activation=several)
    assert refused.value.errors[0].location == ("activation", 0, "parameters", 1, "c", 0)


def test_an_error_is_at_the_value_that_was_taken() -> None:
    with pytest.raises(SpecError) as refused:
        runs_of(activation=formula(["x", "log(b * x)"], b=[1, 2]))
    places = {error.location for error in refused.value.errors}
    assert ("activation", 0, "expression", 1) in places
    assert ("activation", 0, "parameters", "b", 0) in places, "the first expression has no b"


def test_one_expression_has_one_hash_however_it_is_written() -> None:
    written = ["x*sigmoid(1.50*x)", "(x) * sigmoid( 1.5*x )", "+x * sigmoid((1.5 * x))"]
    runs = runs_of(activation=[formula(text) for text in written])
    assert len(runs) == 1
    assert runs[0].configuration.values["activation"] == formula("x * sigmoid(1.5 * x)")
    others = runs_of(activation=[formula("x * sigmoid(x * 1.5)"), formula("x * tanh(1.5 * x)")])
    assert len({run.config_hash for run in [*runs, *others]}) == 3


def test_a_stored_configuration_is_read_again() -> None:
    stored = values_of(formula("x * sigmoid(b * x)", b=2))[0]["activation"]
    again = choice("activation", stored)
    assert again.model_dump(mode="json") == stored
    assert hash(again) == hash(choice("activation", stored))


@pytest.mark.parametrize(
    ("axis", "written", "stored"),
    [
        ("activation", "swish", {"name": "silu"}),
        ("activation", {"name": "swish", "beta": 1}, {"name": "silu"}),
        ("activation", {"name": "swish", "beta": 2}, {"name": "silu", "beta": 2.0}),
        ("initializer", "normal", {"name": "normal", "stddev": 0.05}),
        ("initializer", "uniform", {"name": "uniform", "limit": 0.05}),
        ("initializer", "xavier_normal", {"name": "glorot_normal"}),
        (
            "initializer",
            {"name": "he_uniform", "negative_slope": 0.2},
            {"name": "he_uniform", "negative_slope": 0.2},
        ),
        ("initializer", "kaiming_uniform", {"name": "he_uniform"}),
    ],
)
def test_a_parameter_that_came_later_is_left_out_at_its_default(
    axis: str, written: Any, stored: dict[str, Any]
) -> None:
    """So the hashes of configurations from before stay."""
    assert choice(axis, written).model_dump(mode="json") == stored


def test_labels_tell_formulas_apart() -> None:
    runs = runs_of(activation=["relu", formula("b * x", b=[1, 2]), formula("x")])
    labels = [labelled.by_axis["activation"] for labelled in label_runs(runs).values()]
    assert labels == ["relu", "formula(b * x, b=1)", "formula(b * x, b=2)", "formula(x)"]


def test_constants_have_dotted_names_and_can_be_selected() -> None:
    configs = values_of(formula("a * x + b", a=1, b=[1, 2]), "relu")
    assert varying_parameters(configs) == ["activation.parameters.b"]
    assert [parameter_value(config, "activation.parameters.b") for config in configs] == [
        1.0,
        2.0,
        None,
    ]
    asked = {"activation": {"name": "formula", "parameters": {"b": 2}}}
    assert [matches(config, None, asked) for config in configs] == [False, True, False]
    assert not matches(configs[0], None, {"activation": {"parameters": 2}})


def test_ends_of_a_uniform_that_cross_are_refused() -> None:
    for given, name in [
        ({"low": 1, "high": 0}, "low"),
        ({"high": -1}, "high"),
        ({"low": 1}, "low"),
    ]:
        with pytest.raises(SpecError) as refused:
            runs_of(activation="relu", initializer={"name": "uniform", **given})
        (error,) = refused.value.errors
        assert error.location == ("initializer", 0, name)
        assert "above the upper end" in error.detail
