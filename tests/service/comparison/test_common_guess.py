"""The guess of a comparison: of the part that was measured, and of data that differ."""

import pytest

from service.histories.diagnoses import Insight
from tests.service.comparison.test_ranking import compare
from tests.support.layer_samples import statistics

SPEC = {
    "activation": ["relu", "tanh"],
    "model": {"name": "mlp", "hidden_units": [4]},
    "reuse": False,
}
CHURN = {"name": "churn", "train_size": 400}
COUNTS = {0: [60, 20], 1: [64, 16]}


def counted(*counts):
    """The insight of a last epoch whose validation part has so many samples of each class."""
    classes = [{"label": label, "count": count} for label, count in enumerate(counts)]
    return Insight(statistics() | {"outputs": {"samples": sum(counts), "classes": classes}})


def trained(lab, value, counts=None, metric="val_accuracy", **also):
    """Train what waits, with a value of the metric and the counts of each class."""
    while held := lab.claim():
        found = also | {metric: value(held)}
        for epoch in range(1, held.epochs):
            lab.epoch(held, epoch, **found)
        insight = Insight() if counts is None else counted(*counts(held.config))
        lab.epoch(held, held.epochs, "completed", insight, **found)


def test_the_headline_is_of_the_part_that_was_measured(lab):
    """tanh is above the share of the test part, .7975, and not above that of this part, .85."""
    dataset = CHURN | {"validation_split": 0.2}
    experiment_id = lab.submit(dataset=dataset, seeds=3, **SPEC)
    best = {"tanh": 0.86, "relu": 0.82}
    trained(
        lab,
        lambda held: best[held.config["activation"]["name"]] + held.seed / 100 - 0.01,
        lambda config: [68, 12],
    )
    found = compare(lab, experiment_id)
    assert found.guess == 0.85
    assert found.groups[0].ci95[0] < 0.85 < found.groups[0].mean
    assert "It is not shown to be better than guessing (85.00%)." in found.headline


def test_over_folds_it_is_the_mean_as_of_the_values(lab):
    dataset = CHURN | {"folds": 5, "fold": [0, 1]}
    experiment_id = lab.submit(dataset=dataset, seeds=2, **SPEC)
    trained(
        lab,
        lambda held: 0.77 + held.seed / 1000,
        lambda config: COUNTS[config["dataset"]["fold"]],
    )
    found = compare(lab, experiment_id)
    assert found.design.average == ("dataset.fold",)
    assert found.guess == pytest.approx((60 + 64) / 160)
    assert "It is not shown to be better than guessing (77.50%)." in found.headline


def test_groups_with_other_data_have_none_in_common(lab):
    dataset = {"name": "friedman", "noise": [1.0, 5.0]}
    experiment_id = lab.submit(dataset=dataset, seeds=2, **SPEC)
    rmse = {1.0: 2.0, 5.0: 6.0}
    trained(
        lab,
        lambda held: rmse[held.config["dataset"]["noise"]] + held.seed / 10,
        metric="val_rmse",
        val_r2=0.0,
    )
    found = compare(lab, experiment_id, by=["dataset.noise", "activation"], metric="val_rmse")
    assert found.guess is None
    assert "guessing" not in found.headline
    together = compare(
        lab, experiment_id, by=["activation"], average=["dataset.noise"], metric="val_rmse"
    )
    assert together.guess == pytest.approx((4.982 + 6.98715) / 2)


def test_the_deviation_is_of_errors_and_r2_together(lab):
    dataset = {"name": "friedman", "noise": 5.0, "test_size": 500}
    experiment_id = lab.submit(dataset=dataset, seeds=3, **SPEC)
    trained(lab, lambda held: 5.66, metric="val_rmse", val_r2=0.373)
    found = compare(lab, experiment_id, metric="val_rmse")
    assert found.guess == pytest.approx(5.66 / (1 - 0.373) ** 0.5, rel=1e-5)
    assert "guessing" not in found.headline
