"""Odd numbers: zeros, denormals, infinities and NaN are diagnosed without an error."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from service.histories.layer_statistics import decode, encode
from service.histories.outcomes import Course, Guessing, outcome_of
from workers.diagnostics.boundary import decision_boundary
from workers.diagnostics.diagnosis import Diagnostician
from workers.diagnostics.distributions import Distribution, Gathering
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.training.updates import (
    largest_until,
    none_largest,
    update_ratios,
    with_update_ratios,
)

#: Float32 values at which formulas break: zeros, the smallest and largest, what is not finite.
ODD = (0.0, -0.0, 1e-45, -1e-45, 1.2e-38, 1.0, -1.0, 3.4e38, -3.4e38, math.inf, -math.inf, math.nan)
SIZES = (0.0, 5e-324, 1e-45, 1e-12, 0.5, 1.0, 1e30, 1.7e308, math.inf, math.nan)

numbers = st.sampled_from(ODD) | st.floats(width=32)
sizes = st.sampled_from(SIZES) | st.floats(min_value=0)
shares = st.sampled_from((0.0, 1e-300, 0.5, 1.0)) | st.floats(0, 1)


@st.composite
def distributions(draw):
    rows = draw(st.integers(1, 6))
    values = draw(st.lists(numbers, min_size=rows * 2, max_size=rows * 2))
    gathering = Gathering(rows)
    gathering.add(torch.tensor(values, dtype=torch.float32).view(rows, 2))
    return gathering.distribution()


@st.composite
def layers(draw, name):
    of_layer = {key: draw(distributions()) for key in ("z", "activation", "weight")}
    of_gradient = {key: draw(distributions()) for key in ("gradient", "z_gradient")}
    return LayerStatistics(
        name,
        draw(st.integers(1, 20)),
        **of_layer,
        **of_gradient,
        signal=draw(sizes),
        dead_fraction=draw(shares),
        saturated_fraction=draw(shares),
        symmetric=draw(st.booleans()),
        symmetry_kept=draw(st.booleans()),
        update_ratio=draw(st.none() | sizes),
    )


@st.composite
def trainings(draw):
    names = [f"dense_{n}" for n in range(draw(st.integers(0, 3)))] + ["output"]
    found = [
        NetworkStatistics(4, draw(sizes), draw(sizes), tuple(draw(layers(name)) for name in names))
        for _ in range(3)
    ]
    keys = ("loss", "val_loss", "gradient_norm")
    metrics = [
        {key: draw(sizes) for key in keys} | {"clipped_fraction": draw(shares)} for _ in range(12)
    ]
    return found, metrics


@given(trainings(), st.sampled_from([None, "diverged", "at_chance", "got_worse", "learned"]))
@settings(max_examples=60, deadline=None)
def test_any_numbers_are_diagnosed(training, outcome):
    found, metrics = training
    diagnostician = Diagnostician(Setting(epochs=12, steps=12))
    diagnostician.see_layers(0, found[0])
    for epoch, measured in enumerate(metrics, start=1):
        diagnostician.see_epoch(epoch, measured)
        if epoch in (5, 12):
            diagnostician.see_layers(epoch, found[1 if epoch == 5 else 2])
    for finding in diagnostician.diagnosis(outcome).findings:
        assert finding.explanation
        assert finding.advice
    for statistics in found:
        stored = decode(encode(statistics.as_dict()))
        assert [layer["name"] for layer in stored["layers"]] == [x.name for x in statistics.layers]


@given(st.lists(st.tuples(sizes, sizes, shares), max_size=8), st.lists(sizes, max_size=4), sizes)
@settings(max_examples=60, deadline=None)
def test_any_course_has_an_outcome(epochs, probes, chance):
    course = Course(
        *(list(column) for column in zip(*epochs, strict=True)) if epochs else ([], [], [])
    )
    course.probes = probes
    course.chance_loss = chance if probes else None
    assert (outcome_of(course, Guessing(chance, 0.5, 4)) is None) == (not epochs)


@given(st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_update_ratios_of_any_weights(before, after):
    ratios = update_ratios([torch.tensor([before])], [torch.tensor([after])])
    empty = Gathering(1)
    empty.add(torch.zeros(1, 1))
    nothing = empty.distribution()
    layer = LayerStatistics("output", 1, *[nothing] * 5, 0.0, 0.0, 0.0, symmetric=False)
    largest = largest_until(none_largest(1), ratios, torch.tensor(3))
    statistics = with_update_ratios(NetworkStatistics(1, 1.0, 1.0, (layer,)), ratios, largest)
    found = statistics.layers[0]
    ratio = found.update_ratio
    assert ratio is None or (math.isfinite(ratio) and ratio >= 0)
    assert found.largest_update_ratio == ratio
    assert found.largest_update_epoch == (None if ratio is None else 3)


@pytest.mark.parametrize("value", ODD)
def test_a_distribution_of_one_odd_value(value):
    gathering = Gathering(3)
    gathering.add(torch.full((3, 2), value))
    found = gathering.distribution()
    assert (found.count, found.non_finite) == (6, 0 if math.isfinite(value) else 6)
    if math.isfinite(value):
        assert found.min == found.max == pytest.approx(value)
    assert Distribution.of(found.as_dict()).counts == found.counts


@given(st.lists(numbers, min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_boundary_around_any_points(values):
    inputs = torch.tensor(values, dtype=torch.float32).view(3, 2)
    found = decision_boundary(torch.nn.Linear(2, 2), inputs, torch.tensor([0, 1, 0]), size=5)
    assert found is None or len(found.confidence) == 25
