"""Layer statistics against a forward and backward pass written in NumPy, in float64."""

import copy

import numpy as np
import pytest
import torch

from tests.support.probe_networks import ball, constant, network, statistics
from workers.diagnostics import probe
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.probe import Probe
from workers.nn.losses import LOSSES

ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, lambda z: np.abs(z) > 2),
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
        lambda z: np.abs(z) > 4,
    ),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, np.zeros_like),
}


def weights_of(built):
    """Weights and biases of all layers as float64."""
    weighted = [*(layer.weighted for layer in built.hidden_layers()), built.output]
    return [
        tuple(parameter.detach().double().numpy() for parameter in (layer.weight, layer.bias))
        for layer in weighted
    ]


def head(z, labels):
    """The mean loss, the probabilities and the loss' gradient by the logits."""
    if z.shape[1] == 1:
        p = np.exp(-np.logaddexp(0, -z))
        targets = labels[:, None]
        loss = (np.logaddexp(0, z) - targets * z).mean()
    else:
        logs = z - np.logaddexp.reduce(z, 1, keepdims=True)
        p, targets = np.exp(logs), np.eye(z.shape[1])[labels]
        loss = -logs[targets == 1].mean()
    return loss, p, (p - targets) / len(z)


def plain_mlp(built, x, labels, activation):
    """What every layer's statistics are of: z, activation, gradient by weight and by z."""
    function, slope, _ = ACTIVATIONS[activation]
    parameters = weights_of(built)
    inputs, zs, h = [], [], x.reshape(len(x), -1)
    for weight, bias in parameters:
        inputs.append(h)
        zs.append(h @ weight.T + bias)
        h = function(zs[-1])
    loss, p, delta = head(zs[-1], labels)
    found = []
    for index in reversed(range(len(zs))):
        if index < len(zs) - 1:
            delta = (delta @ parameters[index + 1][0]) * slope(zs[index])
        values = p if index == len(zs) - 1 else function(zs[index])
        found.append((zs[index], values, delta.T @ inputs[index], delta))
    return loss, found[::-1]


def windows(x, size):
    """(samples, channels, height, width) to its (samples, rows, columns, channels, size, size)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return seen.transpose(0, 2, 3, 1, 4, 5)


def convolve(x, weight):
    return np.einsum("nrwcij,ocij->norw", windows(x, weight.shape[2]), weight)


def plain_cnn(built, x, labels, activation):
    function, slope, _ = ACTIVATIONS[activation]
    (w1, b1), (w2, b2), (w3, b3), (w4, b4) = weights_of(built)
    z1 = convolve(x, w1) + b1[:, None, None]
    a1 = function(z1)
    z2 = convolve(a1, w2) + b2[:, None, None]
    a2 = function(z2)
    n, channels, height, width = a2.shape
    blocks = a2.reshape(n, channels, height // 2, 2, width // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    flat = blocks.reshape(n, channels, height // 2, width // 2, 4)
    pooled = flat.max(-1)
    h = pooled.transpose(0, 2, 3, 1).reshape(n, -1)
    z3 = h @ w3.T + b3
    z4 = function(z3) @ w4.T + b4
    loss, p, d4 = head(z4, labels)
    d3 = (d4 @ w4) * slope(z3)
    back = (d3 @ w3).reshape(n, height // 2, width // 2, channels).transpose(0, 3, 1, 2)
    chosen = np.eye(4)[flat.argmax(-1)] * back[..., None]
    spread = chosen.reshape(n, channels, height // 2, width // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    d2 = spread.reshape(z2.shape) * slope(z2)
    size = w2.shape[2] - 1
    padded = np.pad(d2, ((0, 0), (0, 0), (size, size), (size, size)))
    d1 = convolve(padded, w2[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)) * slope(z1)
    by_w2 = np.einsum("norw,nrwcij->ocij", d2, windows(a1, w2.shape[2]))
    by_w1 = np.einsum("norw,nrwcij->ocij", d1, windows(x, w1.shape[2]))
    return loss, [
        (z1, a1, by_w1, d1),
        (z2, a2, by_w2, d2),
        (z3, function(z3), d3.T @ h, d3),
        (z4, p, d4.T @ function(z3), d4),
    ]


def agree(distribution, values, rel):
    expected = [values.mean(), values.std(), values.min(), values.max()]
    got = [distribution.mean, distribution.std, distribution.min, distribution.max]
    assert got == pytest.approx(expected, rel=rel, abs=rel * np.abs(values).max())
    assert distribution.count == values.size
    assert distribution.non_finite == 0


def check(found: NetworkStatistics, built, loss, expected, activation):
    _, slope, saturated = ACTIVATIONS[activation]
    assert found.loss == pytest.approx(loss, rel=1e-5)
    weighted = [*(layer.weighted for layer in built.hidden_layers()), built.output]
    for layer, module, (z, values, gradient, delta) in zip(
        found.layers, weighted, expected, strict=True
    ):
        agree(layer.z, z, 1e-5)
        agree(layer.activation, values, 1e-5)
        agree(layer.weight, module.weight.detach().double().numpy(), 1e-6)
        agree(layer.gradient, gradient, 1e-4)
        agree(layer.z_gradient, delta, 1e-4)
        assert layer.units == z.shape[1]
        by_unit = np.moveaxis(z, 1, 0).reshape(z.shape[1], -1)
        assert layer.signal == pytest.approx(by_unit.std(1).mean(), rel=1e-5)
        if layer.name == "output":
            steepness = values * (1 - values)
            assert layer.saturated_fraction == pytest.approx((steepness < 0.0176627).mean())
        else:
            assert layer.saturated_fraction == pytest.approx(saturated(z).mean(), abs=2 / z.size)
            zeros = values.astype(np.float32) == 0  # what float32 cannot tell from zero is zero
            assert layer.sparsity == pytest.approx(zeros.mean(), abs=2 / values.size)
            dead = (slope(by_unit) == 0).all(1)
            assert layer.dead_fraction == pytest.approx(dead.mean())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("stddev", [0.3, 1.5])
def test_a_dense_network_against_numpy(monkeypatch, activation, outputs, stddev):
    monkeypatch.setattr(probe, "CHUNK", 64)
    x, _ = ball(0, samples=300)
    labels = torch.arange(300) % max(outputs, 2)
    initializer = lambda shape, generator: generator.normal(0.05, stddev, shape)  # noqa: E731
    built = network(
        "mlp", (10,), outputs, activation, initializer, bias=0.1, hidden_units=[12, 7, 9]
    )
    kind = "binary_crossentropy" if outputs == 1 else "categorical_crossentropy"
    found = statistics(built, x, labels, kind)
    loss, expected = plain_mlp(built, x.double().numpy(), labels.numpy(), activation)
    assert [layer.name for layer in found.layers] == ["dense_1", "dense_2", "dense_3", "output"]
    check(found, built, loss, expected, activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_convolutional_network_against_numpy(monkeypatch, activation):
    monkeypatch.setattr(probe, "CONVOLUTION_CHUNK", 32)
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(90, 2, 12, 12, generator=generator)
    labels = torch.arange(90) % 5
    built = network(
        "mnist_cnn",
        (2, 12, 12),
        5,
        activation,
        "he_normal",
        bias=-0.1,
        channels=[3, 4],
        kernel_size=3,
        units=[6],
    )
    found = statistics(built, x, labels)
    loss, expected = plain_cnn(built, x.double().numpy(), labels.numpy(), activation)
    assert [layer.name for layer in found.layers] == ["conv_1", "conv_2", "dense_1", "output"]
    check(found, built, loss, expected, activation)


def test_dead_units_are_counted():
    x, labels = ball(0)
    built = network("mlp", (10,), 2, "relu", "he_normal", hidden_units=[8, 5])
    with torch.no_grad():
        built.dense_1.bias[:3] = -100.0
    found = statistics(built, x, labels)
    assert found.layers[0].dead_fraction == 3 / 8
    assert not found.layers[0].symmetric


def test_a_unit_of_several_pieces_is_alive_while_one_of_them_is():
    x, labels = ball(0)
    built = network("mlp", (10,), 2, "maxout", "he_normal", hidden_units=[6])
    with torch.no_grad():
        built.dense_1.bias[::2] = -1000.0
    (layer, _) = statistics(built, x, labels).layers
    assert (layer.units, layer.dead_fraction, layer.saturated_fraction) == (6, 0.0, 0.0)
    assert layer.activation.count == layer.z.count // 2


def test_equal_units_are_symmetric():
    x, labels = ball(0)
    built = network("mlp", (10,), 2, "tanh", "zeros", hidden_units=[6, 1])
    found = statistics(built, x, labels)
    # A lone unit has none to be equal to.
    assert [layer.symmetric for layer in found.layers] == [True, False, True]
    with torch.no_grad():
        built.dense_1.bias[0] = 1.0
    assert not statistics(built, x, labels).layers[0].symmetric


def test_the_loss_of_guessing_is_that_of_the_classes_shares():
    x, _ = ball(0)
    for outputs in (1, 2):
        labels = (torch.arange(1000) < 200).long()
        built = network("mlp", (10,), outputs, "tanh", "glorot_uniform", hidden_units=[3])
        found = statistics(built, x, labels, "binary_crossentropy")
        entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
        assert found.chance_loss == pytest.approx(entropy, rel=1e-4)


@pytest.mark.parametrize("normalization", ["batch", "switchable"])
def test_batch_statistics_are_the_probes_own(normalization):
    x, labels = ball(3)
    built = network(
        "mlp", (10,), 2, "tanh", "he_normal", normalization=normalization, hidden_units=[16, 16]
    )
    x = 4 + 3 * x
    found = statistics(built, x, labels)
    with torch.no_grad():
        built.train()
        plain = built.normalization_1(built.dense_1(x)).double().numpy()
    assert found.layers[0].signal == pytest.approx(plain.std(0).mean(), rel=1e-4)
    larger = Probe(built, LOSSES["categorical_crossentropy"](label_smoothing=0.0).function, 2500)
    assert [chunk.stop for chunk in larger.chunks()] == [1000, 2000, 2500]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "switchable"])
def test_a_probe_leaves_everything_as_it_was(training, normalization):
    x, labels = ball(0)
    built = network(
        "mlp", (10,), 2, "prelu", "he_normal", normalization=normalization, hidden_units=[8, 8]
    ).train(training)
    for parameter in built.parameters():
        parameter.grad = torch.ones_like(parameter)
    state, generator = copy.deepcopy(built.state_dict()), torch.get_rng_state()
    statistics(built, x, labels)
    assert built.training is training
    assert all(torch.equal(tensor, state[name]) for name, tensor in built.state_dict().items())
    assert all(
        torch.equal(parameter.grad, torch.ones_like(parameter)) for parameter in built.parameters()
    )
    assert torch.equal(torch.get_rng_state(), generator)
    assert not any(module._forward_hooks for module in built.modules())


def test_weights_that_are_not_finite_break_nothing():
    x, labels = ball(0)
    built = network("mlp", (10,), 2, "relu", "he_normal", hidden_units=[8, 8])
    with torch.no_grad():
        built.dense_2.weight[0, 0] = float("nan")
        built.dense_1.weight[1] = 1e30
    found = statistics(built, x, labels)
    assert [layer.z.non_finite for layer in found.layers] == [0, 1000, 2000]
    assert np.isnan(found.loss)
    assert repr(NetworkStatistics.of(found.as_dict())) == repr(found)


def test_equal_units_stay_equal_where_nothing_tells_them_apart():
    x, labels = ball(0)

    def kept(built):
        return [layer.symmetry_kept for layer in statistics(built, x, labels).hidden]

    equal = network("mlp", (10,), 2, "tanh", constant(0.05), hidden_units=[6, 4])
    assert kept(equal) == [True, True]
    equal.hidden_layers()[1].dropout.dropped = 100  # of 2^16
    assert kept(equal) == [True, False]
    zeros = network("mlp", (10,), 2, "tanh", "zeros", hidden_units=[6, 4])
    zeros.hidden_layers()[1].dropout.dropped = 100  # zeros of zeros
    assert kept(zeros) == [True, True]
    with torch.no_grad():
        zeros.dense_2.weight[:, 0] = 1.0
    assert kept(zeros) == [False, True]


@pytest.mark.parametrize("told_apart", [False, True])
def test_equal_channels_stay_equal_where_all_positions_treat_them_alike(told_apart):
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sizes = {"channels": [3, 2], "kernel_size": 3, "units": [5]}
    built = network("mnist_cnn", (1, 8, 8), 10, "tanh", constant(0.05), **sizes)
    with torch.no_grad():
        positions = built.dense_1.weight.view(5, -1, 2)  # by pixel, the channels innermost
        positions[:, 1] = 0.3
        if told_apart:
            positions[0, 1, 0] = 0.4
        built.conv_2.weight[:, int(told_apart)] = 0.2
    found = statistics(built, images, torch.arange(20) % 10).hidden
    assert [layer.symmetric for layer in found[:2]] == [True, True]
    assert [layer.symmetry_kept for layer in found[:2]] == [False, not told_apart]


def test_sparsity_is_the_share_of_zeros():
    x, labels = ball(3, samples=64)
    options = {"hidden_units": [20, 10]}
    relu = statistics(network("mlp", (10,), 2, "relu", "he_normal", **options), x, labels)
    assert all(0.3 < layer.sparsity < 0.7 for layer in relu.hidden)
    assert relu.layers[-1].sparsity == 0
    dead = network("mlp", (10,), 2, "relu", "he_normal", bias=-100.0, **options)
    assert [layer.sparsity for layer in statistics(dead, x, labels).hidden] == [1, 1]
    tanh = statistics(network("mlp", (10,), 2, "tanh", "he_normal", **options), x, labels)
    assert [layer.sparsity for layer in tanh.hidden] == [0, 0]


def test_z_values_are_what_the_activation_reads_wherever_the_normalization_is():
    x, labels = ball(3, samples=40)
    options = {"hidden_units": [6, 5], "normalization": "layer"}
    for after in (False, True):
        built = network("mlp", (10,), 2, "tanh", "he_normal", normalized_after=after, **options)
        first, second = built.hidden_layers()
        z = first.weighted(x)
        if after:
            z = second.weighted(first.normalization(z.tanh()))
        else:
            z = second.normalization(second.weighted(first.normalization(z).tanh()))
        found = statistics(built, x, labels).layers[1]
        assert found.z.mean == pytest.approx(z.mean().item(), abs=1e-6)
        assert found.z.std == pytest.approx(z.std(correction=0).item(), rel=1e-5)
        assert found.activation.std == pytest.approx(z.tanh().std(correction=0).item(), rel=1e-5)


@pytest.mark.parametrize("model", ["mlp", "mnist_cnn"])
def test_of_normalized_weights_the_statistics_are_those_of_the_products(model):
    """w = g v / |v| is what multiplies: values and gradients equal those of a plain network."""
    sizes = {"mlp": {"hidden_units": [6, 5]}}
    size = sizes.get(model, {"channels": [3, 4], "kernel_size": 3, "units": [5]})
    shape = (1, 8, 8)
    plain, normalized = (
        network(model, shape, 10, "tanh", "he_normal", normalization=name, **size)
        for name in ("none", "weight")
    )
    x = torch.rand(70, *shape, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(70) % 10
    expected, found = statistics(plain, x, labels), statistics(normalized, x, labels)
    for one, other in zip(found.layers, expected.layers, strict=True):
        assert one.weight.std == pytest.approx(other.weight.std, rel=1e-5)
        assert one.gradient.std == pytest.approx(other.gradient.std, rel=1e-4)
        assert one.gradient.count == other.gradient.count
