"""Normalizations against torch's own, and against their definitions in float64 NumPy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workers.nn.normalizations import (
    NORMALIZATIONS,
    WeightNorm,
    running_statistics_frozen,
    set_weight,
)

EPSILON = 1e-3
MOMENTUM = 0.7
PARAMETERS = {
    "none": {},
    "batch": {"momentum": MOMENTUM, "epsilon": EPSILON},
    "layer": {"epsilon": EPSILON},
    "instance": {"epsilon": EPSILON},
    "group": {"groups": 3, "epsilon": EPSILON},
    "switchable": {"momentum": MOMENTUM, "epsilon": EPSILON},
    "rms": {"epsilon": EPSILON},
    "weight": {},
}
RUNNING = ["batch", "switchable"]
NORMALIZING = sorted(set(NORMALIZATIONS) - {"none", "weight"})
FEATURES = 6
SHAPES = {"dense": (5, FEATURES), "image": (5, FEATURES, 4, 3)}
LAYOUTS = {"dense": torch.contiguous_format, "image": torch.channels_last}


def module(name, features=FEATURES, seed=1, **parameters):
    """A module in float64 whose parameters are no longer what they began as."""
    made = NORMALIZATIONS[name](**{**PARAMETERS[name], **parameters})(features).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return made


def z_values(kind, seed=2, dtype=torch.float64):
    """Far from mean 0 and variance 1, and different in every sample and feature."""
    generator = torch.Generator().manual_seed(seed)
    shape = SHAPES[kind]
    ones = (1,) * (len(shape) - 2)
    x, samples, features = (
        torch.randn(wanted, generator=generator, dtype=dtype)
        for wanted in (shape, (shape[0], 1, *ones), (1, FEATURES, *ones))
    )
    return (x * (1 + features.square()) + 2 * samples + 3 * features).contiguous(
        memory_format=LAYOUTS[kind]
    )


def torchs_own(name, kind):
    """Torch's module for an entry, and whether it has a scale and a shift itself."""
    own = {
        ("batch", "dense"): nn.BatchNorm1d(FEATURES, EPSILON, 1 - MOMENTUM),
        ("batch", "image"): nn.BatchNorm2d(FEATURES, EPSILON, 1 - MOMENTUM),
        ("layer", "dense"): nn.LayerNorm(FEATURES, EPSILON),
        ("layer", "image"): nn.LayerNorm(SHAPES["image"][1:], EPSILON, elementwise_affine=False),
        # Torch takes two dimensions for the channels and positions of one sample.
        ("instance", "dense"): nn.InstanceNorm1d(SHAPES["dense"][0], EPSILON),
        ("instance", "image"): nn.InstanceNorm2d(FEATURES, EPSILON, affine=True),
        ("group", "dense"): nn.GroupNorm(3, FEATURES, EPSILON),
        ("group", "image"): nn.GroupNorm(3, FEATURES, EPSILON),
        ("rms", "dense"): nn.RMSNorm(FEATURES, EPSILON),
        ("rms", "image"): nn.RMSNorm(SHAPES["image"][1:], EPSILON, elementwise_affine=False),
    }[name, kind].double()
    return own, getattr(own, "weight", None) is not None


def by_feature(vector, x):
    return vector.view(1, -1, *(1,) * (len(x.shape) - 2))


def normalized_by_torch(own, affine, ours, x):
    if affine:
        own.load_state_dict(dict(ours.named_parameters()), strict=False)
        return own(x)
    scaled = own(x) * by_feature(ours.weight, x)
    return scaled + by_feature(ours.bias, x) if hasattr(ours, "bias") else scaled


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", sorted(set(NORMALIZING) - {"switchable"}))
def test_values_gradients_and_running_statistics_are_torchs_own(name, kind):
    ours = module(name)
    own, affine = torchs_own(name, kind)
    for step in range(3):
        x = z_values(kind, seed=step).requires_grad_()
        upstream = z_values(kind, seed=10 + step)
        expected = normalized_by_torch(own, affine, ours, x)
        found = ours(x)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        slope, *slopes = torch.autograd.grad(found, [x, *ours.parameters()], upstream)
        theirs = own if affine else ours
        expected_slope, *expected_slopes = torch.autograd.grad(
            expected, [x, *theirs.parameters()], upstream
        )
        torch.testing.assert_close(slope, expected_slope, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(slopes, expected_slopes, rtol=1e-9, atol=1e-9)
    for running, buffer in ours.named_buffers():
        torch.testing.assert_close(buffer, own.get_buffer(running), rtol=1e-12, atol=1e-12)
    expected = normalized_by_torch(own.eval(), affine, ours, x)
    torch.testing.assert_close(ours.eval()(x), expected, rtol=1e-10, atol=1e-10)


def mean_and_variance(x, axes):
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def softmax(weights):
    return np.exp(weights) / np.exp(weights).sum()


@pytest.mark.parametrize("kind", SHAPES)
def test_switchable_is_the_papers_formula(kind):
    ours = module("switchable")
    mean_weight, var_weight = ours.mean_weight.detach().numpy(), ours.var_weight.detach().numpy()
    running_mean, running_variance = np.zeros(FEATURES), np.ones(FEATURES)
    spatial = tuple(range(2, len(SHAPES[kind])))
    used = slice(None) if kind == "image" else slice(1, None)

    def expected(x, batch):
        statistics = [
            mean_and_variance(x, spatial),
            mean_and_variance(x, (1, *spatial)),
            batch,
        ][used]
        means, variances = zip(*statistics, strict=True)
        mean = sum(
            w * statistic for w, statistic in zip(softmax(mean_weight[used]), means, strict=True)
        )
        variance = sum(
            w * statistic for w, statistic in zip(softmax(var_weight[used]), variances, strict=True)
        )
        scale, shift = (
            by_feature(parameter.detach(), x).numpy() for parameter in (ours.weight, ours.bias)
        )
        return scale * (x - mean) / np.sqrt(variance + EPSILON) + shift

    for step in range(3):
        z = z_values(kind, seed=step)
        x = z.numpy()
        batch = mean_and_variance(x, (0, *spatial))
        running_mean = MOMENTUM * running_mean + (1 - MOMENTUM) * batch[0].ravel()
        running_variance = MOMENTUM * running_variance + (1 - MOMENTUM) * batch[1].ravel()
        np.testing.assert_allclose(ours(z).detach().numpy(), expected(x, batch), rtol=1e-9)
    np.testing.assert_allclose(ours.running_mean.numpy(), running_mean, rtol=1e-12)
    np.testing.assert_allclose(ours.running_var.numpy(), running_variance, rtol=1e-12)
    running = tuple(
        statistic.reshape(batch[0].shape) for statistic in (running_mean, running_variance)
    )
    np.testing.assert_allclose(ours.eval()(z).detach().numpy(), expected(x, running), rtol=1e-9)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", NORMALIZING)
def test_gradients_are_those_of_the_values(name, kind, training):
    """Of the inputs and of every parameter, the mixture's weights too, by finite differences."""
    ours = module(name).train(training)
    names, values = zip(*ours.named_parameters(), strict=True)

    def normalized(x, *parameters):
        replaced = dict(zip(names, parameters, strict=True))
        with running_statistics_frozen(ours):
            return torch.func.functional_call(ours, replaced, (x,))

    assert torch.autograd.gradcheck(normalized, (z_values(kind).requires_grad_(), *values))


def test_switchable_learns_its_shares():
    """Their gradients sum to zero, as a softmax's do; on a dense layer the first weight rests."""
    for kind in SHAPES:
        ours = module("switchable")
        (ours(z_values(kind)) * z_values(kind, seed=3)).sum().backward()
        for weights in (ours.mean_weight, ours.var_weight):
            assert weights.grad.sum().item() == pytest.approx(0, abs=1e-10)
            assert (weights.grad != 0).tolist() == [kind == "image", True, True]


# What has mean 0 and variance 1 afterwards, as the axes of (batch, groups, width, height, width).
NORMALIZED_AXES = {
    "batch": (0, 3, 4),
    "layer": (1, 2, 3, 4),
    "instance": (3, 4),
    "group": (2, 3, 4),
}


@pytest.mark.parametrize("name", NORMALIZED_AXES)
def test_new_modules_give_mean_zero_and_variance_one(name):
    made = NORMALIZATIONS[name](**{**PARAMETERS[name], "epsilon": 1e-12})(FEATURES).double()
    y = made(z_values("image")).detach().numpy().reshape(5, 3, 2, 4, 3)
    np.testing.assert_allclose(y.mean(NORMALIZED_AXES[name]), 0, atol=1e-9)
    np.testing.assert_allclose(y.var(NORMALIZED_AXES[name]), 1, rtol=1e-9)


def test_new_modules_scale_by_one_shift_by_zero_and_mix_evenly():
    for name in NORMALIZING:
        made = NORMALIZATIONS[name](**PARAMETERS[name])(FEATURES)
        values = {key: tensor.unique().tolist() for key, tensor in made.named_parameters()}
        assert values.pop("bias", [0]) == [0], name
        assert all(value == [1] for value in values.values()), name
        assert {tuple(made.get_parameter(key).shape) for key in values} <= {(FEATURES,), (3,)}


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("training", [True, False])
def test_channels_last_stays_channels_last_and_changes_no_value(name, training):
    ours, other = module(name).float().train(training), module(name).float().train(training)
    x = z_values("image", dtype=torch.float32).requires_grad_()
    plain = x.detach().contiguous().requires_grad_()
    y, expected = ours(x), other(plain)
    assert y.shape == x.shape
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    upstream = z_values("image", seed=3, dtype=torch.float32)
    (slope,) = torch.autograd.grad(y, x, upstream)
    (expected_slope,) = torch.autograd.grad(expected, plain, upstream.contiguous())
    assert slope.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(slope, expected_slope, rtol=1e-4, atol=1e-4)


def test_rms_keeps_the_mean_and_gives_a_mean_square_of_one():
    made = NORMALIZATIONS["rms"](epsilon=1e-12)(FEATURES).double()
    x = z_values("image")
    y = made(x)
    np.testing.assert_allclose(y.square().mean((1, 2, 3)).detach().numpy(), 1, rtol=1e-9)
    ratios = (y / x).detach().flatten(1)
    np.testing.assert_allclose(ratios, ratios[:, :1].expand_as(ratios), rtol=1e-9)


@pytest.mark.parametrize("layer", [nn.Linear(4, FEATURES), nn.Conv2d(2, FEATURES, 3)], ids=repr)
def test_weight_normalization_is_the_papers_formula(layer):
    """Its value, and the gradients of equation 3, against those of the plain weight."""
    layer = layer.double()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(layer.weight.shape, generator=torch.manual_seed(3)))
    plain = layer.weight.detach().clone().requires_grad_()
    WeightNorm.attach(layer)
    torch.testing.assert_close(layer.weight, plain, rtol=1e-12, atol=0)
    lengths, directions = layer.parametrizations.weight.parameters()
    with torch.no_grad():  # no longer what they began as
        lengths.mul_(torch.linspace(0.5, 2, FEATURES).view(-1, *[1] * (plain.dim() - 1)))
    ones = tuple(range(1, plain.dim()))
    norms = directions.detach().square().sum(ones, keepdim=True).sqrt()
    expected = (lengths * directions / norms).detach()
    torch.testing.assert_close(layer.weight, expected, rtol=1e-12, atol=0)
    upstream = torch.randn(plain.shape, generator=torch.manual_seed(4)).double()
    by_length, by_direction = torch.autograd.grad(layer.weight, [lengths, directions], upstream)
    length_slope = (upstream * directions / norms).sum(ones, keepdim=True)
    direction_slope = lengths / norms * upstream - lengths * length_slope / norms**2 * directions
    torch.testing.assert_close(by_length, length_slope.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_direction, direction_slope.detach(), rtol=1e-10, atol=1e-12)


def test_weights_are_set_through_their_lengths_and_directions():
    layer = nn.Linear(4, FEATURES)
    WeightNorm.attach(layer)
    wanted = torch.randn(FEATURES, 4, generator=torch.manual_seed(5))
    set_weight(layer, wanted)
    torch.testing.assert_close(layer.weight.detach(), wanted)
    assert {name for name, _ in layer.named_parameters()} == {
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    }


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", NORMALIZING)
def test_float32_keeps_a_variance_far_below_the_mean(name, kind):
    x = z_values(kind, seed=4, dtype=torch.float32) + 1000
    found, exact = module(name).float()(x), module(name)(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=5e-3)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_one_sample_is_evaluated_as_among_others(name, kind):
    ours = module(name)
    ours(z_values(kind))
    x = z_values(kind, seed=5)
    torch.testing.assert_close(ours.eval()(x[:1]), ours(x)[:1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("shape", [(1, FEATURES), (1, FEATURES, 1, 1), (1, FEATURES, 4, 3)])
def test_training_on_one_sample_neither_fails_nor_poisons(name, shape):
    ours = module(name)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(6)).double().requires_grad_()
    y = ours(x)
    y.sum().backward()
    for tensor in (y, x.grad, *ours.buffers()):
        assert tensor.isfinite().all()
    if shape[2:] != (4, 3):
        for buffer, start in zip(ours.buffers(), (0, 1), strict=False):
            assert (buffer == start).all()


def test_a_value_alone_is_normalized_to_the_shift():
    ours = module("group", groups=FEATURES)
    y = ours(z_values("dense")[:1])
    torch.testing.assert_close(y[0], ours.bias)
    torch.testing.assert_close(module("batch")(z_values("dense")[:1])[0], ours.bias)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", RUNNING)
def test_frozen_running_statistics_stay_to_the_bit(name, kind):
    free, frozen = module(name), nn.Sequential(module(name))
    for network in (free, frozen[0]):
        network(z_values(kind))
    before = [buffer.clone() for buffer in frozen.buffers()]
    x = z_values(kind, seed=7)
    with running_statistics_frozen(frozen):
        found = frozen(x)
        with running_statistics_frozen(frozen):
            frozen(x)
        frozen(x)
    assert all(map(torch.equal, frozen.buffers(), before))
    assert torch.equal(found, free(x)), "the batch's own statistics, as in training"
    with pytest.raises(KeyError), running_statistics_frozen(frozen):
        raise KeyError
    frozen(x)
    assert all(map(torch.equal, frozen.buffers(), free.buffers())), "they move again afterwards"
    assert not any(map(torch.equal, frozen.buffers(), before))


def test_what_is_frozen_is_every_module_with_buffers():
    """A new normalization with statistics of its own would have to be frozen too."""
    for name in NORMALIZATIONS:
        made = module(name)
        assert bool(list(made.buffers())) == (name in RUNNING)


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="4 groups do not divide 6 features"):
        module("group", groups=4)


def test_instance_and_layer_are_one_on_a_dense_layer():
    x = z_values("dense")
    torch.testing.assert_close(module("instance")(x), module("layer")(x), rtol=1e-12, atol=1e-12)
    expected = F.layer_norm(x, (FEATURES,), eps=EPSILON)
    torch.testing.assert_close(NORMALIZATIONS["instance"](epsilon=EPSILON)(6).double()(x), expected)
