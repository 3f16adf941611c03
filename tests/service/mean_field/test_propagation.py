"""Signals and gradients against the layer statistics of wide networks, as workers measure them."""

import math

import pytest
import torch

from service.mean_field.moments import moments_of
from service.mean_field.propagation import STANDARD_INPUTS, Inputs, propagate
from service.specs.choices import choice
from tests.support.probe_networks import network, normal, statistics
from workers.diagnostics.flow import flow_of
from workers.nn.activations import ACTIVATIONS

DEPTH, WIDTH, FEATURES = 6, 300, 100

#: Activation, sigma_w.
CASES = [
    ("identity", 1.0),
    ("relu", 2**0.5),
    ("relu", 1.0),
    ("tanh", 1.0),
    ("tanh", 1.5),
    ("sigmoid", 3.6),
    ("sigmoid", 1.0),
    ("elu", 1.0),
    ("selu", 1.0),
    ("gelu", 2**0.5),
    ("silu", 2**0.5),
    ("mish", 2**0.5),
    ("softplus", 2**0.5),
    ("softsign", 1.0),
    ("hard_tanh", 1.2),
    ("hard_sigmoid", 28.8**0.5),
    ("relu6", 2**0.5),
    ({"name": "leaky_relu", "negative_slope": 0.5}, 1.6**0.5),
    ({"name": "maxout", "pieces": 2}, 1.0),
    ({"name": "maxout", "pieces": 4}, 1.55**-0.5),
]


def samples(common=0.0, unequal=0.0):
    """Samples with something in common, and of unequal norms."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(150, FEATURES, generator=generator)
    x = x * (1 + unequal * torch.randn(150, 1, generator=generator)).clamp(0.3, 3)
    return x + common * torch.randn(FEATURES, generator=generator)


def inputs_of(x):
    x = x.double()
    norms = x.norm(dim=1)
    return Inputs(
        square=(x**2).mean().item(),
        common=(x.mean(0) ** 2).mean().item(),
        variation=(norms.std() / norms.mean()).item(),
    )


def measured(activation, deviation, x, **options):
    chosen = choice("activation", activation)
    built = network(
        "mlp",
        (FEATURES,),
        10,
        ACTIVATIONS[chosen.name](**chosen.parameters),
        lambda shape, generator: normal(deviation / math.sqrt(shape[1]))(shape, generator),
        hidden_units=[WIDTH] * DEPTH,
        **options,
    )
    return statistics(built, x, torch.arange(len(x)) % 10)


def predicted(activation, deviation, x, **options):
    chosen = choice("activation", activation)
    moments = moments_of(chosen.name, chosen.parameters)
    return propagate(moments, [deviation**2] * (DEPTH + 1), inputs=inputs_of(x), **options)


@pytest.mark.parametrize(
    ("activation", "deviation", "common", "unequal"),
    [*((*case, 0.7, 0.25) for case in CASES), *((*case, 0.0, 0.0) for case in CASES[::4])],
    ids=str,
)
def test_wide_networks_do_as_predicted(activation, deviation, common, unequal):
    """Within 25% after six layers of 300 units, whose length wanders by 10% between draws."""
    x = samples(common, unequal)
    wave = predicted(activation, deviation, x)
    found = measured(activation, deviation, x)
    # The ten outputs are too few to be wide.
    for layer, signal in zip(found.hidden, wave.signals[:-1], strict=True):
        assert math.hypot(layer.z.mean, layer.z.std) == pytest.approx(signal.length**0.5, rel=0.25)
        assert layer.signal == pytest.approx(signal.spread**0.5, rel=0.25)
    flow = flow_of(found)
    assert flow.forward == pytest.approx(wave.forward, rel=0.25)
    assert flow.backward == pytest.approx(wave.backward, rel=0.25)


def test_constant_biases_shift_z_values():
    x = samples(0.5)
    wave = predicted("tanh", 1.2, x, shift=0.6)
    found = measured("tanh", 1.2, x, bias=0.6)
    flow = flow_of(found)
    assert flow.forward == pytest.approx(wave.forward, rel=0.15)
    assert flow.backward == pytest.approx(wave.backward, rel=0.15)
    for layer, signal in zip(found.hidden, wave.signals[:-1], strict=True):
        assert layer.z.std == pytest.approx(signal.variance**0.5, rel=0.15)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
@pytest.mark.parametrize("normalized", ["batch", "layer"])
def test_normalized_networks_do_as_predicted(activation, normalized):
    x = samples()
    wave = predicted(activation, 2**0.5, x, normalized=normalized)
    flow = flow_of(measured(activation, 2**0.5, x, normalization=normalized))
    assert flow.forward == pytest.approx(wave.forward, rel=0.2)
    assert flow.backward == pytest.approx(wave.backward, rel=0.2)


def test_batch_normalization_makes_gradients_of_relu_grow_by_the_known_factor():
    """Yang et al. 2019: sqrt(pi / (pi - 1)) a layer."""
    wave = propagate(moments_of("relu", {}), [2.0] * 21, normalized="batch")
    assert wave.backward ** (1 / 19) == pytest.approx(math.sqrt(math.pi / (math.pi - 1)))


def test_lsuv_gives_every_layer_a_length_of_one():
    wave = propagate(moments_of("sigmoid", {}), None, layers=6, inputs=Inputs(7.0, 2.0, 0.3))
    assert [signal.variance for signal in wave.signals] == pytest.approx([1.0] * 6)


def test_gradients_are_relative_to_the_last_hidden_layer():
    wave = propagate(moments_of("relu", {}), [1.0, 1.0, 4.0, 1.0], inputs=STANDARD_INPUTS)
    assert wave.gradients == pytest.approx([1.0, 2**0.5, 1.0])


def test_an_overflow_ends_in_infinity_not_in_an_error():
    wave = propagate(moments_of("relu", {}), [1e30] * 20)
    assert wave.forward == math.inf
    assert math.isnan(wave.backward)
