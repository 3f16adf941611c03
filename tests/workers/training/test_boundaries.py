"""Decision boundaries come with the layer statistics of data of two features."""

import pytest
import torch

from workers.datasets.loading import load
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse
from workers.training.solo import train

CPU = torch.device("cpu")
PLANE = {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [4]}, "batch_size": 50}


def boundaries(config):
    """For each probed epoch, the first being 0, the boundary or None."""
    results = train(config, 0, load(config.dataset), CPU, threads=1)
    probed = [result.statistics for result in results if getattr(result, "statistics", None)]
    return [statistics.boundary for statistics in probed]


def test_every_probed_epoch_has_one_and_the_last_is_finer(configure):
    statistics = {"every": 1, "samples": 20}
    found = boundaries(configure(**PLANE, epochs=2, layer_statistics=statistics))
    assert [boundary.size for boundary in found] == [50, 50, 100]
    first, second, last = found
    assert (first.extent, first.points) == (last.extent, last.points)
    assert first.confidence != second.confidence
    assert {*last.labels} == {*last.predicted, *last.labels} == {0, 1}
    assert len(last.points) == 300


def test_a_network_that_is_not_trained_has_its_own(configure):
    (only,) = boundaries(configure(**PLANE, epochs=0, layer_statistics={"samples": 20}))
    assert only is not None


@pytest.mark.parametrize("epochs", [0, 1])
def test_images_have_none(configure, epochs):
    found = boundaries(configure(epochs=epochs, layer_statistics={"samples": 20}))
    assert found == [None] * (epochs + 1)


def outputs(results):
    return [
        result.statistics.outputs
        for result in results
        if getattr(result, "statistics", None) is not None
    ]


def test_the_last_epoch_has_outputs_and_packs_have_the_same(configure):
    plane = {**PLANE, "dataset": {"name": "moons", "validation_split": 0.2}}
    config = configure(**plane, epochs=2, layer_statistics={"every": 1, "samples": 20})
    data = load(config.dataset)
    *before, last = outputs(train(config, 0, data, CPU, threads=1))
    assert before == [None, None]
    assert last.samples == len(data.validation)
    counts = data.validation.labels.bincount().tolist()
    assert [of_class.count for of_class in last.classes] == counts
    pack = PackedTraining([(config, 0), (config, 1)], data, CPU)
    packed = [item for item in pack.run() if not isinstance(item, Pulse)]
    *before, alike = outputs(item[0] for item in packed)
    assert before == [None, None]
    assert alike == last
    assert outputs(item[1] for item in packed)[-1] != last
