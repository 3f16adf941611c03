"""Targets that are numbers: standardized by what is trained on, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import KFold

from service.catalog.datasets import ENTRIES
from service.specs.choices import choice
from workers.datasets.loading import load
from workers.datasets.targets import target_scale

TARGETS = load_diabetes(return_X_y=True, scaled=False)[1]


def diabetes(**parameters):
    return load(choice("dataset", {"name": "diabetes", **parameters}))


@pytest.mark.parametrize(
    ("parameters", "trained"),
    [
        ({}, np.arange(353)),
        ({"validation_split": 0.2}, np.arange(282)),
        (
            {"folds": 4, "fold": 1},
            [*KFold(4, shuffle=True, random_state=0).split(range(353))][1][0],
        ),
        ({"train_size": 50}, np.arange(50)),
    ],
)
def test_targets_are_standardized_by_what_is_trained_on(parameters, trained):
    data = diabetes(**parameters)
    used = TARGETS[trained]
    assert (data.classes, data.train.labels.dtype.is_floating_point) == (0, True)
    expected = (used - used.mean()) / used.std()
    np.testing.assert_allclose(data.train.labels.numpy(), expected, rtol=1e-5, atol=1e-6)
    tested = data.test or data.validation
    expected = (TARGETS[353:] - used.mean()) / used.std()
    np.testing.assert_allclose(tested.labels.numpy(), expected, rtol=1e-5, atol=1e-6)


numbers = st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=30).map(
    lambda targets: [target / 1000 for target in targets]
)


@given(trained=numbers, validated=numbers, seed=st.integers(0, 1000))
def test_errors_are_those_of_scikit_learn_in_the_targets_own_units(trained, validated, seed):
    parts = {"training": np.array(trained), "validation": np.array(validated)}
    scale = target_scale(parts)
    standardized = (parts["validation"] - scale.mean) / scale.deviation
    outputs = standardized + np.random.default_rng(seed).standard_normal(len(validated))
    errors = outputs - standardized
    found = scale.errors("validation", np.abs(errors).mean(), np.square(errors).mean())
    predicted = outputs * scale.deviation + scale.mean
    assert found["mae"] == pytest.approx(mean_absolute_error(validated, predicted), rel=1e-6)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(validated, predicted), rel=1e-6)
    if len({*validated}) > 1:
        expected = r2_score(validated, predicted)
        assert found["r2"] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["diabetes", "friedman"])
def test_the_catalog_knows_what_predicting_the_mean_comes_to(name):
    (entry,) = (entry for entry in ENTRIES if entry.name == name)
    sizes = {"train_size": 50_000, "test_size": 50_000} if name == "friedman" else {}
    data = load(choice("dataset", {"name": name, **sizes}))
    errors = data.validation.labels.double() * data.targets.deviation
    assert entry.target_deviation == pytest.approx(errors.square().mean().sqrt().item(), rel=0.01)
    assert entry.target_absolute_deviation == pytest.approx(errors.abs().mean().item(), rel=0.01)


def test_targets_that_do_not_vary_are_only_centred():
    for equal in (0.1, 0.0, 1e6):
        scale = target_scale({"training": np.full(7, equal)})
        assert scale.deviation == 1
    tiny = target_scale({"training": np.array([0.0, 1e-200])})
    assert np.isfinite(tiny.standardized(np.array([0.0, 5.0]))).all()
