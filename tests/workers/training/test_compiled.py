"""Compiled kernels: the bits of torch's own operations, forward and backward."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workers.nn import kernels
from workers.nn.activations import ACTIVATIONS
from workers.nn.clippings import CLIPPINGS
from workers.nn.dropouts import Dropout, kept_elements
from workers.nn.pooling import Pooling
from workers.training import compiled, devices

SPECIAL = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, -torch.nan, 1.0, -1.0])


@pytest.fixture(autouse=True)
def lent():
    kernels.lend(lambda: compiled)
    yield
    kernels.lend(None)


@pytest.fixture(params=[1, 2, 3], ids=lambda threads: f"{threads} threads")
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def images(dtype, *, height, width, samples=300):
    """Small whole numbers, so that many are equal; one in five is special."""
    generator = torch.Generator().manual_seed(height)
    shape = (samples, 16, height, width)
    x = torch.randint(-2, 3, shape, generator=generator).float()
    special = SPECIAL[torch.randint(0, len(SPECIAL), shape, generator=generator)]
    x = torch.where(torch.rand(shape, generator=generator) < 0.2, special, x)
    return x.to(dtype).contiguous(memory_format=torch.channels_last)


def values_and_gradients(function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    generator = torch.Generator().manual_seed(1)
    upstream = torch.randn(y.shape, generator=generator).to(y.dtype)
    return y.detach(), *torch.autograd.grad(y, x, upstream)


def goes_through_kernels(function, x):
    names, nodes = set(), [function(x.clone().requires_grad_()).grad_fn]
    while nodes:
        node = nodes.pop()
        names.add(node.name())
        nodes.extend(each for each, _ in node.next_functions if each is not None)
    return bool(names & {"_LargestBackward", "_DroppedBackward"})


def same(ours, theirs):
    return all(
        torch.allclose(one, other, rtol=0, atol=0, equal_nan=True) and one.dtype == other.dtype
        for one, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("size", "height", "width"), [(2, 8, 12), (2, 7, 9), (3, 11, 9), (1, 4, 4)]
)
def test_pooling_is_torchs(threads, dtype, size, height, width):
    x = images(dtype, height=height, width=width)
    ours = Pooling(largest=True, size=size, stride=size).pooled
    assert goes_through_kernels(ours, x)
    expected = values_and_gradients(lambda z: F.max_pool2d(z, size), x)
    assert same(values_and_gradients(ours, x), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["relu", "identity", "tanh"])
def test_an_activation_after_it_is_torchs(threads, dtype, name):
    activation = ACTIVATIONS[name]()(16)
    pooling = Pooling(largest=True, size=2, stride=2)
    x = images(dtype, height=8, width=8)
    ours = values_and_gradients(lambda z: pooling.activated(activation, z), x)
    theirs = values_and_gradients(lambda z: activation(F.max_pool2d(z, 2)), x)
    assert same(ours, theirs)
    assert x.isnan().any()
    assert ours[0].isnan().any()


@pytest.mark.parametrize(
    ("pooling", "x"),
    [
        (Pooling(True, 3, 2), images(torch.float32, height=9, width=9)),
        (Pooling(False, 2, 2), images(torch.float32, height=8, width=8)),
        (Pooling(True, 2, 2), images(torch.float16, height=8, width=8)),
        (Pooling(True, 2, 2), images(torch.float64, height=8, width=8)),
        (Pooling(True, 2, 2), images(torch.float32, height=8, width=8).contiguous()),
        (Pooling(True, None, 1), images(torch.float32, height=8, width=8)),
        (Pooling(True, 2, 2), images(torch.float32, height=8, width=8, samples=3)),
    ],
    ids=["overlap", "mean", "float16", "float64", "channels first", "whole image", "few"],
)
def test_other_poolings_stay_torchs(pooling, x):
    assert not goes_through_kernels(pooling.pooled, x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("special", [False, True])
def test_dropout_multiplies_by_the_same_mask(threads, special, dtype):
    x = torch.randn(70, 1_000, generator=torch.Generator().manual_seed(1)).to(dtype)
    if special:
        x[::7, ::5] = SPECIAL[torch.arange(200) % len(SPECIAL)]
    layer, key = Dropout("dropout_1", 0.3), 2**100 + 17
    kept = torch.from_numpy(kept_elements(x.numel(), layer.dropped, key))

    def ours(x):
        return layer(x, lambda _: key)

    def by_mask(x):
        return layer.drop(x.float(), kept.float().view(x.shape)).to(dtype)

    for seen in (x, x.T):
        assert goes_through_kernels(ours, seen)
        expected = values_and_gradients(by_mask, seen)
        assert same(values_and_gradients(ours, seen), expected)


def test_few_elements_and_other_types_keep_torchs_dropout():
    layer = Dropout("dropout_1", 0.3)
    for x in (torch.randn(10, 10), torch.randn(70, 1_000, dtype=torch.float64)):
        assert not goes_through_kernels(lambda x: layer(x, lambda _: 1), x)


@pytest.mark.parametrize("count", [kernels.MANY, kernels.MANY + 1, 128 * 9_216 - 5])
@pytest.mark.parametrize("key", [0, 17, 2**64 - 1, 2**64, 2**100 + 17, 2**128 - 1])
def test_elements_are_kept_by_numpys_philox(threads, key, count):
    drawn = np.random.Philox(key=key).random_raw(-(-count // 4)).view(np.uint16)[:count]
    for dropped in (1, 2**15):
        assert (kept_elements(count, dropped, key) == (drawn >= dropped)).all()
        halves = np.array([key % 2**64, key >> 64], np.uint64)  # as packs have it
        assert (kept_elements(count, dropped, halves) == (drawn >= dropped)).all()


@pytest.mark.parametrize("special", [(), (0, 1), (2, 3), (4,), (5,)])
def test_clipping_by_value_is_torchs(threads, special):
    generator = torch.Generator().manual_seed(2)
    weights = [
        torch.randn(300, 300, generator=generator),
        torch.randn(8, 4, 3, 3, generator=generator).contiguous(memory_format=torch.channels_last),
        torch.randn(7, generator=generator),
    ]
    for place, which in enumerate(special):
        weights[1][place, 0, 0, 0] = SPECIAL[which]
    for threshold in (0.5, 100.0):
        module = nn.ParameterList([nn.Parameter(weight) for weight in weights])
        for parameter, weight in zip(module, weights, strict=True):
            parameter.grad = weight.clone()
        found = CLIPPINGS["value"](threshold=threshold)(module)
        magnitudes = torch.cat([weight.abs().flatten() for weight in weights])
        assert bool(found.clipped) == bool(magnitudes.max() > threshold)
        ours = [parameter.grad for parameter in module]
        assert same(ours, [weight.clamp(-threshold, threshold) for weight in weights])


@pytest.mark.parametrize("count", [1, 3, 4, 7, 40, 288, 1_003, 18_432, 32_769, 128 * 9_216])
def test_norms_are_torchs(threads, count):
    generator = torch.Generator().manual_seed(count)
    for exponent in range(-44, 38):
        x = 10.0**exponent * torch.randn(count, generator=generator)
        assert compiled.norm(x.numpy()) == torch._foreach_norm([x], 2, dtype=torch.float64)[0]


@pytest.mark.parametrize("special", [(), (2,), (4,)])
def test_clipping_by_norm_is_torchs(threads, special):
    generator = torch.Generator().manual_seed(3)
    sizes = ((1_024, 1_024), (8, 4, 3, 3), (7,))
    weights = [torch.randn(size, generator=generator) for size in sizes]
    weights[1] = weights[1].contiguous(memory_format=torch.channels_last)
    for which in special:
        weights[1][0, 0, 0, 0] = SPECIAL[which]
    module = nn.ParameterList([nn.Parameter(weight) for weight in weights])
    asked = []
    kernels.lend(lambda: asked.append(True) or compiled)
    by_kernel = clipped_by_norm(module, weights)
    assert asked
    kernels.lend(None)
    assert same(by_kernel, clipped_by_norm(module, weights))


def clipped_by_norm(module, gradients):
    for parameter, gradient in zip(module, gradients, strict=True):
        parameter.grad = gradient.clone()
    found = CLIPPINGS["norm"](max_norm=1.0)(module)
    return [found.norm, *(parameter.grad for parameter in module)]


def test_a_process_that_trains_has_them():
    pool, x = Pooling(True, 2, 2).pooled, images(torch.float32, height=8, width=8)
    kernels.lend(None)
    assert not goes_through_kernels(pool, x)
    devices.prepare(torch.device("cpu"))
    assert goes_through_kernels(pool, x)
