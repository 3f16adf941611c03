"""What training measures is what the registry has."""

import pytest
import torch.nn.functional as F

from service.catalog.losses import ENTRIES
from service.catalog.metrics import EPOCH_METRICS, parts_of
from workers.datasets.targets import TargetScale
from workers.nn.losses import LOSSES, Loss, accuracy
from workers.training.metrics import STEP_METRICS, Metrics

#: Recorded by the trainers themselves.
_OF_TRAINERS = {"learning_rate", "epoch_seconds"}


SCALE = TargetScale(100.0, 4.0, {"training": 1.0, "validation": 2.0, "test": 0.0})


def loss_of(name):
    """Return a loss with its defaults."""
    (entry,) = (entry for entry in ENTRIES if entry.name == name)
    return LOSSES[name](**{parameter.name: parameter.default for parameter in entry.parameters})


def metrics_of(name):
    """Return the metrics of a loss, of ten samples in five steps."""
    loss = loss_of(name)
    return Metrics(loss, 10, 5, SCALE if loss.task == "regression" else None)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_whatever_a_loss_measures_is_in_the_registry(loss):
    for name in metrics_of(loss).names:
        assert parts_of(name)["training"] == name
        assert "validation" in parts_of(name), name


def test_every_metric_of_the_registry_is_measured():
    measured = {*STEP_METRICS, *_OF_TRAINERS}
    for loss in LOSSES:
        metrics = metrics_of(loss)
        measured |= metrics.trained([0.0] * metrics.sums).keys()
        measured |= metrics.evaluated("validation", [0.0] * len(metrics.names)).keys()
    assert measured == set(EPOCH_METRICS)


def test_the_means_of_a_part_have_the_parts_names():
    loss = Loss(F.cross_entropy, F.cross_entropy, {"accuracy": accuracy})
    metrics = Metrics(loss, samples=10, steps=5)
    assert metrics.evaluated("validation", [1.5, 0.5]) == {"val_loss": 1.5, "val_accuracy": 0.5}
    assert metrics.evaluated("test", [2.5, 0.25]) == {"test_loss": 2.5, "test_accuracy": 0.25}
    trained = metrics.trained([20.0, 5.0, 10.0, 2.5])
    wanted = {"loss": 2.0, "accuracy": 0.5, "gradient_norm": 2.0, "clipped_fraction": 0.5}
    assert trained == wanted


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber"])
def test_errors_are_in_the_targets_units(loss):
    metrics = metrics_of(loss)
    found = metrics.evaluated("validation", [7.0, 0.25, 0.5])
    wanted = {"val_loss": 7.0, "val_mae": 1.0, "val_rmse": 4 * 0.5**0.5, "val_r2": 0.75}
    assert found == pytest.approx(wanted)
    # Targets that do not vary are explained if they are met, and not at all if not.
    assert metrics.evaluated("test", [7.0, 0.25, 0.5])["test_r2"] == 0
    assert metrics.evaluated("test", [0.0, 0.0, 0.0])["test_r2"] == 1
    trained = metrics.trained([70.0, 2.5, 5.0, 10.0, 2.5])
    wanted = {"loss": 7.0, "mae": 1.0, "rmse": 4 * 0.5**0.5}
    assert trained == pytest.approx(wanted | {"gradient_norm": 2.0, "clipped_fraction": 0.5})
