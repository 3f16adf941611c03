"""Initializers against their formulas: moments, bounds and distribution."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from workers.nn.initializers import INITIALIZERS, fans, initialize

# shape, fan_in, fan_out, counted by hand
DENSE = ((400, 300), 300, 400)
CONVOLUTION = ((64, 48, 3, 5), 48 * 15, 64 * 15)

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
]
IDS = ["-".join([name, *map(str, parameters.values())]) for name, parameters, *_ in CASES]


def distribution(form, variance):
    """The law that has this form and exactly this variance."""
    if form == "uniform":
        limit = math.sqrt(3 * variance)
        return stats.uniform(-limit, 2 * limit)
    if form == "truncated":
        return stats.truncnorm(-2, 2, scale=math.sqrt(variance / stats.truncnorm(-2, 2).var()))
    return stats.norm(scale=math.sqrt(variance))


def drawn(name, parameters, shape, seed=7):
    return INITIALIZERS[name](**parameters)(shape, np.random.default_rng(seed))


def test_every_initializer_is_covered():
    assert {name for name, *_ in CASES} | {"zeros", "constant"} == set(INITIALIZERS)


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
        stream=lambda name: np.random.default_rng([ord(each) for each in name]),
    )
    for name in ("conv_1", "dense_1"):
        layer = small.get_submodule(name)
        generator = np.random.default_rng([ord(each) for each in f"{name}.weight"])
        expected = generator.uniform(-1, 1, layer.weight.shape).astype(np.float32)
        np.testing.assert_array_equal(layer.weight.detach().numpy(), expected)
        assert (layer.bias == 0.5).all()
    assert (small.output.weight == 3.0).all()
    assert (small.norm.weight == 1).all(), "a normalization keeps its own start"
    assert not small.norm.bias.any()
