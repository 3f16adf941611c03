"""Optimizers against their published updates, in float64, and their state restored."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from service.specs.choices import choice
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.nn.optimizers import OPTIMIZERS
from workers.training.solo import SoloTraining
from workers.training.steering import Steering

PROVED = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"}

NO_DECAY = {"coupled_weight_decay": 0.0, "decoupled_weight_decay": 0.0}

RNG = np.random.default_rng(1)
START = RNG.standard_normal(50)
# From ordinary gradients to some as small as epsilon, where its place shows.
GRADIENTS = RNG.standard_normal((6, 50)) * np.geomspace(1, 1e-8, 50)


def stepped(name, **parameters):
    weights = torch.nn.Parameter(torch.tensor(START))
    decay = {} if name == "adamw" else NO_DECAY
    optimizer = OPTIMIZERS[name]([weights], **{**decay, **parameters})
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


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_adamw_decays_apart_from_the_gradient(weight_decay):
    weights, mean, square = START.copy(), np.zeros(50), np.zeros(50)
    for step, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        corrected = np.sqrt(square / (1 - 0.95**step)) + 1e-7
        adam = (mean / (1 - 0.8**step)) / corrected
        weights -= 0.01 * (adam + weight_decay * weights)
    found = stepped(
        "adamw",
        learning_rate=0.01,
        beta_1=0.8,
        beta_2=0.95,
        epsilon=1e-7,
        weight_decay=weight_decay,
    )
    np.testing.assert_allclose(found, weights, rtol=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_rmsprop_divides_by_the_running_root_mean_square(momentum, epsilon):
    weights, square, velocity = START.copy(), np.zeros(50), np.zeros(50)
    for gradient in GRADIENTS:
        square = 0.8 * square + 0.2 * gradient**2
        velocity = momentum * velocity + gradient / (np.sqrt(square) + epsilon)
        weights -= 0.01 * velocity
    found = stepped("rmsprop", learning_rate=0.01, rho=0.8, momentum=momentum, epsilon=epsilon)
    np.testing.assert_allclose(found, weights, rtol=1e-9)


@pytest.mark.parametrize("initial", [0.0, 0.1])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_adagrad_divides_by_the_root_of_the_sum_of_squares(initial, epsilon):
    weights, total = START.copy(), np.full(50, initial)
    for gradient in GRADIENTS:
        total += gradient**2
        weights -= 0.1 * gradient / (np.sqrt(total) + epsilon)
    found = stepped("adagrad", learning_rate=0.1, initial_accumulator=initial, epsilon=epsilon)
    np.testing.assert_allclose(found, weights, rtol=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_nadam_is_torchs(decay):
    weights = torch.nn.Parameter(torch.tensor(START))
    own = torch.optim.NAdam(
        [weights], 0.01, (0.8, 0.95), 1e-7, weight_decay=decay, momentum_decay=0.01, foreach=False
    )
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        own.step()
    found = stepped("nadam", **NADAM, coupled_weight_decay=decay)
    np.testing.assert_allclose(found, weights.detach().numpy(), rtol=1e-12)


def test_nadam_is_algorithm_2():
    weights, mean, square, product = START.copy(), np.zeros(50), np.zeros(50), 1.0
    for step, gradient in enumerate(GRADIENTS, start=1):
        momentum, following = (0.8 * (1 - 0.5 * 0.96 ** (0.01 * t)) for t in (step, step + 1))
        product *= momentum
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        ahead = following * mean / (1 - product * following)
        ahead += (1 - momentum) * gradient / (1 - product)
        weights -= 0.01 * ahead / (np.sqrt(square / (1 - 0.95**step)) + 1e-7)
    # Torch keeps the product of the momenta in float32.
    np.testing.assert_allclose(stepped("nadam", **NADAM), weights, rtol=1e-6)


NADAM = {
    "learning_rate": 0.01,
    "beta_1": 0.8,
    "beta_2": 0.95,
    "epsilon": 1e-7,
    "momentum_decay": 0.01,
}


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_lion_is_algorithm_2(decay):
    weights, mean = START.copy(), np.zeros(50)
    for gradient in GRADIENTS:
        direction = np.sign(0.9 * mean + 0.1 * gradient)
        weights -= 0.01 * (direction + decay * weights)
        mean = 0.8 * mean + 0.2 * gradient
    found = stepped(
        "lion", learning_rate=0.01, beta_1=0.9, beta_2=0.8, decoupled_weight_decay=decay
    )
    np.testing.assert_allclose(found, weights, rtol=1e-12)


#: Parameters of each optimizer that has both decays.
DECAYING = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": False},
    "adam": {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-7},
    "rmsprop": {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.5, "epsilon": 1e-7},
    "adagrad": {"learning_rate": 0.1, "initial_accumulator": 0.1, "epsilon": 1e-7},
    "nadam": NADAM,
    "lion": {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.8},
}


def test_every_optimizer_decays():
    assert {*DECAYING, "adamw"} == set(OPTIMIZERS)


@pytest.mark.parametrize("name", DECAYING)
def test_a_coupled_decay_is_a_gradient_of_the_weights(name):
    plain, decayed = (
        torch.nn.Parameter(torch.tensor(START)),
        torch.nn.Parameter(torch.tensor(START)),
    )
    coupled = {**NO_DECAY, "coupled_weight_decay": 0.2}
    own = OPTIMIZERS[name]([plain], **DECAYING[name], **NO_DECAY)
    ours = OPTIMIZERS[name]([decayed], **DECAYING[name], **coupled)
    for gradient in GRADIENTS:
        plain.grad = torch.tensor(gradient) + 0.2 * plain.detach()
        decayed.grad = torch.tensor(gradient)
        own.step()
        ours.step()
    np.testing.assert_allclose(decayed.detach().numpy(), plain.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", DECAYING)
def test_a_decoupled_decay_shrinks_the_weights_before_each_step(name):
    """By the rate of that step, of which the slots know nothing."""
    plain, decayed = (
        torch.nn.Parameter(torch.tensor(START)),
        torch.nn.Parameter(torch.tensor(START)),
    )
    decoupled = {**NO_DECAY, "decoupled_weight_decay": 0.3}
    own = OPTIMIZERS[name]([plain], **DECAYING[name], **NO_DECAY)
    ours = OPTIMIZERS[name]([decayed], **DECAYING[name], **decoupled)
    for number, gradient in enumerate(GRADIENTS, start=1):
        rate = 0.01 / number
        for optimizer in (own, ours):
            optimizer.param_groups[0]["lr"] = rate
        plain.grad, decayed.grad = torch.tensor(gradient), torch.tensor(gradient)
        with torch.no_grad():
            plain.mul_(1 - rate * 0.3)
        own.step()
        ours.step()
    np.testing.assert_allclose(decayed.detach().numpy(), plain.detach().numpy(), rtol=1e-12)


def test_adam_with_a_decoupled_decay_is_adamw():
    adam = DECAYING["adam"]
    found = stepped("adam", **adam, decoupled_weight_decay=0.3)
    np.testing.assert_allclose(found, stepped("adamw", **adam, weight_decay=0.3), rtol=1e-12)


def test_every_optimizer_is_proved_here():
    assert set(OPTIMIZERS) == PROVED


def only_config(**spec):
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    return run.config


class Tiny(SoloTraining):
    """A training's state and the way it is taken up, around a network of a few weights."""

    def __init__(self, name, parameters):
        generator = torch.Generator().manual_seed(7)
        self.network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
        self.network.to(memory_format=torch.channels_last)
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        self.optimizer = OPTIMIZERS[name](self.network.parameters(), **parameters)
        self.device = torch.device("cpu")
        self.epoch, self.step, self.seconds = 1, 0, 0.0
        self.steering = Steering(only_config(activation="relu"))
        self.sums = torch.zeros(2, dtype=torch.float64)
        self.scaling = self.start = None
        self.updates = self.largest_updates = torch.zeros(2)

    def take(self, steps):
        for _ in range(steps):
            generator = torch.Generator().manual_seed(self.step)
            x = torch.randn(6, 1, 4, 4, generator=generator)
            self.optimizer.zero_grad()
            F.cross_entropy(self.network(x), torch.arange(6) % 3).backward()
            self.optimizer.step()
            self.step += 1
        return self


VARIANTS = [
    *((name, {}) for name in OPTIMIZERS),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", {"momentum": 0.9}),
    ("adagrad", {"initial_accumulator": 0.0}),
    ("adam", {"decoupled_weight_decay": 0.1}),
    ("lion", {"coupled_weight_decay": 0.1}),
]


@pytest.mark.parametrize(("name", "given"), VARIANTS, ids=str)
@pytest.mark.parametrize("before", [0, 3])
def test_a_state_taken_up_gives_the_same_bits(name, given, before):
    """Before the first step too, where some optimizers have no state yet and adagrad has one."""
    defaults = choice("optimizer", {"name": name, **given}).parameters
    parameters = {key: default for key, default in defaults.items() if key != "schedule"}
    whole = Tiny(name, parameters).take(before)
    state = copy.deepcopy(whole.state())
    expected = whole.take(3).state()
    resumed = Tiny(name, parameters).take(2)
    resumed.restore(state)
    found = resumed.take(3).state()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    if before:
        assert any(not torch.equal(state[key], expected[key]) for key in expected)
