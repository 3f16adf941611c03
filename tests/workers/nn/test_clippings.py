"""Properties of the clippings."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import nn

from workers.nn.clippings import CLIPPINGS

ELEMENTS = st.floats(-1e3, 1e3, width=32)
GRADIENTS = st.lists(
    arrays(np.float32, array_shapes(max_dims=3, max_side=4), elements=ELEMENTS),
    min_size=1,
    max_size=4,
)
BOUNDS = st.floats(1e-3, 1e3)
PROVED = {"none", "value", "norm", "per_parameter_norm", "adaptive"}


def test_every_clipping_is_proved_here():
    assert set(CLIPPINGS) == PROVED


def parameters_with(gradients):
    """A network of bare parameters with these gradients."""
    network = nn.ParameterList(torch.zeros(gradient.shape) for gradient in gradients)
    for parameter, gradient in zip(network, gradients, strict=True):
        parameter.grad = torch.from_numpy(gradient.copy())
    return network


def clipped(name, gradients, **parameters):
    network = parameters_with(gradients)
    found = CLIPPINGS[name](**parameters)(network)
    return [parameter.grad.numpy() for parameter in network], found


def flat(gradients):
    return np.concatenate([gradient.ravel() for gradient in gradients]).astype(np.float64)


def assert_same_bits(left, right):
    for one, other in zip(left, right, strict=True):
        assert one.tobytes() == other.tobytes()


@given(GRADIENTS)
def test_none_measures_and_changes_nothing(gradients):
    after, found = clipped("none", gradients)
    assert_same_bits(after, gradients)
    assert found.norm.item() == pytest.approx(np.linalg.norm(flat(gradients)), rel=1e-9)
    assert not found.clipped.item()


@given(GRADIENTS, BOUNDS)
def test_value_holds_each_element_within_the_threshold(gradients, threshold):
    after, found = clipped("value", gradients, threshold=threshold)
    bound = np.float32(threshold)
    assert_same_bits(after, [np.clip(gradient, -bound, bound) for gradient in gradients])
    assert found.norm.item() == pytest.approx(np.linalg.norm(flat(gradients)), rel=1e-9)
    assert found.clipped.item() == (np.abs(flat(gradients)) > bound).any()


@given(GRADIENTS, BOUNDS)
def test_norm_scales_what_is_over_the_bound_and_nothing_else(gradients, max_norm):
    before = np.linalg.norm(flat(gradients))
    after, found = clipped("norm", gradients, max_norm=max_norm)
    assert found.norm.item() == pytest.approx(before, rel=1e-9)
    assert found.clipped.item() == (found.norm.item() > max_norm)
    if found.clipped:
        assert np.linalg.norm(flat(after)) == pytest.approx(max_norm, rel=1e-5)
        np.testing.assert_allclose(
            flat(after), flat(gradients) * (max_norm / before), rtol=1e-6, atol=1e-37
        )
    else:
        assert_same_bits(after, gradients)


@given(GRADIENTS, BOUNDS)
def test_per_parameter_norm_scales_each_tensor_to_its_own_bound(gradients, max_norm):
    after, found = clipped("per_parameter_norm", gradients, max_norm=max_norm)
    norms = [np.linalg.norm(gradient.astype(np.float64)) for gradient in gradients]
    assert found.norm.item() == pytest.approx(np.linalg.norm(norms), rel=1e-9)
    assert found.clipped.item() == any(norm > max_norm for norm in norms)
    for one, other, norm in zip(after, gradients, norms, strict=True):
        if norm > max_norm:
            assert np.linalg.norm(one.astype(np.float64)) == pytest.approx(max_norm, rel=1e-5)
            np.testing.assert_allclose(one, other * (max_norm / norm), rtol=1e-6, atol=1e-37)
        else:
            assert_same_bits([one], [other])


@pytest.mark.parametrize(
    ("name", "bound"),
    [("value", "threshold"), ("norm", "max_norm"), ("per_parameter_norm", "max_norm")],
)
@pytest.mark.parametrize("element", [-7, 7])
def test_one_large_element_anywhere_is_found(name, bound, element):
    gradients = [np.zeros((2, 3), np.float32), np.zeros(5, np.float32)]
    gradients[1][3] = element
    _, found = clipped(name, gradients, **{bound: 5.0})
    assert found.clipped.item()


@pytest.mark.parametrize("name", ["norm", "per_parameter_norm"])
def test_norms_are_exact_where_their_square_overflows_float32(name):
    gradients = [np.array([3e30, -4e30], np.float32)]
    after, found = clipped(name, gradients, max_norm=1.0)
    assert found.norm.item() == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(after[0], [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("name", ["norm", "per_parameter_norm"])
def test_zero_gradients_stay_zero(name):
    gradients = [np.zeros((3, 2), np.float32), np.zeros(2, np.float32)]
    after, found = clipped(name, gradients, max_norm=1.0)
    assert_same_bits(after, gradients)
    assert found.norm.item() == 0
    assert not found.clipped.item()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("value", {"threshold": 0.5}),
        ("norm", {"max_norm": 0.5}),
        ("per_parameter_norm", {"max_norm": 0.5}),
        ("adaptive", {"clipping": 0.5, "epsilon": 1e-3}),
    ],
)
def test_memory_layout_does_not_matter(name, parameters):
    found, after = [], []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        generator = torch.Generator().manual_seed(1)
        network = nn.Conv2d(3, 4, 5, bias=False).to(memory_format=memory_format)
        for values in (network.weight.data, gradient := torch.empty_like(network.weight)):
            values.copy_(torch.randn(values.shape, generator=generator))
        network.weight.grad = gradient.detach()
        found.append(CLIPPINGS[name](**parameters)(network))
        after.append(network.weight.grad)
    assert found[0].norm.item() == pytest.approx(found[1].norm.item(), rel=1e-12)
    assert found[0].clipped.item() is found[1].clipped.item() is True
    torch.testing.assert_close(*after, rtol=1e-6, atol=0)


def test_parameters_without_gradient_are_passed_over():
    for name, parameters in [
        ("none", {}),
        ("value", {"threshold": 0.5}),
        ("norm", {"max_norm": 0.5}),
        ("per_parameter_norm", {"max_norm": 0.5}),
        ("adaptive", {"clipping": 0.5, "epsilon": 1e-3}),
    ]:
        network = parameters_with([np.ones(4, np.float32), np.ones(3, np.float32)])
        network[1].grad = None
        assert CLIPPINGS[name](**parameters)(network).norm.item() == 2
        assert network[1].grad is None


class Small(nn.Module):
    """A convolution, a dense layer, a normalization's vector and the output."""

    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv2d(2, 3, 2)
        self.dense_1 = nn.Linear(4, 3)
        self.narrow = nn.Linear(1, 3, bias=False)
        self.output = nn.Linear(3, 2)


SHAPES = [tuple(parameter.shape) for parameter in Small().parameters()]


def valued(elements):
    return st.tuples(*(arrays(np.float32, shape, elements=elements) for shape in SHAPES))


def units_of(name, array):
    """The parts of a parameter that are clipped each by itself."""
    if name.startswith("output."):
        return []
    if name in ("conv_1.weight", "dense_1.weight"):
        return list(array)
    return [array]


#: Where the last bit of a norm decides which side of its bound it is on.
TIE = 1e-12
WEIGHTS = st.one_of(
    st.just(0.0), st.floats(-10, 10, width=32), st.floats(-(2**-13), 2**-13, width=32)
)


@given(valued(WEIGHTS), valued(ELEMENTS), st.floats(1e-3, 10), st.sampled_from([1e-6, 1e-3, 1.0]))
def test_adaptive_is_its_formula_unit_by_unit(weights, gradients, clipping, epsilon):
    network = Small()
    for parameter, weight, gradient in zip(network.parameters(), weights, gradients, strict=True):
        parameter.data = torch.from_numpy(weight.copy())
        parameter.grad = torch.from_numpy(gradient.copy())
    found = CLIPPINGS["adaptive"](clipping=clipping, epsilon=epsilon)(network)
    assert found.norm.item() == pytest.approx(np.linalg.norm(flat(gradients)), rel=1e-9)
    largest = 0.0
    for (name, parameter), weight, gradient in zip(
        network.named_parameters(), weights, gradients, strict=True
    ):
        assert_same_bits([parameter.detach().numpy()], [weight])
        after = parameter.grad.numpy()
        if name.startswith("output."):
            assert_same_bits([after], [gradient])
        for w, g, result in zip(
            *(units_of(name, e) for e in (weight, gradient, after)), strict=True
        ):
            bound = clipping * max(np.linalg.norm(w.astype(np.float64)), epsilon)
            excess = np.linalg.norm(g.astype(np.float64)) / bound
            largest = max(largest, excess)
            if excess < 1 - TIE:
                assert_same_bits([result], [g])
            else:
                np.testing.assert_allclose(result, g / max(excess, 1), rtol=1e-6, atol=1e-37)
                reached = np.linalg.norm(result.astype(np.float64))
                assert reached == pytest.approx(bound, rel=1e-5, abs=1e-37)
    if abs(largest - 1) > TIE:
        assert found.clipped.item() == (largest > 1)


def test_adaptive_by_hand():
    """One unit over its bound, one under; a bias as a whole; the output left alone."""
    network = nn.ModuleDict({"dense_1": nn.Linear(2, 2), "output": nn.Linear(2, 1)})
    with torch.no_grad():
        network["dense_1"].weight.copy_(torch.tensor([[3.0, 4.0], [6.0, 8.0]]))
        network["dense_1"].bias.zero_()
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 0.0)
    network["dense_1"].weight.grad.copy_(torch.tensor([[0.6, 0.8], [0.6, 0.8]]))
    network["dense_1"].bias.grad.copy_(torch.tensor([0.3, 0.4]))
    network["output"].weight.grad.fill_(1e6)
    found = CLIPPINGS["adaptive"](clipping=0.1, epsilon=1e-3)(network)
    # Norms 5 and 10 allow gradients of 0.5 and 1; zeros count as 1e-3 and allow 1e-4.
    torch.testing.assert_close(
        network["dense_1"].weight.grad, torch.tensor([[0.3, 0.4], [0.6, 0.8]])
    )
    torch.testing.assert_close(network["dense_1"].bias.grad, torch.tensor([6e-5, 8e-5]))
    assert network["output"].weight.grad.tolist() == [[1e6, 1e6]]
    assert found.clipped.item()
    again = CLIPPINGS["adaptive"](clipping=0.11, epsilon=1e-3)(network)
    assert not again.clipped.item()
