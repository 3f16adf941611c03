"""Several values for a parameter: lists and ranges, multiplied out as axes are."""

import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.catalog.axes import AXES
from service.specs import grid
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import AXIS_FIELDS, ExperimentSpec
from tests.support.random_specs import entry_strategy, parameter_strategy

#: Entries with parameters, each with the axis of a spec that takes it.
ENTRIES = [
    (axis, entry)
    for axis in AXIS_FIELDS
    for entry in AXES.get(axis, {}).values()
    if entry.parameters
]


def parsed(**spec) -> ExperimentSpec:
    return ExperimentSpec.model_validate({"activation": "relu", **spec})


def optimizers(**parameters) -> list[dict]:
    planned = expand(parsed(optimizer={"name": "sgd", **parameters}), Limits())
    return [run.configuration.values["optimizer"] for run in planned]


def points(spec: ExperimentSpec) -> list[dict]:
    return [
        {axis: placed.value and str(placed.value) for axis, placed in point.items()}
        for _, point in grid.points(spec)
    ]


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_list_of_values_means_one_entry_for_each(data):
    """Every parameter of every entry of every axis."""
    axis, entry = data.draw(st.sampled_from(ENTRIES))
    parameter = data.draw(st.sampled_from(entry.parameters))
    written = data.draw(entry_strategy(entry))
    values = data.draw(st.lists(parameter_strategy(parameter), min_size=1, max_size=3))
    listed = parsed(**{axis: {**written, parameter.name: values}})
    explicit = parsed(**{axis: [{**written, parameter.name: value} for value in values]})
    assert points(listed) == points(explicit)
    assert grid.size(listed) == len(values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydantic warns where it writes another type
        stored = listed.model_dump(mode="json", exclude_none=True)
    again = ExperimentSpec.model_validate(stored)
    assert again.model_dump(mode="json", exclude_none=True) == stored
    if parameter.kind not in {"choice", "layers"}:  # a name is stored as its entry
        assert stored[axis][0][parameter.name] == values


def test_several_lists_multiply_out_and_the_last_varies_fastest():
    made = optimizers(learning_rate=[0.1, 0.2], momentum=[0.0, 0.9])
    assert [(one["learning_rate"], one["momentum"]) for one in made] == [
        (0.1, 0.0),
        (0.1, 0.9),
        (0.2, 0.0),
        (0.2, 0.9),
    ]


def test_lists_within_a_nested_entry_multiply_out():
    schedules = ["constant", {"name": "step", "every": [2, 3], "factor": [0.1, 0.5]}]
    made = optimizers(schedule=schedules)
    assert [one["schedule"] for one in made] == [
        {"name": "constant"},
        {"name": "step", "every": 2, "factor": 0.1},
        {"name": "step", "every": 2, "factor": 0.5},
        {"name": "step", "every": 3, "factor": 0.1},
        {"name": "step", "every": 3, "factor": 0.5},
    ]


def test_a_parameter_that_is_a_list_keeps_its_meaning():
    one = expand(parsed(model={"name": "mlp", "hidden_units": [8, 16]}), Limits())
    assert [run.config.model.hidden_units for run in one] == [[8, 16]]
    three = expand(parsed(model={"name": "mlp", "hidden_units": [[8, 16], [8], [4]]}), Limits())
    assert [run.config.model.hidden_units for run in three] == [[8, 16], [8], [4]]
    rates = expand(parsed(dropout={"name": "dropout", "rate": [[0.1, 0.2], 0.3]}), Limits())
    assert [run.config.dropout.rate for run in rates] == [[0.1, 0.2], [0.3, 0.3]]


def test_variants_and_equal_values_count_as_on_an_axis():
    grid_of_rates = {"name": "adam", "learning_rate": [0.1, 0.2, 0.1]}
    variants = [{"label": "a"}, {"label": "b", "optimizer": grid_of_rates}]
    planned = expand(parsed(optimizer="adam", variants=variants), Limits())
    assert [(run.label, run.config.optimizer.learning_rate) for run in planned] == [
        ("a", 0.001),
        ("b", 0.1),
        ("b", 0.2),
    ]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"low": 1e-4, "high": 1e-1, "count": 4, "scale": "log"}, [1e-4, 1e-3, 1e-2, 1e-1]),
        (
            {"low": 1e-4, "high": 1e-2, "count": 5, "scale": "log"},
            [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2],
        ),
        ({"low": 0, "high": 0.5, "count": 6}, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"low": 0.1, "high": 0.7, "count": 3, "scale": "linear"}, [0.1, 0.4, 0.7]),
    ],
)
def test_a_range_has_both_ends_and_values_that_read_well(written, values):
    assert [one["learning_rate"] for one in optimizers(learning_rate=written)] == values
    spec = parsed(optimizer={"name": "sgd", "learning_rate": written})
    stored = spec.model_dump(mode="json")["optimizer"][0]["learning_rate"]
    assert stored == {"scale": "linear", **written}


def test_a_range_of_integers_has_integers():
    sizes = {"low": 100, "high": 1000, "count": 4, "scale": "log"}
    spec = parsed(dataset={"name": "mnist", "train_size": sizes}, batch_size=10)
    found = [run.config.dataset.train_size for run in expand(spec, Limits())]
    assert found == [100, 215, 464, 1000]
    assert all(type(size) is int for size in found)


def test_a_range_of_rates_has_one_rate_for_all_layers():
    spec = parsed(dropout={"name": "dropout", "rate": {"low": 0.1, "high": 0.3, "count": 3}})
    rates = [run.config.dropout.rate for run in expand(spec, Limits())]
    assert rates == [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]


@given(
    low=st.floats(1e-6, 1e2, allow_subnormal=False),
    ratio=st.floats(1.001, 1e6),
    count=st.integers(2, 60),
    scale=st.sampled_from(["log", "linear"]),
)
def test_a_range_rises_evenly_and_keeps_within_its_ends(low, ratio, count, scale):
    high = min(low * ratio, 1e3)
    written = {"low": low, "high": high, "count": count, "scale": scale}
    try:
        found = [one["learning_rate"] for one in optimizers(learning_rate=written)]
    except ValidationError as error:
        assert "too narrow" in str(error)  # noqa: PT017 - most ranges are accepted
        return
    assert (found[0], found[-1], len(found)) == (low, high, count)
    assert found == sorted(set(found))
    for step, value in enumerate(found):
        share = step / (count - 1)
        exact = low * (high / low) ** share if scale == "log" else low + (high - low) * share
        assert math.isclose(value, exact, rel_tol=6e-3 if scale == "log" else 1e-9)


@pytest.mark.parametrize(
    ("optimizer", "location", "words"),
    [
        ({"learning_rate": [0.1, 0.2, -1]}, (2,), "greater than or equal to 0"),
        ({"learning_rate": []}, (), "at least 1"),
        ({"learning_rate": [[0.1]]}, (0,), "number"),
        ({"learning_rate": {"low": -1, "high": 1, "count": 2}}, ("low",), "equal to 0"),
        ({"learning_rate": {"low": 1, "high": 1e4, "count": 2}}, ("high",), "equal to 1000"),
        ({"learning_rate": {"low": 1, "high": 2}}, ("count",), "required"),
        ({"learning_rate": {"low": 1, "high": 2, "count": 1}}, ("count",), "equal to 2"),
        ({"learning_rate": {"low": 2, "high": 1, "count": 2}}, (), "must be below"),
        ({"learning_rate": {"low": 1, "high": 1.001, "count": 9, "scale": "log"}}, (), "narrow"),
        (
            {"learning_rate": {"low": 0, "high": 1, "count": 9, "scale": "log"}},
            (),
            "starts above 0",
        ),
        ({"learning_rate": {"low": 1, "high": 2, "step": 1}}, ("step",), "not permitted"),
        ({"nesterov": {"low": 0, "high": 1, "count": 2}}, (), "boolean"),
    ],
)
def test_a_bad_value_is_found_where_it_is(optimizer, location, words):
    with pytest.raises(ValidationError, match=words) as caught:
        parsed(optimizer={"name": "sgd", **optimizer})
    ends = [error["loc"][5:] for error in caught.value.errors()]
    assert location in ends


def test_a_combination_that_cannot_be_trained_is_found_at_its_value():
    with pytest.raises(SpecError) as caught:
        expand(
            parsed(
                dataset={
                    "name": "mnist",
                    "train_size": 50,
                    "preprocessing": ["scale", {"name": "pca", "components": [20, 60]}],
                },
                model="mlp",
                batch_size=10,
                optimizer={"name": "sgd", "nesterov": [False, True]},
            ),
            Limits(),
        )
    assert {error.location for error in caught.value.errors} == {
        ("dataset", 0, "preprocessing", 1, "components", 1),
        ("optimizer", 0, "nesterov", 1),
    }


def test_a_product_over_the_limit_is_refused_before_it_is_made():
    # Were it made, this would take days.
    many = {"low": 0.001, "high": 0.9, "count": 1_000}
    huge = {"name": "adam", "learning_rate": many, "beta_1": many, "beta_2": many}
    with pytest.raises(SpecError, match="1,000,000,000 runs, over the limit max_runs"):
        expand(parsed(optimizer=huge), Limits())
