"""Losses of runs that minimize different ones: not compared, with what to compare by instead."""

import pytest

from service.comparison.targets import Target
from service.errors import ConflictError
from tests.service.comparison.test_ranking import compare, train

SMOOTHED = [{"name": "categorical_crossentropy", "label_smoothing": part} for part in (0, 0.5)]
NUMBERS = {"dataset": "diabetes", "model": {"name": "mlp", "hidden_units": [4]}}


def test_losses_of_different_objectives_are_not_compared(lab, api):
    errors = ["mean_squared_error", "mean_absolute_error"]
    experiment_id = lab.submit(loss=errors, **NUMBERS)
    train(lab, lambda *_: {"val_loss": 0.5})
    for metric, instead in (("val_loss", "val_rmse"), ("loss", "rmse")):
        with pytest.raises(ConflictError) as refused:
            compare(lab, experiment_id, metric=metric)
        assert str(refused.value) == (
            "Losses can only be compared between runs that minimize the same one. These minimize "
            f"mean_squared_error; mean_absolute_error. Compare by {instead}."
        )
    for metric in ("val_rmse", "val_mae", "epoch_seconds"):
        assert len(compare(lab, experiment_id, metric=metric).groups) == 2, metric
    path = f"/v1/experiments/{experiment_id}"
    for asked in ("comparison", "figures/comparison.svg", "figures/heatmap.svg"):
        assert api.get(f"{path}/{asked}?metric=val_loss").status_code == 409, asked
    # To draw each run's own loss is to compare nothing.
    assert api.get(f"{path}/figures/learning_curves.svg?metric=val_loss").status_code == 200


def test_parameters_of_a_loss_count_too_and_so_do_targets(lab):
    experiment_id = lab.submit(loss=SMOOTHED)
    with pytest.raises(ConflictError, match=r"label_smoothing=0\.5\). Compare by test_accuracy\."):
        compare(lab, experiment_id, metric="test_loss")
    with pytest.raises(ConflictError, match="Set the target on val_accuracy"):
        compare(lab, experiment_id, metric="epochs_to", target=Target("val_loss", 0.5))
    target = Target("val_accuracy", 0.5)
    assert compare(lab, experiment_id, metric="epochs_to", target=target).groups


def test_runs_of_one_loss_are_compared_by_it(lab):
    experiment_id = lab.submit(loss="huber", activation=["relu", "tanh"], **NUMBERS)
    assert len(compare(lab, experiment_id, metric="val_loss").groups) == 2
