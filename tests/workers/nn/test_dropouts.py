"""Dropout masks: unbiased, reproducible, and alpha dropout's moments."""

import math

import pytest
import torch
from torch.nn import functional as F

from workers.nn.dropouts import DROPOUTS

N = 400_000
LIMIT = -1.0507009873554805 * 1.6732632423543772


def at(key):
    return lambda site: key


def layer(name, rate):
    return DROPOUTS[name](rate=[rate])(0)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_expectation(rate):
    y = layer("dropout", rate)(torch.ones(N), at(3))
    kept = y != 0
    error = 4 * math.sqrt(rate * (1 - rate) / N)
    assert kept.double().mean().item() == pytest.approx(1 - rate, abs=error + 2**-17)
    torch.testing.assert_close(y[kept], torch.full_like(y[kept], 1 / (1 - rate)), rtol=1e-4, atol=0)
    assert y.double().mean().item() == pytest.approx(1, abs=error / (1 - rate))


def test_the_scale_undoes_the_rate_that_is_drawn():
    # 1e-5 is rounded to 1/65536: the scale belongs to the rounded rate.
    dropout = layer("dropout", 1e-5)
    assert dropout.keep == 1 - 2**-16
    assert dropout(torch.ones(64), at(1)).max().item() == pytest.approx(1 / (1 - 2**-16), rel=1e-7)


def test_a_rate_that_rounds_to_one_still_keeps_something():
    dropout = layer("dropout", 0.9999999)
    y = dropout(torch.ones(N), at(5))
    assert 0 < (y != 0).sum() < 40
    assert y.isfinite().all()


def test_elements_are_dropped_independently():
    kept = (layer("dropout", 0.5)(torch.ones(N), at(11)) != 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8, 16, 28):
        correlation = (kept[lag:] * kept[:-lag]).mean().item() / 0.25
        assert abs(correlation) < 4 / math.sqrt(N)


def test_the_gradient_passes_where_elements_were_kept():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for name in ("dropout", "alpha_dropout"):
        y = layer(name, 0.25)(x, at(4))
        (slope,) = torch.autograd.grad(y.sum(), x)
        kept = layer("dropout", 0.25)(torch.ones(1000), at(4)) != 0
        assert torch.equal(slope != 0, kept)
        assert slope[kept].unique().numel() == 1


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_a_mask_is_its_keys_and_its_sites(name):
    x = torch.arange(1.0, 1002)
    sites = DROPOUTS[name](rate=[0.5, 0.5])
    keys = {"dropout_1": 1, "dropout_2": 2}.__getitem__
    first, second = sites(0), sites(1)
    assert torch.equal(first(x, keys), first(x, keys))
    assert not torch.equal(first(x, keys), second(x, keys))
    assert torch.equal(second(x, keys), first(x, at(2)))
    # The order of the elements decides, not the shape.
    assert torch.equal(first(x[:1000], keys), first(x[:1000].view(10, 100), keys).flatten())


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_nothing_is_dropped_in_evaluation_or_at_rate_zero(name):
    x = torch.randn(50)
    assert layer(name, 0.5)(x, None) is x
    assert layer(name, 0.0)(x, at(1)) is x
    assert DROPOUTS["none"]()(1)(x, at(1)) is x


@pytest.mark.parametrize("rate", [0.05, 0.25, 0.5])
def test_alpha_dropout_keeps_mean_zero_and_variance_one(rate):
    x = torch.randn(N, generator=torch.Generator().manual_seed(2))
    y = layer("alpha_dropout", rate)(x, at(9)).double()
    assert y.mean().item() == pytest.approx(0, abs=0.01)
    assert y.var().item() == pytest.approx(1, abs=0.02)


def test_alpha_dropout_follows_its_formula():
    rate, q = 0.25, 0.75
    x = F.selu(torch.linspace(-3, 3, 1001))
    kept = (layer("dropout", rate)(torch.ones_like(x), at(6)) != 0).double()
    a = (q + LIMIT**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * LIMIT
    expected = a * (x * kept + LIMIT * (1 - kept)) + b
    y = layer("alpha_dropout", rate)(x, at(6))
    torch.testing.assert_close(y.double(), expected, rtol=1e-5, atol=1e-6)


def test_dropout_follows_its_formula():
    x = torch.randn(1001, generator=torch.Generator().manual_seed(7))
    kept = (layer("dropout", 0.25)(torch.ones_like(x), at(6)) != 0).double()
    y = layer("dropout", 0.25)(x, at(6))
    torch.testing.assert_close(y.double(), x.double() * kept / 0.75, rtol=1e-6, atol=0)
