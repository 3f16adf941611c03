"""Diagnoses: verdicts at initialization, and findings while a run trains."""

import math
from collections import Counter
from dataclasses import fields, replace

import pytest
import torch

from service.statuses import CAUSES as SERVICE_CAUSES
from service.statuses import FAILURES as SERVICE_FAILURES
from service.statuses import Remark, Verdict
from tests.support.probe_networks import ball, circles, network, normal, statistics
from workers.diagnostics.diagnosis import Diagnostician
from workers.diagnostics.findings import CAUSES, FAILURES, REMARKS, VERDICTS
from workers.diagnostics.flow import flow_of
from workers.diagnostics.guessing import least_loss
from workers.diagnostics.setting import Setting
from workers.diagnostics.thresholds import Thresholds
from workers.nn.losses import LOSSES

#: The block network's rows: activation, initializer, verdict.
ROWS = [
    ("sigmoid", normal(0.003), "vanishing"),
    ("sigmoid", normal(0.1), "vanishing"),
    ("sigmoid", normal(1.0), "saturated"),
    ("tanh", normal(0.01), "vanishing"),
    ("tanh", normal(1.0), "saturated"),
    ("tanh", normal(0.1), "healthy"),
    ("tanh", "glorot_normal", "healthy"),
    ("tanh", "glorot_uniform", "healthy"),
    ("relu", "glorot_normal", "vanishing"),
    ("relu", "glorot_uniform", "vanishing"),
    ("relu", "he_normal", "healthy"),
    ("relu", "he_uniform", "healthy"),
]
CNN = {"channels": [32, 64], "kernel_size": 3, "units": [128]}

#: A healthy epoch's metrics.
METRICS = {"loss": 1.0, "val_loss": 1.0, "gradient_norm": 1.0, "clipped_fraction": 0.0}


def diagnosed(found):
    diagnostician = Diagnostician(Setting(epochs=0))
    diagnostician.see_layers(0, found)
    return diagnostician.diagnosis()


def block(activation, initializer, seed):
    x, labels = ball(1000 + seed)
    built = network("mlp", (10,), 1, activation, initializer, seed, hidden_units=[100] * 5)
    return statistics(built, x, labels, "binary_crossentropy")


@pytest.mark.parametrize(("activation", "initializer", "verdict"), ROWS)
def test_the_block_network(activation, initializer, verdict):
    found = [diagnosed(block(activation, initializer, seed)) for seed in range(5)]
    assert Counter(diagnosis.verdict for diagnosis in found) == {verdict: 5}
    for diagnosis in found:
        assert bool(diagnosis.findings) == (verdict != "healthy")


@pytest.mark.longest
@pytest.mark.parametrize(("activation", "initializer", "verdict"), ROWS)
def test_the_block_network_over_many_seeds(activation, initializer, verdict):
    found = Counter(
        diagnosed(block(activation, initializer, seed)).verdict for seed in range(100, 140)
    )
    assert found == {verdict: 40}


def small(activation, initializer, seed=0, hidden=(10, 5), bias=0.0):
    x, labels = circles(seed)
    built = network(
        "mlp", (2,), 1, activation, initializer, seed, bias=bias, hidden_units=list(hidden)
    )
    return statistics(built, x, labels, "binary_crossentropy")


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "maxout"])
def test_zeros_are_symmetric(activation):
    found = diagnosed(small(activation, "zeros"))
    assert found.verdict == "symmetric"
    first = found.findings[0]
    assert (first.layer, first.epoch, first.value, first.threshold) == ("dense_1", 0, 10.0, 1.0)
    assert "10 units of dense_1" in first.explanation


@pytest.mark.parametrize("seed", range(10))
def test_weights_ten_times_too_large_explode(seed):
    # Two layers are too few to explode from end to end; the loss begins far above guessing.
    found = diagnosed(small("relu", normal(10.0), seed))
    assert found.verdict == "length"
    assert found.findings[0].value > 10
    x, labels = ball(seed)
    deep = network("mlp", (10,), 1, "relu", normal(10.0), seed, hidden_units=[100] * 5)
    found = statistics(deep, x, labels, "binary_crossentropy")
    assert diagnosed(found).verdict == "exploding"


def test_weights_that_leave_float32_explode():
    x, labels = ball(0)
    deep = network("mlp", (10,), 2, "relu", normal(1e9), hidden_units=[100] * 5)
    found = diagnosed(statistics(deep, x, labels))
    assert found.verdict == "exploding"
    assert "not finite" in " ".join(finding.explanation for finding in found.findings)


@pytest.mark.parametrize("seed", range(5))
def test_relu_below_zero_is_dead(seed):
    found = diagnosed(small("relu", "he_normal", seed, bias=-5.0))
    assert found.verdict == "dead"
    assert {finding.layer for finding in found.findings if finding.kind == "dead"} == {
        "dense_1",
        "dense_2",
    }


@pytest.mark.parametrize("seed", range(40))
def test_good_shallow_networks_are_healthy(seed):
    for activation, initializer in (
        ("relu", "he_normal"),
        ("tanh", "glorot_uniform"),
        ("sigmoid", "glorot_uniform"),
        ("selu", "lecun_normal"),
        ("gelu", "he_uniform"),
    ):
        for hidden in ((6, 6), (100,)):
            assert diagnosed(small(activation, initializer, seed, hidden)).verdict == "healthy"


@pytest.mark.parametrize(
    ("activation", "initializer", "verdict"),
    [
        ("relu", "he_uniform", "healthy"),
        ("relu", "glorot_uniform", "healthy"),
        ("tanh", "glorot_uniform", "healthy"),
        ("elu", "he_uniform", "healthy"),
        ("selu", "lecun_normal", "healthy"),
        ("gelu", "he_uniform", "healthy"),
        ("leaky_relu", "he_uniform", "healthy"),
        ("maxout", "he_uniform", "healthy"),
        ("hard_tanh", "glorot_uniform", "healthy"),
        ("relu6", "he_uniform", "healthy"),
        # Signal and gradient fall to a fifteenth and a twentieth, which is no obstacle by itself.
        ("sigmoid", "glorot_uniform", "healthy"),
        ("relu", normal(0.01), "healthy"),
        ("relu", normal(1.0), "exploding"),
        ("tanh", normal(1.0), "saturated"),
        ("sigmoid", normal(0.003), "vanishing"),
    ],
)
def test_the_mnist_cnn(activation, initializer, verdict):
    # Blurred noise: what an image's neighbourhoods are to a convolution.
    images = torch.rand(60, 1, 34, 34, generator=torch.Generator().manual_seed(0)) ** 6
    images = torch.nn.functional.avg_pool2d(images, 7, stride=1) * 4
    labels = torch.arange(60) % 10
    built = network("mnist_cnn", (1, 28, 28), 10, activation, initializer, **CNN)
    assert diagnosed(statistics(built, images, labels)).verdict == verdict


def test_a_normalization_heals():
    x, labels = ball(0)
    for normalization, verdict in (("none", "vanishing"), ("batch", "healthy")):
        built = network(
            "mlp",
            (10,),
            2,
            "sigmoid",
            normal(0.1),
            normalization=normalization,
            hidden_units=[100] * 5,
        )
        assert diagnosed(statistics(built, x, labels)).verdict == verdict


def test_all_findings_are_listed_the_most_severe_first():
    found = diagnosed(block("tanh", normal(1.0), 0))
    assert found.verdict == "saturated"
    kinds = [finding.kind for finding in found.findings]
    assert kinds == sorted(kinds, key=[*reversed(CAUSES)].index)
    assert set(kinds) == {"saturated", "exploding"}
    for finding in found.findings:
        assert finding.value > finding.threshold
        assert finding.layer in finding.explanation
        assert finding.explanation.endswith(".")
        assert finding.advice.endswith(".")


def test_the_service_has_the_same_verdicts_and_remarks():
    assert tuple(Verdict) == VERDICTS
    assert SERVICE_CAUSES == CAUSES
    assert tuple(Remark) == REMARKS
    assert set(SERVICE_FAILURES) == set(FAILURES)
    assert not set(REMARKS) & set(VERDICTS)


def test_every_threshold_has_its_reason():
    for field in fields(Thresholds):
        assert f"{field.name}:" in Thresholds.__doc__ or f"{field.name}," in Thresholds.__doc__


@pytest.fixture
def healthy():
    return block("relu", "he_normal", 0)


def follow(epochs, healthy=None, planned=None, outcome=None):
    """A diagnostician that has seen epochs of these metrics, healthy where nothing is said."""
    diagnostician = Diagnostician(Setting(planned or len(epochs)))
    if healthy is not None:
        diagnostician.see_layers(0, healthy)
    for number, changed in enumerate(epochs, start=1):
        loss = 1 / number
        diagnostician.see_epoch(number, METRICS | {"loss": loss, "val_loss": loss} | changed)
    return diagnostician.diagnosis(outcome)


def only(diagnosis):
    (finding,) = diagnosis.findings
    return finding


def test_a_run_that_learns_is_healthy(healthy):
    assert follow([{}] * 20, healthy).findings == ()
    for outcome in (None, "learned", "still_learning", "overfits"):
        assert follow([{}] * 20, healthy, outcome=outcome).verdict == "healthy"


def test_a_failure_that_nothing_explains_has_no_cause(healthy):
    for outcome in FAILURES:
        assert follow([{}] * 20, healthy, outcome=outcome).verdict == "no_cause_found"


def test_without_layer_statistics_there_is_no_verdict_but_of_what_is_seen():
    assert follow([{}] * 5).verdict is None
    assert follow([{}] * 5, outcome="at_chance").verdict is None
    burst = [{}, {"loss": math.nan, "gradient_norm": math.nan}]
    assert follow(burst, outcome="diverged").verdict == "exploding"


def test_a_cause_is_a_risk_until_the_training_has_learned_or_failed():
    start = block("tanh", normal(0.01), 0)
    assert follow([{}] * 3, start).verdict == "vanishing"
    assert follow([{}] * 3, start, outcome="at_chance").verdict == "vanishing"
    learned = follow([{}] * 3, start, outcome="learned")
    assert learned.verdict == "healthy"
    assert {finding.kind for finding in learned.findings} == {"vanishing"}


def test_what_holds_a_network_back_does_not_make_it_diverge():
    start = block("tanh", normal(0.01), 0)
    for outcome in ("diverged", "got_worse"):
        assert follow([{}] * 3, start, outcome=outcome).verdict == "no_cause_found"


@pytest.mark.parametrize(
    ("optimizer", "share", "verdict"),
    [
        ("sgd", 1 / 50, "no_cause_found"),
        ("sgd", 1 / 200, "vanishing"),
        ("sgd", 1 / 2000, "vanishing"),
        ("adam", 1 / 200, "no_cause_found"),
        ("adam", 1 / 2000, "vanishing"),
    ],
)
def test_between_a_hundred_and_a_thousand_only_plain_steps_are_held_back(
    healthy, optimizer, share, verdict
):
    first, *_ = healthy.hidden
    fading = changed(healthy, 4, signal=share * first.signal)
    diagnostician = Diagnostician(Setting(5, 100, optimizer))
    diagnostician.see_layers(0, fading)
    assert diagnostician.diagnosis("at_chance").verdict == verdict
    # As a risk both are told.
    assert diagnostician.diagnosis().verdict == ("vanishing" if share < 1 / 100 else "healthy")


def test_a_block_that_is_only_initialized_is_judged_per_layer():
    start = block("relu", "glorot_normal", 0)  # it keeps a seventh from end to end
    assert diagnosed(start).verdict == "vanishing"
    assert follow([], start, planned=5).verdict == "healthy"


def test_two_hidden_layers_are_judged_from_end_to_end():
    found = diagnosed(small("sigmoid", normal(0.001)))
    assert found.verdict == "vanishing"
    assert {finding.threshold for finding in found.findings} == {1 / 1000}
    advice = found.findings[0].advice
    assert "times larger" in advice
    assert "glorot" not in advice


def test_z_values_that_grow_together_are_too_long(healthy):
    last = healthy.hidden[-1]
    far = replace(last.z, mean=100 * last.z.std)
    found = diagnosed(changed(healthy, 4, z=far))
    assert found.verdict == "length"
    assert only(found).layer == "dense_5"
    # Where even the longest are short they do no harm.
    short = replace(last.z, mean=0.9, std=0.0)
    tiny = changed(healthy, 0, z=replace(healthy.hidden[0].z, mean=0.0, std=0.01))
    assert diagnosed(changed(tiny, 4, z=short)).findings == ()


@pytest.mark.parametrize("which", ["loss", "val_loss"])
def test_a_divergence(healthy, which):
    found = follow([{}, {}, {which: math.inf}], healthy)
    assert found.verdict == "healthy"  # the outcome tells it
    finding = only(found)
    assert (finding.kind, finding.layer, finding.epoch) == ("diverged", None, 3)
    assert (finding.value, finding.threshold) == (math.inf, math.inf)


def test_a_gradient_that_explodes_at_epoch_three(healthy):
    found = follow([{}, {}, {"gradient_norm": 25.0, "loss": 3.0}, {}], healthy)
    assert found.verdict == "exploding"
    finding = only(found)
    assert (finding.epoch, finding.value, finding.threshold) == (3, 25.0, 10.0)
    assert "from 0.5 to 3" in finding.explanation


def test_a_gradient_that_grows_as_a_plateau_is_left_is_no_explosion(healthy):
    epochs = [{"gradient_norm": 0.01, "loss": 1.0}, {"gradient_norm": 0.5, "loss": 0.8}]
    assert follow(epochs, healthy).findings == ()


def test_a_gradient_that_is_not_finite(healthy):
    found = follow([{}, {"gradient_norm": math.inf}], healthy)
    assert (found.verdict, only(found).epoch) == ("exploding", 2)


def test_clipping_that_acts_on_most_steps_is_remarked(healthy):
    found = follow([{}, {"clipped_fraction": 0.5}, {"clipped_fraction": 0.9}], healthy)
    assert found.verdict == "healthy"
    finding = only(found)
    assert (finding.kind, finding.epoch, finding.value) == ("clipping_active", 3, 0.9)


def test_a_loss_that_rests_above_guessing_is_not_said_to_be_that_of_guessing(healthy):
    explanation = only(follow([{"loss": 2005.0}] * 4, healthy)).explanation
    assert "stayed near 2,005, above the 0.663 of guessing" in explanation


def test_a_layer_far_from_zero_is_told_to_begin_nearer(healthy):
    z = replace(healthy.layers[1].z, mean=-5.0, std=0.5)
    found = diagnosed(changed(healthy, 1, saturated_fraction=0.9, z=z))
    assert "begin with biases of zero" in only(found).advice
    wide = replace(z, mean=0.5, std=5.0)
    found = diagnosed(changed(healthy, 1, saturated_fraction=0.9, z=wide))
    assert "Draw the initial weights smaller" in only(found).advice


@pytest.mark.parametrize(("outputs", "name"), [(10, "categorical"), (10, "binary"), (1, "binary")])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_least_loss_is_that_of_the_smoothed_targets(outputs, name, smoothing):
    loss = LOSSES[f"{name}_crossentropy"](label_smoothing=smoothing).function
    least = least_loss(loss, outputs, smoothing)
    labels = torch.arange(max(outputs, 2))
    logits = torch.zeros(len(labels), outputs, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], lr=1, max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(logits, labels)
        value.backward()
        return value

    optimizer.step(closure)
    assert least == pytest.approx(loss(logits, labels).item(), abs=1e-3)


def test_a_plateau_is_remarked(healthy):
    resting = [{"loss": loss} for loss in (0.72, 0.6935, 0.6932, 0.6931, 0.5)]
    found = follow(resting, healthy)
    assert found.verdict == "healthy"
    finding = only(found)
    assert (finding.kind, finding.epoch) == ("plateau", 4)
    # Three epochs of a long run are too few, and a loss that stays low has been learnt.
    assert follow(resting, healthy, planned=1000).findings == ()
    assert follow([{"loss": 0.1}] * 10, healthy).findings == ()
    assert follow([{"loss": 0.6931}] * 10).findings == ()  # what guessing gives is not known


def changed(statistics, at, **values):
    layers = list(statistics.layers)
    layers[at] = replace(layers[at], **values)
    return replace(statistics, layers=tuple(layers))


def test_a_unit_that_dies_later_is_remarked(healthy):
    diagnostician = Diagnostician(Setting(4))
    diagnostician.see_layers(0, changed(healthy, 1, dead_fraction=0.02))
    diagnostician.see_layers(2, changed(healthy, 1, dead_fraction=0.03))
    diagnostician.see_layers(4, changed(healthy, 1, dead_fraction=0.06))
    found = diagnostician.diagnosis()
    assert found.verdict == "healthy"
    finding = only(found)
    assert (finding.kind, finding.layer, finding.epoch) == ("dying", "dense_2", 2)
    assert (finding.value, finding.threshold) == (0.03, 0.02)
    assert "1 more dead unit than" in finding.explanation


def test_a_layer_that_dies_later_is_dead(healthy):
    diagnostician = Diagnostician(Setting(4))
    diagnostician.see_layers(0, healthy)
    diagnostician.see_layers(2, changed(healthy, 1, dead_fraction=0.9))
    found = diagnostician.diagnosis()
    assert found.verdict == "dead"
    assert [(finding.kind, finding.epoch) for finding in found.findings] == [
        ("dead", 2),
        ("dying", 2),
    ]


@pytest.mark.parametrize(
    ("units", "share", "dead"), [(16, 0.8, True), (15, 0.8, False), (15, 1.0, True)]
)
def test_a_narrow_layer_is_dead_when_all_its_units_are(healthy, units, share, dead):
    found = diagnosed(changed(healthy, 1, units=units, dead_fraction=share))
    assert (found.verdict == "dead") == dead


def stepping(healthy, *ratios, outcome="at_chance", steps=1000):
    """The diagnosis of a run of so many steps with these update ratios of its first layer."""
    diagnostician = Diagnostician(Setting(len(ratios), steps))
    diagnostician.see_layers(0, healthy)
    for epoch, ratio in enumerate(ratios, start=1):
        diagnostician.see_layers(epoch, changed(healthy, 0, update_ratio=ratio))
    return diagnostician.diagnosis(outcome)


def test_steps_that_replace_the_weights_are_too_large(healthy):
    assert stepping(healthy, 0.09).verdict == "no_cause_found"
    for outcome in FAILURES:
        found = stepping(healthy, 0.2, 0.01, outcome=outcome)
        assert found.verdict == "step_size"
        assert (only(found).layer, only(found).epoch) == ("dense_1", 1)
        assert "Divide the learning rate by about 20," in only(found).advice


def test_steps_that_come_to_nothing_are_too_small(healthy):
    assert stepping(healthy, 2e-4).verdict == "no_cause_found"
    found = stepping(healthy, 1e-6, 2e-5)
    assert (found.verdict, only(found).epoch) == ("step_size", 2)
    assert "Multiply the learning rate by about 50," in only(found).advice
    # Of a warm-up or a decay the largest step counts.
    assert stepping(healthy, 1e-6, 1e-3, 1e-6).findings == ()
    assert stepping(healthy, 2e-5, outcome="diverged").verdict == "no_cause_found"


def test_steps_that_were_too_large_are_not_called_too_small(healthy):
    """Where only the end is probed, and a schedule has made the steps small by then."""
    last = changed(healthy, 0, update_ratio=1e-6, largest_update_ratio=20.0, largest_update_epoch=1)
    diagnostician = Diagnostician(Setting(12, 144))
    diagnostician.see_layers(0, healthy)
    diagnostician.see_layers(12, last)
    found = diagnostician.diagnosis("at_chance")
    assert (found.verdict, only(found).epoch) == ("step_size", 1)
    assert "Divide the learning rate by about 2,000," in only(found).advice


def test_a_step_that_is_too_large_comes_before_what_it_does(healthy):
    diagnostician = Diagnostician(Setting(2, 100))
    diagnostician.see_layers(0, healthy)
    diagnostician.see_layers(2, changed(healthy, 0, update_ratio=2.0, dead_fraction=1.0))
    assert diagnostician.diagnosis("at_chance").verdict == "step_size"


def test_units_that_the_next_layer_tells_apart_are_a_remark():
    x, labels = circles(0)
    built = network("mlp", (2,), 1, "tanh", "zeros", hidden_units=[10])
    assert diagnosed(statistics(built, x, labels, "binary_crossentropy")).verdict == "symmetric"
    with torch.no_grad():
        built.output.weight[0, 3] = 0.1
    found = diagnosed(statistics(built, x, labels, "binary_crossentropy"))
    assert (found.verdict, only(found).kind) == ("healthy", "equal_units")


def test_saturation_condemns_a_network_only_until_it_has_learnt(healthy):
    full = changed(healthy, 1, saturated_fraction=0.8)
    for loss, verdict in ((healthy.chance_loss, "saturated"), (0.2, "healthy")):
        diagnostician = Diagnostician(Setting(4))
        diagnostician.see_layers(0, healthy)
        diagnostician.see_layers(2, replace(full, loss=loss))
        assert diagnostician.diagnosis().verdict == verdict


def test_a_network_without_hidden_layers_is_judged_by_its_history():
    x, labels = ball(0)
    built = network("mlp", (10,), 2, "relu", "he_normal", hidden_units=[4])
    found = statistics(built, x, labels)
    alone = replace(found, layers=found.layers[-1:])
    assert diagnosed(alone).verdict == "healthy"


def test_a_gradient_spread_over_an_image_is_compared_with_a_dense_layers():
    """By the sum over a layer; of single z-values a convolution's are smaller a hundredfold."""
    images = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    built = network("mnist_cnn", (1, 28, 28), 10, "relu", "he_uniform", **CNN)
    found = statistics(built, images, torch.arange(20) % 10)
    flow = flow_of(found)
    assert flow.layers == 3
    assert 0.5 < flow.backward < 2
    assert flow.backward_gain == pytest.approx(math.sqrt(flow.backward))
    first, *_, last = found.hidden
    assert first.z_gradient.std < 0.1 * last.z_gradient.std
    assert flow.forward == pytest.approx(last.signal / first.signal)
