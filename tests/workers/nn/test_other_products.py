"""Products that are not torch's own: their values, gradients, and which they are."""

import pytest
import torch

from workers.nn import onednn_products
from workers.nn.packed import dense, numpy_products
from workers.nn.products import FLOAT32, Products

BY_ONEDNN = Products(by_onednn=True)
BY_SUMS = Products(biases_by_sums=True)


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
    assert len(x) * weight.numel() >= onednn_products.LEAST
    inputs = (layout(x), layout(weight), bias)
    ours = gradients(BY_ONEDNN.linear, *inputs, upstream=layout(upstream))
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
    again = gradients(BY_ONEDNN.linear, *inputs, upstream=layout(upstream))
    assert all(torch.equal(one, other) for one, other in zip(ours, again, strict=True))


def test_a_layer_without_bias_and_a_first_layer_whose_input_has_no_gradient():
    x, weight = drawn(128, 300, seed=1), drawn(64, 300, seed=2).requires_grad_()
    y = BY_ONEDNN.linear(x, weight, None)
    y.sum().backward()
    assert torch.allclose(y, x @ weight.T, rtol=1e-4, atol=1e-4)
    assert torch.allclose(weight.grad, x.sum(0).expand(64, -1), rtol=1e-4, atol=1e-4)


def test_only_large_products_go_through_onednn():
    """One of a few multiply-adds takes longer to hand over than to compute."""
    large, small, weight = drawn(128, 300, seed=1), drawn(4, 300, seed=1), drawn(64, 300, seed=2)
    same = {
        x: torch.equal(BY_ONEDNN.linear(x, weight, None), FLOAT32.linear(x, weight, None))
        for x in (large, small)
    }
    assert list(same.values()) == [False, True]


def test_the_products_of_a_cell_are_those_of_torch_up_to_rounding():
    """Of all steps' inputs at once, and of each step's state by a slice of the weight."""
    sequence, state = drawn(64, 5, 100, seed=1), drawn(64, 200, seed=2)
    weight, addend = drawn(400, 300, seed=3), drawn(64, 400, seed=4)
    upstream = drawn(64, 400, seed=5)

    def cell(products):
        def by(sequence, state, weight, addend):
            of_inputs, of_state = torch.split(weight, [100, 200], 1)
            read = products.linear(sequence, of_inputs, None).sum(1)
            held = products.matmul(state, of_state.t())
            return read + held + products.addmm(addend, state, of_state.t())

        return gradients(by, sequence, state, weight, addend, upstream=upstream)

    ours, theirs = cell(BY_ONEDNN), cell(FLOAT32)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-3)
    assert not torch.equal(ours[0], theirs[0])


def test_a_pack_multiplies_by_both_libraries_alike():
    x, weight, bias = drawn(3, 64, 100, seed=1), drawn(3, 50, 100, seed=2), drawn(3, 50, seed=3)
    upstream = drawn(3, 64, 50, seed=4)
    assert x[0].numel() * 50 >= numpy_products.LEAST
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


@pytest.mark.parametrize(
    ("inputs", "stride", "padding", "groups"),
    [(8, (1, 1), (0, 0), 1), (8, (2, 1), (1, 2), 1), (1, (1, 1), (1, 1), 8)],
    ids=["plain", "moved", "groups"],
)
def test_convolutions_differ_in_the_gradient_of_the_bias_alone(inputs, stride, padding, groups):
    x, weight, bias = (
        drawn(20, 8, 9, 10, seed=1),
        drawn(16, inputs, 3, 3, seed=2),
        drawn(16, seed=3),
    )
    x = x.contiguous(memory_format=torch.channels_last)

    def by(products):
        return lambda *each: products.convolution(*each, stride, padding, groups)

    upstream = drawn(*by(FLOAT32)(x, weight, bias).shape, seed=4)
    ours = gradients(by(BY_SUMS), x, weight, bias, upstream=upstream)
    torchs = gradients(by(FLOAT32), x, weight, bias, upstream=upstream)
    assert all(torch.equal(*each) for each in zip(ours[:3], torchs[:3], strict=True))
    expected = upstream.double().sum((0, 2, 3))
    assert torch.allclose(ours[3].double(), expected, rtol=1e-5, atol=1e-4)


def test_convolutions_without_bias_and_of_images_whose_gradient_nobody_needs():
    x, weight = drawn(20, 8, 9, 10, seed=1), drawn(16, 8, 3, 3, seed=2).requires_grad_()
    bias = drawn(16, seed=3).requires_grad_()
    for with_bias in (None, bias):
        (ours,) = torch.autograd.grad(BY_SUMS.convolution(x, weight, with_bias).sum(), weight)
        (torchs,) = torch.autograd.grad(FLOAT32.convolution(x, weight, with_bias).sum(), weight)
        assert torch.equal(ours, torchs)
    (of_bias,) = torch.autograd.grad(BY_SUMS.convolution(x, weight.detach(), bias).sum(), bias)
    assert torch.equal(of_bias, torch.full((16,), 20.0 * 7 * 8))
