"""Initializers against their formulas: moments, bounds and distribution."""

import hashlib
import math

import numpy as np
import pytest
import torch
from scipy import stats

from service.specs.choices import choice
from service.specs.resolution import auto_initializer
from tests.support.declared_networks import declared
from workers.nn.activations import ACTIVATIONS
from workers.nn.dropouts import DROPOUTS
from workers.nn.initialization import initialize
from workers.nn.initializers import INITIALIZERS, fans, walking_gain
from workers.nn.models import Parts

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
    ("glorot_uniform", {"gain": 1.5}, "uniform", lambda i, o: 1.5**2 * 2 / (i + o)),
    ("glorot_normal", {"gain": 1.5}, "truncated", lambda i, o: 1.5**2 * 2 / (i + o)),
    ("he_uniform", {"negative_slope": 0.5}, "uniform", lambda i, o: 2 / 1.25 / i),
    ("he_normal", {"negative_slope": 0.5}, "truncated", lambda i, o: 2 / 1.25 / i),
    ("random_walk", {"nonlinearity": "linear"}, "normal", lambda i, o: math.exp(1 / i) / i),
    (
        "random_walk",
        {"nonlinearity": "relu"},
        "normal",
        lambda i, o: 2 * math.exp(2 * 1.2 / (i - 2.4)) / i,
    ),
    ("data_dependent", {}, "normal", lambda i, o: 1),
    ("fixup", {"negative_slope": 0.5}, "truncated", lambda i, o: 2 / 1.25 / i),
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


def initializer(name, **parameters):
    """Make an initializer, at its catalog's defaults where nothing else is said."""
    return INITIALIZERS[name](**choice("initializer", {"name": name, **parameters}).parameters)


def drawn(name, parameters, shape, seed=7):
    return initializer(name, **parameters)(shape, np.random.default_rng(seed))


def test_every_initializer_is_covered():
    others = {"zeros", "ones", "constant", "identity", "orthogonal", "delta_orthogonal", "lsuv"}
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
    assert (drawn("ones", {}, (5, 3)) == 1).all()
    assert (drawn("constant", {"value": 0.1}, (5, 3)) == 0.1).all()


def test_a_mean_moves_a_normal_and_ends_a_uniform():
    shape = (400, 300)
    moved = drawn("normal", {"mean": -2.0, "stddev": 0.3}, shape)
    np.testing.assert_array_equal(moved, -2.0 + drawn("normal", {"stddev": 0.3}, shape))
    between = drawn("uniform", {"low": 0.5, "high": 2.0}, shape)
    assert stats.kstest(between.ravel(), stats.uniform(0.5, 1.5).cdf).pvalue > 1e-3
    half = drawn("uniform", {"low": 0.0}, shape)
    assert 0 <= half.min() < half.max() < 0.05
    assert half.max() > 0.0499


@pytest.mark.parametrize(
    ("name", "parameters", "digest"),
    [
        ("normal", {}, "519228d3d50a9728"),
        ("uniform", {}, "0555e9cd23f45d62"),
        ("glorot_uniform", {}, "e23ebc257b6fb6cb"),
        ("he_normal", {}, "544d1bf25b17cbc8"),
    ],
)
def test_the_bits_of_a_seed_stay(name, parameters, digest):
    """Those of main before gains, slopes, means and ends were parameters."""
    weights = drawn(name, parameters, (64, 48, 3, 3))
    assert hashlib.sha256(weights.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [DENSE, CONVOLUTION])
def test_the_named_scalings_are_torchs(shape, fan_in, fan_out):
    """Bounds and deviations of torch.nn.init, for gains and slopes."""
    weight = torch.empty(shape)
    torch.nn.init.xavier_uniform_(weight, gain=1.5)
    limit = math.sqrt(3 * 1.5**2 * 2 / (fan_in + fan_out))
    assert weight.abs().max().item() == pytest.approx(limit, rel=1e-3)
    ours = drawn("glorot_uniform", {"gain": 1.5}, shape)
    assert abs(ours).max() == pytest.approx(weight.abs().max().item(), rel=1e-3)
    for slope in (0.0, 0.3):
        torch.nn.init.kaiming_uniform_(weight, a=slope)
        ours = drawn("he_uniform", {"negative_slope": slope}, shape)
        assert abs(ours).max() == pytest.approx(weight.abs().max().item(), rel=1e-3)
        torch.nn.init.kaiming_normal_(weight, a=slope)
        ours = drawn("he_normal", {"negative_slope": slope}, shape)
        assert ours.std() == pytest.approx(weight.std().item(), rel=0.02)


@pytest.mark.parametrize("activation", [("leaky_relu", 0.3), ("prelu", 0.25)])
def test_he_of_a_slope_is_what_auto_computes_for_it(activation):
    name, slope = activation
    parameter = {"leaky_relu": "negative_slope", "prelu": "initial_slope"}[name]
    auto = auto_initializer(choice("activation", {"name": name, parameter: slope}))
    ours = drawn("he_normal", {"negative_slope": slope}, (64, 48))
    np.testing.assert_allclose(drawn(auto.name, auto.parameters, (64, 48)), ours, rtol=1e-9)


@pytest.mark.parametrize("shape", [(24, 16, 3, 3), (16, 24, 5, 3), (8, 8, 2, 2), (30, 20)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_delta_orthogonal_keeps_the_length_of_every_pixel(shape, gain):
    """Through a convolution with circular padding, as Xiao et al. 2018 have it."""
    weight = torch.from_numpy(drawn("delta_orthogonal", {"gain": gain}, shape))
    outputs, inputs, *kernel = shape
    if not kernel:
        torch.testing.assert_close(
            weight.numpy(), drawn("orthogonal", {"gain": gain}, shape), rtol=0, atol=0
        )
        return
    image = torch.randn(2, inputs, 7, 6, dtype=torch.float64)
    before = [(side - 1) // 2 for side in kernel]
    after = [side - 1 - start for side, start in zip(kernel, before, strict=True)]
    padded = torch.nn.functional.pad(
        image, (before[1], after[1], before[0], after[0]), mode="circular"
    )
    found = torch.nn.functional.conv2d(padded, weight)
    matrix = weight[:, :, before[0], before[1]]
    torch.testing.assert_close(found, torch.einsum("oi,bihw->bohw", matrix, image))
    if outputs >= inputs:
        torch.testing.assert_close(found.norm(dim=1), gain * image.norm(dim=1))
    lengths = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(lengths, torch.full_like(lengths, gain))


@pytest.mark.parametrize("units", ["linear", "relu"])
@pytest.mark.parametrize("width", [8, 20, 100])
def test_a_random_walk_drifts_neither_up_nor_down(units, width):
    """The paper's claim: the mean logarithm of a gradient's growth per layer is zero."""
    generator = np.random.default_rng(11)
    draw = initializer("random_walk", nonlinearity=units)
    he = {"linear": 1.0, "relu": 2.0}[units] / width
    rises, by_he = [], []
    for _ in range(4_000):
        weight = draw((width, width), generator)
        gradient = np.abs(generator.standard_normal(width))
        kept = generator.random(width) < 0.5 if units == "relu" else np.ones(width, bool)
        if not kept.any():
            kept[0] = True
        below = weight.T @ (gradient * kept)
        rise = np.log((below**2).sum() / (gradient**2).sum())
        rises.append(rise)
        by_he.append(rise - 2 * np.log(walking_gain(units, width)) + np.log(he * width))
    error = np.std(rises) / math.sqrt(len(rises))
    assert abs(np.mean(rises)) < 4 * error + 0.06 * (units == "relu")
    assert np.mean(by_he) < -4 * error, "with the mean's own gain the walk drifts down"


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
        weight=initializer("uniform", limit=1.0),
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
        weight=initializer(weight),
        output_weight=initializer(output_weight),
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
    return declared(model, parts, **defaults)


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


@pytest.mark.parametrize("model", ["mlp", "mnist_cnn"])
@pytest.mark.parametrize("bias", [0.0, 0.7])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_data_dependent_gives_every_unit_its_bias_and_unit_variance(model, bias, activation):
    inputs = samples(model)
    network = filled(built(model, activation), inputs, "data_dependent", "data_dependent", bias)
    for name, z in outputs(network, inputs).items():
        units = z.double().transpose(0, 1).flatten(1)
        moving = units.std(1, correction=0) > 1e-3
        assert moving.sum() > len(units) / 2, name
        np.testing.assert_allclose(units[moving].mean(1).detach(), bias, atol=1e-4)
        np.testing.assert_allclose(units[moving].std(1, correction=0).detach(), 1, atol=1e-4)


def test_data_dependent_is_the_papers_algorithm():
    """Algorithm 1 in NumPy, on the same draws."""
    inputs = samples("mlp")
    network = filled(built("mlp", "tanh"), inputs, "data_dependent", "data_dependent", 0.3)
    x = inputs.double().numpy()
    for name, layer in weighted_layers(network).items():
        seed = [ord(letter) for letter in f"{name}.weight"]
        weight = np.random.default_rng(seed).standard_normal(tuple(layer.weight.shape))
        z = x @ weight.T
        weight /= z.std(0)[:, None]
        bias = 0.3 - z.mean(0) / z.std(0)
        np.testing.assert_allclose(layer.weight.detach().numpy(), weight, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(layer.bias.detach().numpy(), bias, rtol=1e-3, atol=1e-4)
        x = np.tanh(x @ weight.T + bias)


def test_data_dependent_leaves_units_that_do_not_vary():
    inputs = torch.ones(50, 20)
    network = filled(built("mlp", "relu"), inputs, "data_dependent", "zeros", 0.5)
    for name, layer in weighted_layers(network).items():
        assert torch.isfinite(layer.weight).all(), name
        assert (layer.bias == 0.5).all(), name


def test_identity_passes_on_what_it_gets():
    draw = INITIALIZERS["identity"](gain=1.5)
    x = torch.arange(4.0)
    generator = np.random.default_rng(0)
    wide = torch.from_numpy(draw((6, 4), generator)).float()
    assert (wide @ x).tolist() == [0.0, 1.5, 3.0, 4.5, 0.0, 0.0]
    assert (torch.from_numpy(draw((2, 4), generator)).float() @ x).tolist() == [0.0, 1.5]
    kernel = torch.empty(3, 3, 3, 5)
    torch.nn.init.dirac_(kernel)
    np.testing.assert_array_equal(draw((3, 3, 3, 5), generator), 1.5 * kernel.numpy())
