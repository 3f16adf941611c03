"""Properties of the clippings."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from workers.nn.clippings import CLIPPINGS

ELEMENTS = st.floats(-1e3, 1e3, width=32)
GRADIENTS = st.lists(
    arrays(np.float32, array_shapes(max_dims=3, max_side=4), elements=ELEMENTS),
    min_size=1,
    max_size=4,
)
BOUNDS = st.floats(1e-3, 1e3)


def clipped(name, gradients, **parameters):
    tensors = [torch.from_numpy(each.copy()) for each in gradients]
    found = CLIPPINGS[name](**parameters)(tensors)
    return [each.numpy() for each in tensors], found


def flat(gradients):
    return np.concatenate([each.ravel() for each in gradients]).astype(np.float64)


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
    assert_same_bits(after, [np.clip(each, -bound, bound) for each in gradients])
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


@pytest.mark.parametrize(("name", "bound"), [("value", "threshold"), ("norm", "max_norm")])
@pytest.mark.parametrize("element", [-7, 7])
def test_one_large_element_anywhere_is_found(name, bound, element):
    gradients = [np.zeros((2, 3), np.float32), np.zeros(5, np.float32)]
    gradients[1][3] = element
    _, found = clipped(name, gradients, **{bound: 5.0})
    assert found.clipped.item()


def test_norm_is_exact_where_its_square_overflows_float32():
    gradients = [np.array([3e30, -4e30], np.float32)]
    after, found = clipped("norm", gradients, max_norm=1.0)
    assert found.norm.item() == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(after[0], [0.6, -0.8], rtol=1e-6)


def test_zero_gradients_stay_zero():
    gradients = [np.zeros((3, 2), np.float32)]
    after, found = clipped("norm", gradients, max_norm=1.0)
    assert_same_bits(after, gradients)
    assert found.norm.item() == 0


def test_memory_layout_does_not_matter():
    gradient = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    for name, parameters in [("value", {"threshold": 0.5}), ("norm", {"max_norm": 0.5})]:
        plain, last = gradient.clone(), gradient.clone(memory_format=torch.channels_last)
        one, other = CLIPPINGS[name](**parameters)([plain]), CLIPPINGS[name](**parameters)([last])
        assert one.norm.item() == pytest.approx(other.norm.item(), rel=1e-12)
        torch.testing.assert_close(plain, last, rtol=1e-6, atol=0)
