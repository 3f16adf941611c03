"""Decision boundaries come with the last layer statistics of data of two features."""

import pytest
import torch

from workers.datasets.loading import load
from workers.training.solo import train

CPU = torch.device("cpu")
PLANE = {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [4]}, "batch_size": 50}


def boundaries(config):
    """For each probed epoch, the first being 0, the boundary or None."""
    results = train(config, 0, load(config.dataset), CPU, threads=1)
    probed = [result.statistics for result in results if getattr(result, "statistics", None)]
    return [statistics.boundary for statistics in probed]


def test_the_last_epoch_has_one_and_the_others_none(configure):
    statistics = {"every": 1, "samples": 20}
    *before, last = boundaries(configure(**PLANE, epochs=2, layer_statistics=statistics))
    assert before == [None, None]
    assert {*last.labels} == {*last.predicted, *last.labels} == {0, 1}
    assert len(last.points) == 300


def test_a_network_that_is_not_trained_has_its_own(configure):
    (only,) = boundaries(configure(**PLANE, epochs=0, layer_statistics={"samples": 20}))
    assert only is not None


@pytest.mark.parametrize("epochs", [0, 1])
def test_images_have_none(configure, epochs):
    found = boundaries(configure(epochs=epochs, layer_statistics={"samples": 20}))
    assert found == [None] * (epochs + 1)
