"""Initializers against their formulas: moments, bounds and distribution."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from service.specs.choices import choice
from workers.nn.activations import ACTIVATIONS
from workers.nn.dropouts import DROPOUTS
from workers.nn.initialization import initialize
from workers.nn.initializers import INITIALIZERS, fans
from workers.nn.models import MODELS, Parts

# shape, fan_in, fan_out, counted by hand
DENSE = ((400, 300), 300, 400)
CONVOLUTION = ((64, 48, 3, 5), 48 * 15, 64 * 15)

# What truncation at two standard deviations leaves of a normal's variance.
LEFT = stats.truncnorm(-2, 2).var()

# name, parameters, form, variance of what is drawn as a function of the fans
CASES = [
    ("glorot_uniform", {}, "uniform", lambda i, o: 2 / (i + o)),
    ("glorot_normal", {}, "truncated", lambda i, o: 2 / (i + o)),
    ("he_uniform", {}, "uniform", lambda i, o: 2 / i),
    ("he_normal", {}, "truncated", lambda i, o: 2 / i),
    ("lecun_uniform", {}, "uniform", lambda i, o: 1 / i),
    ("lecun_normal", {}, "truncated", lambda i, o: 1 / i),
    ("normal", {"stddev": 0.3}, "normal", lambda i, o: 0.09),
    ("normal", {"stddev": 10.0}, "normal", lambda i, o: 100),
    ("uniform", {"limit": 0.05}, "uniform", lambda i, o: 0.05**2 / 3),
    ("fan_in_uniform", {}, "uniform", lambda i, o: 1 / (3 * i)),
    *(
        (
            "variance_scaling",
            {"scale": scale, "mode": mode, "distribution": distribution},
            form,
            lambda i, o, s=scale, fan=fan: s / fan(i, o),
        )
        for scale, mode, fan in (
            (12.96, "fan_in", lambda i, o: i),
            (1.6, "fan_out", lambda i, o: o),
            (0.5, "fan_avg", lambda i, o: (i + o) / 2),
        )
        for distribution, form in (
            ("uniform", "uniform"),
            ("truncated_normal", "truncated"),
            ("untruncated_normal", "normal"),
        )
    ),
    # Keras states the deviation of the normal that is cut, not of what is left.
    ("truncated_normal", {"stddev": 0.3}, "truncated", lambda i, o: 0.09 * LEFT),
]
IDS = ["-".join([name, *map(str, parameters.values())]) for name, parameters, *_ in CASES]


def distribution(form, variance):
    """The law that has this form and exactly this variance."""
    if form == "uniform":
        limit = math.sqrt(3 * variance)
        return stats.uniform(-limit, 2 * limit)
    if form == "truncated":
        return stats.truncnorm(-2, 2, scale=math.sqrt(variance / LEFT))
    return stats.norm(scale=math.sqrt(variance))


def drawn(name, parameters, shape, seed=7):
    return INITIALIZERS[name](**parameters)(shape, np.random.default_rng(seed))


def test_every_initializer_is_covered():
    others = {"zeros", "constant", "orthogonal", "lsuv"}
    assert {name for name, *_ in CASES} | others == set(INITIALIZERS)


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [DENSE, CONVOLUTION])
def test_fans(shape, fan_in, fan_out):
    assert fans(shape) == (fan_in, fan_out)


def test_a_bias_has_no_fans():
    with pytest.raises(ValueError, match="two dimensions"):
        fans((5,))


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [DENSE, CONVOLUTION])
@pytest.mark.parametrize(("name", "parameters", "form", "variance"), CASES, ids=IDS)
def test_moments_bounds_and_distribution(name, parameters, form, variance, shape, fan_in, fan_out):
    weights = drawn(name, parameters, shape)
    law = distribution(form, variance(fan_in, fan_out))
    assert weights.shape == shape
    flat = weights.ravel()
    n = flat.size
    low, high = law.support()
    assert low <= flat.min() < flat.max() <= high
    # Within four standard errors; the seed is fixed.
    assert abs(flat.mean()) < 4 * law.std() / math.sqrt(n)
    kurtosis = float(law.stats("k")) + 3
    assert flat.var() == pytest.approx(law.var(), rel=4 * math.sqrt((kurtosis - 1) / n))
    assert stats.kstest(flat, law.cdf).pvalue > 1e-3
    if form != "normal":
        assert max(-flat.min(), flat.max()) > 0.99 * high


def test_zeros_are_symmetric_and_constants_constant():
    assert not drawn("zeros", {}, (5, 3)).any()
    assert (drawn("constant", {"value": 0.1}, (5, 3)) == 0.1).all()


def test_truncated_normal_is_cut_at_two_stated_deviations():
    weights = drawn("truncated_normal", {"stddev": 0.3}, (400, 300))
    assert 0.599 < abs(weights).max() <= 0.6
    assert weights.std() == pytest.approx(0.8796 * 0.3, rel=0.01)


def test_other_names_of_the_same():
    for form in ("uniform", "normal"):
        assert choice("initializer", f"xavier_{form}").name == f"glorot_{form}"
        assert choice("initializer", f"kaiming_{form}").name == f"he_{form}"


@pytest.mark.parametrize("shape", [(40, 40), (30, 70), (70, 30), (16, 8, 3, 3), (64, 2, 3, 5)])
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns_of_the_gains_length(shape, gain):
    weights = drawn("orthogonal", {"gain": gain}, shape)
    assert weights.shape == shape
    matrix = weights.reshape(shape[0], -1)
    shorter = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    product = shorter @ shorter.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(shorter)), atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 2), (3, 8), (8, 3), (4, 2, 2, 1)])
def test_orthogonal_is_uniform(shape):
    """Any one element is a coordinate of a uniform point on a sphere, up to its sign."""
    n = max(shape[0], math.prod(shape[1:]))
    generator = np.random.default_rng(5)
    orthogonal = INITIALIZERS["orthogonal"](gain=1.0)
    draws = np.array([orthogonal(shape, generator).ravel() for _ in range(2_000)])
    for element in draws.T:
        assert stats.kstest(element**2, stats.beta(0.5, (n - 1) / 2).cdf).pvalue > 1e-3
        assert stats.binomtest(int((element > 0).sum()), len(element)).pvalue > 1e-3


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_1 = torch.nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        self.dense_1 = torch.nn.Linear(6, 4)
        self.norm = torch.nn.LayerNorm(4)
        self.output = torch.nn.Linear(4, 2)


def test_each_parameter_is_drawn_from_a_stream_of_its_own():
    small = Small()
    initialize(
        small,
        weight=INITIALIZERS["uniform"](limit=1.0),
        output_weight=INITIALIZERS["constant"](value=3.0),
        bias=INITIALIZERS["constant"](value=0.5),
        stream=lambda name: np.random.default_rng([ord(letter) for letter in name]),
        inputs=torch.zeros(1, 6),
    )
    for name in ("conv_1", "dense_1"):
        layer = small.get_submodule(name)
        generator = np.random.default_rng([ord(letter) for letter in f"{name}.weight"])
        expected = generator.uniform(-1, 1, layer.weight.shape).astype(np.float32)
        np.testing.assert_array_equal(layer.weight.detach().numpy(), expected)
        assert (layer.bias == 0.5).all()
    assert (small.output.weight == 3.0).all()
    assert (small.norm.weight == 1).all(), "a normalization keeps its own start"
    assert not small.norm.bias.any()


def filled(network, inputs, weight="lsuv", output_weight="lsuv", bias=0.0):
    initialize(
        network,
        weight=INITIALIZERS[weight](),
        output_weight=INITIALIZERS[output_weight](),
        bias=INITIALIZERS["constant"](value=bias),
        stream=lambda name: np.random.default_rng([ord(letter) for letter in name]),
        inputs=inputs,
    )
    return network


def built(model, activation, normalization=lambda _: torch.nn.Identity(), **parameters):
    """A network whose dropouts drop half, if they are let."""
    shape = (1, 12, 12) if model == "mnist_cnn" else (20,)
    defaults = {
        "mnist_cnn": {"channels": [4, 6], "kernel_size": 3, "units": [16]},
        "mlp": {"hidden_units": [30, 10, 25]},
    }[model]
    dropout = DROPOUTS["dropout"](rate=[0.5] * 3)
    parts = Parts(shape, 5, ACTIVATIONS[activation](**parameters), normalization, dropout)
    return MODELS[model](parts, **defaults)


def samples(model, count=200):
    shape = (1, 12, 12) if model == "mnist_cnn" else (20,)
    return 3 * torch.rand(count, *shape, generator=torch.Generator().manual_seed(4))


def weighted_layers(network):
    return {
        **{name: weighted for name, weighted, *_ in network.hidden_layers()},
        "output": network.output,
    }


def outputs(network, inputs):
    """What each layer's weights give, by name, when the network runs."""
    found = {}
    for name, layer in weighted_layers(network).items():
        layer.register_forward_hook(lambda *args, name=name: found.update({name: args[-1]}))
    network(inputs)
    return found


@pytest.mark.parametrize("model", ["mlp", "mnist_cnn"])
@pytest.mark.parametrize("bias", [0.0, 0.7])
@pytest.mark.parametrize(
    ("activation", "parameters"),
    [
        ("identity", {}),
        ("sigmoid", {}),
        ("tanh", {}),
        ("relu", {}),
        ("selu", {}),
        ("gelu", {"approximate": "none"}),
        ("prelu", {"initial_slope": 0.25}),
        ("maxout", {"pieces": 3}),
    ],
)
def test_lsuv_gives_every_layer_unit_variance(model, bias, activation, parameters):
    inputs = samples(model)
    network = filled(built(model, activation, **parameters), inputs, bias=bias)
    for name, z in outputs(network, inputs).items():
        assert z.double().var(correction=0).item() == pytest.approx(1, abs=1e-4), name
    for name, layer in weighted_layers(network).items():
        assert (layer.bias == bias).all(), name
        matrix = layer.weight.detach().double().numpy().reshape(len(layer.weight), -1)
        lengths = np.linalg.svd(matrix, compute_uv=False)
        assert lengths.min() == pytest.approx(lengths.max(), rel=1e-5), "still orthogonal"
    slopes = [tensor for name, tensor in network.named_parameters() if name.endswith("slope")]
    assert len(slopes) == (3 if activation == "prelu" else 0)
    assert all((slope == 0.25).all() for slope in slopes), "an activation keeps its own start"


def test_lsuv_is_the_papers_algorithm():
    """Against the loop of the paper, in NumPy, on the same draws."""
    inputs = samples("mlp")
    network = filled(built("mlp", "tanh"), inputs)
    x = inputs.double().numpy()
    for name, layer in weighted_layers(network).items():
        seed = [ord(letter) for letter in f"{name}.weight"]
        shape = tuple(layer.weight.shape)
        weight = INITIALIZERS["orthogonal"](gain=1.0)(shape, np.random.default_rng(seed))
        while abs(np.var(x @ weight.T) - 1) > 1e-9:
            weight /= np.sqrt(np.var(x @ weight.T))
        np.testing.assert_allclose(layer.weight.detach().numpy(), weight, rtol=1e-4, atol=1e-6)
        x = np.tanh(x @ weight.T)


@pytest.mark.parametrize(
    ("weight", "output_weight"), [("lsuv", "zeros"), ("zeros", "lsuv"), ("he_normal", "lsuv")]
)
def test_layers_of_another_initializer_are_left_alone(weight, output_weight):
    inputs = samples("mlp")
    network = filled(built("mlp", "relu"), inputs, weight, output_weight)
    for name, layer in weighted_layers(network).items():
        own = output_weight if name == "output" else weight
        if own != "lsuv":
            seed = [ord(letter) for letter in f"{name}.weight"]
            expected = drawn(own, {}, tuple(layer.weight.shape), seed).astype(np.float32)
            np.testing.assert_array_equal(layer.weight.detach().numpy(), expected)
    found = outputs(network, inputs)
    if weight == "zeros":  # the output sees no variance, so its weights stay orthonormal
        gram = network.output.weight @ network.output.weight.T
        torch.testing.assert_close(gram, torch.eye(5), rtol=0, atol=1e-5)
    elif output_weight == "lsuv":
        assert found["output"].var(correction=0).item() == pytest.approx(1, abs=1e-4)
    else:
        assert not found["output"].any()


@pytest.mark.parametrize("training", [True, False])
def test_lsuv_sees_normalizations_as_in_training_and_leaves_their_statistics(training):
    inputs = samples("mlp")
    network = built("mlp", "relu", normalization=torch.nn.BatchNorm1d).train(training)
    before = {name: tensor.clone() for name, tensor in network.named_buffers()}
    assert len(before) == 9
    filled(network, inputs)
    for name, tensor in network.named_buffers():
        assert torch.equal(tensor, before[name]), name
    assert all(module.training == training for module in network.modules())
    for name, z in outputs(network.train(), inputs).items():
        assert z.var(correction=0).item() == pytest.approx(1, abs=1e-4), name


def test_layers_whose_inputs_are_dead_keep_their_draw():
    inputs = 1e-3 * samples("mlp")
    network = filled(built("mlp", "relu"), inputs, bias=-50.0)
    found = outputs(network, inputs)
    assert found["dense_1"].var(correction=0).item() == pytest.approx(1, abs=1e-4)
    for name in ("dense_2", "dense_3", "output"):
        assert (found[name] == -50).all()
        lengths = torch.linalg.svdvals(weighted_layers(network)[name].weight)
        torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_equal_samples_do_not_blow_weights_up():
    """One output unit, every sample the same: what varies is rounding alone."""
    inputs = samples("mlp", 1).expand(333, -1)
    network = built("mlp", "tanh")
    network.output = torch.nn.Linear(25, 1)
    filled(network, inputs)
    assert network.output.weight.norm().item() == pytest.approx(1, rel=1e-5)
