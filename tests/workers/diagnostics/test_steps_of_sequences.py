"""Gradients that vanish or explode on their way back through a sequence."""

from dataclasses import replace

import pytest

from tests.support.probe_networks import ball, network, statistics
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.steps_of_sequences import sequence_findings
from workers.diagnostics.thresholds import Thresholds


def with_steps(*norms):
    built = network("mlp", (10,), 2, "tanh", "glorot_uniform", hidden_units=[8])
    found = statistics(built, *ball(0, samples=50))
    layers = (replace(found.layers[0], gradient_by_step=norms), *found.layers[1:])
    return replace(found, layers=layers)


def findings(epoch, *norms):
    return list(sequence_findings(with_steps(*norms), epoch, Thresholds()))


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_gradient_that_vanishes(epoch):
    (found,) = findings(epoch, 1e-8, 1e-4, 1.0)
    assert (found.kind, found.layer, found.epoch) == ("vanishing", "dense_1", epoch)
    assert found.value == pytest.approx(1e-8)
    assert "from step 3 of dense_1 to step 1, 0.0001 times per step" in found.explanation
    assert "lstm" in found.advice


def test_a_gradient_that_explodes_is_told_before_the_first_step():
    (found,) = findings(0, 1e6, 1e3, 1.0)
    assert (found.kind, found.value) == ("exploding", 1e6)
    assert "Clip" in found.advice
    assert not findings(1, 1e6, 1e3, 1.0)


@pytest.mark.parametrize("norms", [(0.5, 1.0), (0.002, 1.0), (900.0, 1.0), (1.0, 0.0), (1.0,)])
def test_a_gradient_that_arrives_is_no_finding(norms):
    assert not findings(0, *norms)


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
def test_a_norm_that_is_no_number_is_another_findings_matter(norm):
    assert not findings(0, norm, 1.0)


def test_the_steps_survive_storage():
    found = with_steps(float("inf"), 0.5)
    data = found.as_dict()
    assert NetworkStatistics.of(data).layers[0].gradient_by_step == (float("inf"), 0.5)
    data["layers"][0]["gradient_by_step"][0] = "Infinity"
    assert NetworkStatistics.of(data).layers[0].gradient_by_step == (float("inf"), 0.5)
    assert "gradient_by_step" not in data["layers"][1]
