"""Products: what is rounded, what stays float32, and that both ways of computing agree."""

import pytest
import torch
from torch import nn

from workers.nn.activations import ACTIVATIONS
from workers.nn.cells import CELLS
from workers.nn.declared import StridedPoint
from workers.nn.normalizations import NORMALIZATIONS
from workers.nn.packed.dense import narrow_dense
from workers.nn.products import FLOAT32, Convolution, Dense, Products, use_products

NARROW = (torch.bfloat16, torch.float16)
WAYS = {
    f"{str(kind).removeprefix('torch.')} {'native' if native else 'emulated'}": Products(
        kind, native
    )
    for kind in NARROW
    for native in (True, False)
}
#: Half a unit in the last place, relative.
EPSILON = {torch.bfloat16: 2**-8, torch.float16: 2**-11}


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rounded(x, kind):
    """By the definition: the nearest number of the type, as float64."""
    return x.to(kind).double()


def is_narrow(x, kind):
    return torch.equal(x, x.to(kind).float())


@pytest.mark.parametrize("products", WAYS.values(), ids=WAYS)
def test_a_product_is_the_rounded_product_of_rounded_numbers(products):
    x, weight, bias = drawn(5, 7, seed=1), drawn(3, 7, seed=2), drawn(3, seed=3)
    x.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()
    upstream = drawn(5, 3, seed=4)
    kind = products.type
    y = products.linear(x, weight, bias)
    y.backward(upstream)
    assert (y.dtype, x.grad.dtype, weight.grad.dtype) == (torch.float32,) * 3
    wide_x, wide_weight, wide_up = (rounded(each.detach(), kind) for each in (x, weight, upstream))
    expected = {
        y: wide_x @ wide_weight.T + rounded(bias.detach(), kind),
        x.grad: wide_up @ wide_weight,
        weight.grad: wide_up.T @ wide_x,
        bias.grad: wide_up.sum(0),
    }
    for ours, theirs in expected.items():
        assert is_narrow(ours.detach(), kind)
        # Sums near zero have lost digits that the rounding of one term may have had.
        assert torch.allclose(ours.double(), theirs, rtol=EPSILON[kind], atol=1e-6)


def test_float32_products_are_torchs_own():
    x, weight, bias = drawn(5, 7, seed=1), drawn(3, 7, seed=2), drawn(3, seed=3)
    assert torch.equal(FLOAT32.linear(x, weight, bias), nn.functional.linear(x, weight, bias))
    assert FLOAT32.operand(x) is x
    assert FLOAT32.result(x) is x


def layers():
    """Every layer that multiplies, with an input."""
    yield "dense", Dense(6, 4), drawn(3, 6)
    yield "convolution", Convolution(2, 4, 3, padding=1), drawn(3, 2, 5, 5)
    point = StridedPoint(8, 4, 1, stride=2).to(memory_format=torch.channels_last)
    yield "strided point", point, drawn(3, 8, 5, 5)
    for name, cell in CELLS.items():
        layer = cell(5, 4, ACTIVATIONS["tanh"]()(4), NORMALIZATIONS["none"]())
        for parameter in layer.parameters():
            nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
        yield name, layer, drawn(3, 6, 5)


def read(layer, x):
    layer.zero_grad()
    y = layer(x)
    y = torch.stack(y) if isinstance(y, list) else y
    y.square().sum().backward()
    return [y.detach(), *(weight.grad.clone() for weight in layer.parameters())]


@pytest.mark.parametrize(("name", "layer", "x"), list(layers()), ids=lambda value: str(value)[:14])
@pytest.mark.parametrize("kind", NARROW, ids=str)
def test_each_layer_multiplies_in_the_precision_it_is_told(name, layer, x, kind):
    plain = read(layer, x)
    use_products(layer, Products(kind, native=True))
    native = read(layer, x)
    use_products(layer, Products(kind, native=False))
    emulated = read(layer, x)
    near = 40 * EPSILON[kind]
    for one, other, wide in zip(native, emulated, plain, strict=True):
        assert one.dtype == torch.float32
        assert not torch.equal(one, wide)  # it was rounded
        scale = wide.abs().max()
        assert (one - wide).abs().max() < near * scale
        # The order of sums may round a result the other way.
        assert (one - other).abs().max() < near / 4 * scale


def test_gradients_of_a_weight_used_at_each_step_are_summed_in_float32():
    layer = CELLS["simple"](5, 4, ACTIVATIONS["tanh"]()(4), NORMALIZATIONS["none"]())
    for parameter in layer.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    use_products(layer, Products(torch.bfloat16, native=True))
    _, of_weight, _ = read(layer, drawn(3, 6, 5))
    assert not is_narrow(of_weight[:, 5:], torch.bfloat16)


@pytest.mark.parametrize("least", [0, 10**9], ids=["one by one", "at once"])
@pytest.mark.parametrize("products", WAYS.values(), ids=WAYS)
def test_a_packs_products_are_those_of_its_members(monkeypatch, products, least):
    monkeypatch.setattr("workers.nn.packed.dense.LEAST_NATIVE", least)
    x, weight, bias = drawn(3, 5, 7, seed=1), drawn(3, 4, 7, seed=2), drawn(3, 4, seed=3)
    x.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()
    upstream = drawn(3, 5, 4, seed=4)
    places = torch.empty(3, 4, 7), torch.empty(3, 4)
    narrow_dense(products, x, weight, bias, places).backward(upstream)
    for member in range(3):
        own = [each[member].detach().clone().requires_grad_() for each in (x, weight, bias)]
        products.linear(*own).backward(upstream[member])
        for ours, theirs in zip((x, weight, bias), own, strict=True):
            near = 2 * EPSILON[products.type]
            assert torch.allclose(ours.grad[member], theirs.grad, rtol=near, atol=1e-6)
