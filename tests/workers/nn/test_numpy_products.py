"""Dense products through numpy: their values and gradients, and which products they are."""

import pytest
import torch

from workers.nn import numpy_products
from workers.nn.packed import dense
from workers.nn.products import FLOAT32, Products

BY_NUMPY = Products(by_numpy=True)


def drawn(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gradients(product, *inputs, upstream):
    leaves = [each.detach().requires_grad_() for each in inputs]
    y = product(*leaves)
    return [y.detach(), *torch.autograd.grad(y, leaves, upstream)]


def of_columns(x):
    """The same matrix with its columns one after the other in memory."""
    return x.T.contiguous().T


@pytest.mark.parametrize("layout", [torch.Tensor.contiguous, of_columns], ids=["rows", "columns"])
def test_products_and_gradients_are_those_of_the_definition(layout):
    x, weight, bias = drawn(128, 300, seed=1), drawn(64, 300, seed=2), drawn(64, seed=3)
    upstream = drawn(128, 64, seed=4)
    assert len(x) * weight.numel() >= numpy_products.LEAST
    inputs = (layout(x), layout(weight), bias)
    ours = gradients(BY_NUMPY.linear, *inputs, upstream=layout(upstream))
    up = upstream.double()
    expected = [
        x.double() @ weight.double().T + bias.double(),
        up @ weight.double(),
        up.T @ x.double(),
        up.sum(0),
    ]
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype == torch.float32
        assert torch.allclose(one.double(), other, rtol=1e-5, atol=1e-4)
    again = gradients(BY_NUMPY.linear, *inputs, upstream=layout(upstream))
    assert all(torch.equal(one, other) for one, other in zip(ours, again, strict=True))


def test_a_layer_without_bias_and_a_first_layer_whose_input_has_no_gradient():
    x, weight = drawn(128, 300, seed=1), drawn(64, 300, seed=2).requires_grad_()
    y = BY_NUMPY.linear(x, weight, None)
    y.sum().backward()
    assert torch.allclose(y, x @ weight.T, rtol=1e-4, atol=1e-4)
    assert torch.allclose(weight.grad, x.sum(0).expand(64, -1), rtol=1e-4, atol=1e-4)


def test_only_large_products_go_through_numpy():
    """One of a few multiply-adds takes longer to hand over than to compute."""
    large, small = drawn(128, 300, seed=1), drawn(4, 300, seed=1)
    weight = drawn(64, 300, seed=2).requires_grad_()
    sequence = drawn(128, 2, 300, seed=1)
    ways = {
        "numpy": BY_NUMPY.linear(large, weight, None),
        "small": BY_NUMPY.linear(small, weight, None),
        "sequence": BY_NUMPY.linear(sequence, weight, None),
        "torch": FLOAT32.linear(large, weight, None),
    }
    through_numpy = [name for name, y in ways.items() if "_Linear" in y.grad_fn.name()]
    assert through_numpy == ["numpy"]


def test_a_pack_multiplies_by_both_libraries_alike():
    x, weight, bias = drawn(3, 64, 100, seed=1), drawn(3, 50, 100, seed=2), drawn(3, 50, seed=3)
    upstream = drawn(3, 64, 50, seed=4)
    assert x[0].numel() * 50 >= numpy_products.LEAST_OF_A_MEMBER
    weight = dense.placed(weight)
    found = []
    for by_numpy in (False, True):
        into = dense.room_like(weight, 50, 100), dense.room_like(weight, 1, 50).squeeze(1)
        seen = x.clone().requires_grad_()
        y = dense.dense(seen, weight.requires_grad_(), bias, into, by_numpy=by_numpy)
        (of_input,) = torch.autograd.grad(y, [seen], upstream)
        found.append([y.detach(), of_input, *into])
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert any(not torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))
