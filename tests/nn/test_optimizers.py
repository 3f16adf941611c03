"""Optimizers against their published updates, in float64."""

import numpy as np
import pytest
import torch

from workers.nn.optimizers import OPTIMIZERS
from workers.nn.schedules import SCHEDULES

RNG = np.random.default_rng(1)
START = RNG.standard_normal(50)
# From ordinary gradients to some as small as epsilon, where its place shows.
GRADIENTS = RNG.standard_normal((6, 50)) * np.geomspace(1, 1e-8, 50)


def stepped(name, **parameters):
    weights = torch.nn.Parameter(torch.tensor(START))
    optimizer = OPTIMIZERS[name]([weights], **parameters)
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        optimizer.step()
    return weights.detach().numpy()


@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True), (0.5, True)]
)
def test_sgd_is_keras_momentum(momentum, nesterov):
    weights, velocity = START.copy(), np.zeros(50)
    for gradient in GRADIENTS:
        velocity = momentum * velocity - 0.1 * gradient
        weights += momentum * velocity - 0.1 * gradient if nesterov else velocity
    found = stepped("sgd", learning_rate=0.1, momentum=momentum, nesterov=nesterov)
    np.testing.assert_allclose(found, weights, rtol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_adam_is_algorithm_1(epsilon):
    weights, mean, square = START.copy(), np.zeros(50), np.zeros(50)
    for step, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        corrected = np.sqrt(square / (1 - 0.95**step)) + epsilon
        weights -= 0.01 * (mean / (1 - 0.8**step)) / corrected
    found = stepped("adam", learning_rate=0.01, beta_1=0.8, beta_2=0.95, epsilon=epsilon)
    np.testing.assert_allclose(found, weights, rtol=1e-9)


def test_constant_schedule():
    factor = SCHEDULES["constant"]()
    assert {factor(step, 10) for step in range(10)} == {1.0}
