"""Decision boundaries, against networks whose prediction is known everywhere."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from service.histories import layer_statistics
from workers.diagnostics.boundary import MOST_POINTS, decision_boundary

INPUTS = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.5, -2.0]])
LABELS = torch.tensor([0, 1, 1])


def linear(weight, bias):
    """A network whose logits are known: (batch, 2) to weight @ x + bias."""
    layer = nn.Linear(2, len(weight))
    layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    return layer


def grid(boundary):
    left, right, bottom, top = boundary.extent
    columns = np.linspace(left, right, boundary.size)
    rows = np.linspace(bottom, top, boundary.size)
    return np.meshgrid(columns, rows)


def test_the_grid_reaches_beyond_the_samples():
    boundary = decision_boundary(linear([[1.0, 0.0]], [0.0]), INPUTS, LABELS, size=11)
    assert boundary.extent == pytest.approx((-0.15, 1.15, -2.6, 2.6))
    assert boundary.points == INPUTS.tolist()
    assert boundary.labels == LABELS.tolist()


def test_one_logit_is_that_of_class_one():
    boundary = decision_boundary(linear([[3.0, -1.0]], [0.5]), INPUTS, LABELS, size=31)
    across, up = grid(boundary)
    probability = 1 / (1 + np.exp(-(3 * across - up + 0.5)))
    shape = (31, 31)
    np.testing.assert_array_equal(np.reshape(boundary.predicted, shape), probability > 0.5)
    np.testing.assert_allclose(
        np.reshape(boundary.confidence, shape),
        np.maximum(probability, 1 - probability),
        atol=6e-4,
    )


def test_several_logits_are_a_softmax():
    weight, bias = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0.0, 0.1, 0.2]
    boundary = decision_boundary(linear(weight, bias), INPUTS, LABELS, size=21)
    points = np.stack(grid(boundary), -1).reshape(-1, 2)
    shares = np.exp(points @ np.array(weight).T + bias)
    shares /= shares.sum(1, keepdims=True)
    np.testing.assert_array_equal(boundary.predicted, shares.argmax(1))
    np.testing.assert_allclose(boundary.confidence, shares.max(1), atol=6e-4)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 1)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first, second = (decision_boundary(network, INPUTS, LABELS, size=5) for _ in range(2))
    assert first == second
    assert network.training
    assert all(module.training for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_it_is_stored_as_json_and_small():
    inputs, labels = torch.randn(5_000, 2), torch.randint(0, 2, (5_000,))
    boundary = decision_boundary(linear([[1.0, 1.0]], [0.0]), inputs, labels)
    stored = json.dumps(boundary.as_dict())
    assert len(boundary.points) == len(boundary.labels) == MOST_POINTS
    assert len(stored) < 40_000


@pytest.mark.parametrize("scale", [1e-4, 1.0, 100.0])
def test_it_is_read_as_it_was_stored(scale):
    """Most exactly near the line between two classes, whose place must not move."""
    boundary = decision_boundary(linear([[scale, 0.0]], [0.0]), INPUTS, LABELS, size=21)
    stored = {"samples": 3, "layers": [], "boundary": boundary.as_dict()}
    read = layer_statistics.decode(layer_statistics.encode(stored))
    found = layer_statistics.boundary_content(read["boundary"])
    assert found["predicted"] == boundary.predicted
    assert found["size"] == 21
    assert found["extent"] == pytest.approx(boundary.extent, rel=1e-5)
    margin = np.array(boundary.confidence) - 0.5
    error = np.abs(np.array(found["confidence"]) - boundary.confidence)
    assert (error <= np.sqrt(margin / 0.5) / 255 + 1e-5).all()
    assert error.max() < 0.002


@pytest.mark.parametrize("features", [1, 3, 784])
def test_other_data_have_no_boundary(features):
    inputs = torch.zeros(4, features)
    assert decision_boundary(nn.Linear(features, 1), inputs, torch.zeros(4)) is None


def test_classes_that_no_byte_can_name_have_no_boundary():
    weight, bias = torch.zeros(257, 2).tolist(), [0.0] * 257
    assert decision_boundary(linear(weight, bias), INPUTS, LABELS, size=5) is None
    found = decision_boundary(linear(weight[1:], bias[1:]), INPUTS, LABELS, size=5)
    assert found.as_dict()["classes"] == 256


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_network_that_diverged_has_no_boundary(value):
    assert decision_boundary(linear([[value, 1.0]], [0.0]), INPUTS, LABELS, size=5) is None


def test_samples_that_are_all_equal_are_no_trouble():
    boundary = decision_boundary(linear([[1.0, 0.0]], [0.0]), torch.ones(3, 2), LABELS, size=5)
    left, right, bottom, top = boundary.extent
    assert left < 1 < right
    assert bottom < 1 < top
