"""Recurrent cells against torch's own and against the papers' formulas written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from service.specs.choices import choice
from workers.nn.activations import ACTIVATIONS
from workers.nn.cells import CELLS
from workers.nn.normalizations import NORMALIZATIONS

TORCH = {"simple": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
INPUTS, UNITS, STEPS, BATCH = 5, 7, 9, 4
EPSILON = 1e-5


def cell(name, activation="tanh", normalization="none"):
    """Make a cell in float64 with random weights, its normalizations' scales and shifts too."""
    act = ACTIVATIONS[activation](**choice("activation", activation).parameters)(UNITS)
    parameters = choice("normalization", normalization).parameters
    parameters.pop("position", None)
    made = CELLS[name](INPUTS, UNITS, act, NORMALIZATIONS[normalization](**parameters)).double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator).double() * 0.4)
    return made


def sequence():
    generator = torch.Generator().manual_seed(4)
    return torch.randn(BATCH, STEPS, INPUTS, generator=generator).double()


def torchs_own(name, ours, **options):
    """Torch's network with the weights of ours; its second bias is zero."""
    theirs = TORCH[name](INPUTS, UNITS, batch_first=True, **options).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.weight[:, :INPUTS])
        theirs.weight_hh_l0.copy_(ours.weight[:, INPUTS:])
        theirs.bias_ih_l0.copy_(ours.bias)
        theirs.bias_hh_l0.zero_()
    return theirs


@pytest.mark.parametrize(
    ("name", "activation"),
    [("simple", "tanh"), ("simple", "relu"), ("gru", "tanh"), ("lstm", "tanh")],
)
def test_states_and_gradients_are_torchs(name, activation):
    ours = cell(name, activation)
    options = {"nonlinearity": activation} if name == "simple" else {}
    theirs = torchs_own(name, ours, **options)
    upstream = torch.randn(BATCH, STEPS, UNITS, generator=torch.Generator().manual_seed(5)).double()
    x, y = sequence().requires_grad_(), sequence().requires_grad_()
    states = torch.stack(ours(x), 1)
    expected, _ = theirs(y)
    torch.testing.assert_close(states, expected)
    states.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(ours.weight.grad[:, :INPUTS], theirs.weight_ih_l0.grad)
    torch.testing.assert_close(ours.weight.grad[:, INPUTS:], theirs.weight_hh_l0.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias_ih_l0.grad)


def layer_norm(ours, name, a):
    """Return g / sigma * (a - mu) + b, by the paper's equation 3."""
    norm = ours.normalized_by[name]
    mean = a.mean(1, keepdim=True)
    variance = ((a - mean) ** 2).mean(1, keepdim=True)
    return norm.weight * (a - mean) / (variance + EPSILON).sqrt() + norm.bias


def normalized_simple(ours, x, held):
    w, u = ours.weight[:, :INPUTS], ours.weight[:, INPUTS:]
    return (torch.tanh(layer_norm(ours, "sums", x @ w.T + held[0] @ u.T) + ours.bias),)


def normalized_gru(ours, x, held):
    w, u = ours.weight[:, :INPUTS], ours.weight[:, INPUTS:]
    gates, candidate = slice(2 * UNITS), slice(2 * UNITS, None)
    (h,) = held
    sums = layer_norm(ours, "gates_state", h @ u[gates].T)
    sums = sums + layer_norm(ours, "gates_input", x @ w[gates].T) + ours.bias[gates]
    r, z = torch.sigmoid(sums).chunk(2, 1)
    new = layer_norm(ours, "candidate_input", x @ w[candidate].T) + ours.bias[candidate]
    new = torch.tanh(new + r * layer_norm(ours, "candidate_state", h @ u[candidate].T))
    return (z * h + (1 - z) * new,)


def normalized_lstm(ours, x, held):
    w, u = ours.weight[:, :INPUTS], ours.weight[:, INPUTS:]
    h, c = held
    sums = layer_norm(ours, "state", h @ u.T) + layer_norm(ours, "input", x @ w.T) + ours.bias
    i, f, g, o = sums.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(layer_norm(ours, "cell", c)), c


@pytest.mark.parametrize(
    ("name", "step", "states"),
    [("simple", normalized_simple, 1), ("gru", normalized_gru, 1), ("lstm", normalized_lstm, 2)],
)
def test_layer_normalization_stands_where_its_paper_has_it(name, step, states):
    ours = cell(name, normalization="layer")
    x = sequence()
    held = (torch.zeros(BATCH, UNITS).double(),) * states
    for number, found in enumerate(ours(x)):
        held = step(ours, x[:, number], held)
        torch.testing.assert_close(found, held[0])


@pytest.mark.parametrize("name", CELLS)
def test_a_normalized_state_depends_on_its_own_sample_alone(name):
    for normalization in ("layer", "rms"):
        ours = cell(name, normalization=normalization)
        alone = ours(sequence()[:1])[-1]
        torch.testing.assert_close(ours(sequence())[-1][:1], alone)


@pytest.mark.parametrize(("name", "uses"), [("simple", 1), ("gru", 1), ("lstm", 2)])
def test_the_activation_is_that_of_the_state_and_the_gates_stay_sigmoids(name, uses):
    """With weights of zero every gate is one half, and the candidate f(b)."""
    ours = cell(name, "softsign")
    with torch.no_grad():
        ours.weight.zero_()
        ours.bias.zero_()
        candidate = ours.gate("state" if name == "simple" else "candidate", ours.bias)
        candidate.fill_(3.0)
    first = F.softsign(torch.tensor(3.0))  # 3/4
    expected = {
        "simple": first,
        "gru": first / 2,
        "lstm": F.softsign(first / 2) / 2,
    }[name]
    found = ours(sequence())[0]
    torch.testing.assert_close(found, expected.double().expand_as(found))
    seen = []
    ours.activation.register_forward_hook(lambda *_: seen.append(1))
    ours(sequence())
    assert len(seen) == uses * STEPS


@pytest.mark.parametrize("name", CELLS)
def test_z_values_are_seen_at_each_step(name):
    ours = cell(name)
    seen = []
    ours.z_values.register_forward_hook(lambda _module, _inputs, z: seen.append(z))
    states = ours(sequence())
    (gradient,) = torch.autograd.grad(states[-1].sum(), [seen[0]])
    assert len(seen) == STEPS
    assert gradient.abs().max() > 0
