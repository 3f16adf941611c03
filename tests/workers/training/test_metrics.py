"""What training measures is what the registry has."""

import pytest
import torch.nn.functional as F

from service.catalog.metrics import EPOCH_METRICS, parts_of
from workers.nn.losses import LOSSES, Loss, accuracy
from workers.training.metrics import STEP_METRICS, Metrics

#: Recorded by the trainers themselves.
_OF_TRAINERS = {"learning_rate", "epoch_seconds"}


@pytest.mark.parametrize("loss", LOSSES)
def test_whatever_a_loss_measures_is_in_the_registry(loss):
    metrics = Metrics(LOSSES[loss](label_smoothing=0.0), samples=10, steps=5)
    for name in metrics.names:
        assert parts_of(name)["training"] == name
        assert "validation" in parts_of(name), name


def test_every_metric_of_the_registry_is_measured():
    measured = {*STEP_METRICS, *_OF_TRAINERS}
    for loss in LOSSES.values():
        metrics = Metrics(loss(label_smoothing=0.0), samples=10, steps=5)
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
