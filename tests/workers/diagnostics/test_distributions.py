"""Distributions gathered chunk by chunk, against NumPy in float64."""

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workers.diagnostics.distributions import (
    BINS,
    QUANTILES,
    SUBSAMPLE,
    Distribution,
    Gathering,
    bin_edges,
)


def gather(values, chunk=100):
    gathering = Gathering(len(values))
    for part in values.split(chunk):
        gathering.add(part)
    return gathering


def moments(values):
    values = values.double().numpy()
    return [values.mean(), values.std(), values.min(), values.max()]


def found(distribution):
    return [distribution.mean, distribution.std, distribution.min, distribution.max]


@pytest.mark.parametrize("shape", [(1000, 7), (130, 3, 11, 9), (1, 5), (64, 1)])
@pytest.mark.parametrize(
    ("mean", "std"), [(0, 1), (5, 1), (-300, 0.01), (1e-20, 1e-20), (1e25, 1e24)]
)
def test_moments_and_extremes_are_those_of_all_values(shape, mean, std):
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(shape, generator=generator) * std + mean
    distribution = gather(values, 37).distribution()
    assert found(distribution) == pytest.approx(moments(values), rel=2e-6)
    assert (distribution.count, distribution.non_finite) == (values.numel(), 0)


def test_each_feature_has_its_deviation():
    values = torch.randn(500, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    values *= torch.tensor([1.0, 1e-3, 30.0, 1e-12]).view(4, 1, 1)
    values += torch.tensor([0.0, 2.0, -7.0, 0.0]).view(4, 1, 1)
    for layout in (torch.contiguous_format, torch.channels_last):
        deviations = gather(values.contiguous(memory_format=layout)).deviations()
        expected = values.double().transpose(0, 1).flatten(1).std(1, correction=0)
        # The second feature's spread is 4,000 roundings of its values.
        assert deviations == pytest.approx(expected.numpy(), rel=1e-5)


def test_few_values_are_all_in_histogram_and_quantiles():
    values = torch.randn(999, 100, generator=torch.Generator().manual_seed(2))
    distribution = gather(values).distribution()
    flat = values.double().numpy().ravel()
    assert distribution.quantiles == pytest.approx(np.quantile(flat, QUANTILES).tolist())
    counts, edges = np.histogram(flat, BINS)
    assert np.abs(np.array(distribution.counts) - counts).sum() <= 2  # a value on an edge
    assert bin_edges(distribution.min, distribution.max) == pytest.approx(edges)
    assert sum(distribution.counts) == values.numel()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("chunk", [50, 333, 1000])
def test_of_many_values_every_kth_is_looked_at(layout, chunk):
    values = torch.randn(1000, 6, 10, 10, generator=torch.Generator().manual_seed(4))
    distribution = gather(values.contiguous(memory_format=layout), chunk).distribution()
    stride = 7  # the first from 6 on without a divisor of 600
    flat = values.double().numpy().ravel()[::stride]
    assert SUBSAMPLE / 2 < flat.size <= SUBSAMPLE
    assert distribution.quantiles == pytest.approx(np.quantile(flat, QUANTILES).tolist())
    assert sum(distribution.counts) == flat.size


def test_what_is_not_finite_is_counted_and_left_out():
    values = torch.randn(400, 3, generator=torch.Generator().manual_seed(5))
    values[7, 0], values[8, 0], values[399, 2] = math.nan, math.inf, -math.inf
    gathering = gather(values)
    distribution = gathering.distribution()
    kept = values[values.isfinite()]
    assert distribution.non_finite == 3
    assert found(distribution) == pytest.approx(moments(kept), rel=1e-6)
    assert sum(distribution.counts) == kept.numel()
    assert np.isnan(gathering.deviations()).tolist() == [True, False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_small_spread_is_right_beside_values_that_are_not_finite(value):
    values = torch.randn(300, 2, generator=torch.Generator().manual_seed(6)) * 0.01 - 300
    values[[3, 4, 170], [0, 1, 1]] = value
    distribution = gather(values).distribution()
    assert found(distribution) == pytest.approx(moments(values[values.isfinite()]), rel=1e-9)


def test_nothing_finite_breaks_nothing():
    distribution = gather(torch.full((10, 2), math.inf)).distribution()
    assert all(map(math.isnan, [*found(distribution), *distribution.quantiles]))
    assert (distribution.counts, distribution.non_finite) == ((), 20)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e30, 1e-30])
def test_a_single_value_has_bins_around_it(value):
    distribution = gather(torch.full((10, 2), value)).distribution()
    assert found(distribution) == pytest.approx([value, 0, value, value], rel=1e-6)
    edges = bin_edges(distribution.min, distribution.max)
    assert (np.diff(edges) > 0).all()
    assert sum(distribution.counts) == 20


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_any_values_have_a_distribution_that_can_be_written_and_read(values):
    distribution = gather(torch.tensor(values).view(-1, 1), 7).distribution()
    finite = [value for value in values if math.isfinite(value)]
    assert distribution.non_finite == len(values) - len(finite)
    if finite:
        assert (distribution.min, distribution.max) == (min(finite), max(finite))
        tolerance = 1e-6 * max(map(abs, finite)) + 1e-44
        assert distribution.mean == pytest.approx(np.mean(finite), abs=tolerance)
        assert distribution.std == pytest.approx(np.std(finite), abs=tolerance)
        assert sum(distribution.counts) == len(finite)
    again = Distribution.of(distribution.as_dict())
    assert repr(astuple(again)) == repr(astuple(distribution))
