"""Claims of an experiment's author: the test, its correction, and what cannot be claimed."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from service.presets.own_claims import RegisteredClaim, judge
from service.presets.trainings import TrainingRecord
from service.specs.claims import SubmittedClaim
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.selection import matches
from service.specs.spec import ExperimentSpec

SIZES = {"train_size": 100, "test_size": 10_000, "validation_split": 0.0}
CONFIG = {
    "epochs": 2,
    "dataset": {"name": "mnist", **SIZES},
    "model": {"name": "mnist_cnn"},
    "loss": {"name": "categorical_crossentropy"},
}
RANDOM = np.random.default_rng(5)
NEAR = [0.90, 0.91, 0.92]


def training(activation, seed, value, metric="val_accuracy", **fields):
    return TrainingRecord(
        None,
        {**CONFIG, "activation": {"name": activation}},
        seed,
        **{"status": "completed", "history": {metric: {2: value}}, "outcome": "learned", **fields},
    )


def trainings(metric="val_accuracy", **groups):
    return [
        training(name, seed, value, metric)
        for name, values in groups.items()
        for seed, value in enumerate(values)
    ]


def claim(better="a", than="b", later=False, **fields) -> RegisteredClaim:
    written = {"better": {"activation": better}, "than": {"activation": than}, **fields}
    submitted = SubmittedClaim.model_validate({"statement": "It is.", **written})
    return RegisteredClaim(submitted, datetime.now(UTC) if later else None)


def only(found):
    ((evidence, p_value),) = found
    return evidence, p_value


@pytest.mark.parametrize(
    ("a", "b", "margin", "status"),
    [
        ([0.95, 0.951, 0.949], [0.90, 0.901, 0.899], 0.0, "supported"),
        ([0.95, 0.951, 0.949], [0.90, 0.901, 0.899], 0.04, "supported"),
        ([0.95, 0.951, 0.949], [0.90, 0.901, 0.899], 0.06, "refuted"),
        ([0.90, 0.901, 0.899], [0.95, 0.951, 0.949], 0.0, "refuted"),
        ([0.90, 0.95], [0.89, 0.93], 0.0, "inconclusive"),
        ([0.95], [0.90], 0.0, "inconclusive"),
    ],
)
def test_a_claim_is_supported_refuted_or_open(a, b, margin, status):
    evidence, _ = only(judge([claim(by_at_least=margin)], trainings(a=a, b=b)))
    assert evidence.status == status, evidence.reason
    assert (evidence.low, evidence.high) == (margin, None)
    if len(a) > 1:
        (difference,) = evidence.differences
        assert (difference.group, difference.than) == ("a", "b")
        assert difference.mean == pytest.approx(np.mean(a) - np.mean(b))
        low, high = difference.ci95
        assert (low > margin) == (status == "supported")
        assert (high < margin) == (status == "refuted")


def test_the_test_is_welchs():
    a, b = RANDOM.normal(0.9, 0.02, 5), RANDOM.normal(0.88, 0.05, 7)
    evidence, p_value = only(judge([claim()], trainings(a=a, b=b)))
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert evidence.differences[0].ci95 == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_lower_losses_are_better():
    lower = trainings("val_loss", a=[0.1, 0.11, 0.09], b=[0.5, 0.51, 0.49])
    evidence, _ = only(judge([claim(metric="val_loss", by_at_least=0.3)], lower))
    assert evidence.status == "supported"
    assert evidence.differences[0].mean == pytest.approx(-0.4)
    assert evidence.differences[0].ci95[0] < -0.4 < evidence.differences[0].ci95[1] < -0.3
    assert (evidence.low, evidence.high) == (None, -0.3)
    evidence, _ = only(judge([claim("b", "a", metric="val_loss")], lower))
    assert evidence.status == "refuted"


def test_a_reason_says_what_its_figures_say():
    """In words which is better, or with the signs of the difference and its bound."""
    lower = trainings("val_loss", a=[101.0, 100.5, 101.2], b=[0.5, 0.51, 0.49])
    worse, better = judge(
        [claim(metric="val_loss"), claim("b", "a", metric="val_loss", by_at_least=200)], lower
    )
    assert worse[0].reason == "a is not better than b: it is worse by 100."
    assert worse[0].differences[0].mean == pytest.approx(100.4)
    assert better[0].reason == "b is not better than a by 200 or more: it is better by 100."
    assert better[0].differences[0].mean == pytest.approx(-100.4)
    open_one = trainings("val_loss", a=[0.10, 0.14, 0.12], b=[0.16, 0.17, 0.18])
    ((evidence, _),) = judge([claim(metric="val_loss", by_at_least=0.02)], open_one)
    assert evidence.reason == "The interval of a against b has values on both sides of -0.02."
    low, high = evidence.differences[0].ci95
    assert low < evidence.high == -0.02 < high < 0


def test_no_bound_is_a_negative_zero():
    equal = trainings("val_loss", a=[0.1, 0.2, 0.3], b=[0.1, 0.2, 0.3])
    ((evidence, _),) = judge([claim(metric="val_loss")], equal)
    assert "both sides of 0." in evidence.reason
    assert [str(evidence.high), str(evidence.differences[0].mean)] == ["0.0", "0.0"]


def test_claims_of_a_spec_are_corrected_together():
    """Alone each is shown at 5%; of twenty claims one such is no surprise."""
    values = trainings(a=[0.90, 0.91, 0.92], b=[0.87, 0.885, 0.88])
    _, alone = only(judge([claim()], values))
    assert 0.005 < alone < 0.05
    twenty = [claim(statement=f"Claim {number}.") for number in range(20)]
    for evidence, p_value in judge(twenty, values):
        assert p_value == pytest.approx(min(1.0, 20 * alone))
        assert evidence.status == "inconclusive"
        assert evidence.differences[0].ci95[0] < 0


def test_holm_steps_down_and_intervals_agree():
    values = trainings(a=[0.95, 0.951, 0.949], b=[0.90, 0.901, 0.899], c=[0.88, 0.895, 0.92])
    claims = [claim("a", "c"), claim("a", "b"), claim("b", "c")]
    found = judge(claims, values)
    raw = [only(judge([one], values))[1] for one in claims]
    # The smallest counts threefold, the next twice, and none is smaller than one before.
    assert found[1][1] == pytest.approx(3 * raw[1])
    assert found[0][1] == pytest.approx(max(3 * raw[1], 2 * raw[0]))
    assert found[2][1] == pytest.approx(max(2 * raw[0], raw[2]))
    for evidence, p_value in found:
        low, high = evidence.differences[0].ci95
        assert (low > 0 or high < 0) == (p_value <= 0.05)


def test_a_later_claim_is_corrected_for_all_and_changes_nothing_of_the_spec():
    values = trainings(a=[0.90, 0.91, 0.92], b=[0.87, 0.885, 0.88])
    alone = judge([claim()], values)
    with_later = judge([claim(), claim(statement="Again.", later=True)], values)
    assert with_later[0] == alone[0]
    assert with_later[1][1] == pytest.approx(2 * alone[0][1])


def test_no_claim_is_true_of_networks_that_did_not_train():
    """Both at chance, one steadily a little above the other."""
    at_chance = [
        training(name, seed, value, outcome="at_chance")
        for name, values in {"a": [0.11, 0.1101, 0.1099], "b": [0.09, 0.0901, 0.0899]}.items()
        for seed, value in enumerate(values)
    ]
    evidence, p_value = only(judge([claim()], at_chance))
    assert (evidence.status, p_value) == ("inconclusive", None)
    assert "No run of either group trained" in evidence.reason
    # What learned got worse than guessing: that lifts nobody.
    worse = [one for one in at_chance if one.config["activation"]["name"] == "a"]
    worse += [training("b", seed, 0.05 + seed / 1e4, outcome="got_worse") for seed in range(3)]
    evidence, _ = only(judge([claim()], worse))
    assert (evidence.status, evidence.reason) == (
        "inconclusive",
        "No run of a trained. 0 of 3 runs of a trained.",
    )


def test_a_diverged_run_counts_as_guessing():
    """Two of five seeds that are a little better do not make a configuration better."""
    steady = trainings(b=[0.90, 0.902, 0.898, 0.901, 0.899])
    breaks = [training("a", seed, 0.91) for seed in range(2)]
    breaks += [training("a", 2 + n, np.nan, status="diverged", history={}) for n in range(3)]
    evidence, _ = only(judge([claim()], [*steady, *breaks]))
    assert evidence.status != "supported"
    assert evidence.differences[0].mean == pytest.approx((2 * 0.91 + 3 * 0.1135) / 5 - 0.9)
    assert "2 of 5 runs of a trained" in evidence.reason
    every = [training("a", n, np.nan, status="diverged", history={}) for n in range(5)]
    evidence, _ = only(judge([claim()], [*steady, *every]))
    assert evidence.status == "refuted"


def test_a_claim_waits_for_its_runs():
    waiting = [*trainings(a=NEAR, b=NEAR), training("b", 3, np.nan, status="queued", history={})]
    evidence, p_value = only(judge([claim()], waiting))
    assert (evidence.status, p_value) == ("inconclusive", None)
    assert evidence.reason == "1 of 4 runs of b have no result."


def test_a_claim_at_an_epoch_that_runs_did_not_reach_is_not_decided():
    """Runs that stopped early have no value there; they are not guessing."""
    early = [training("b", seed, value) for seed, value in enumerate(NEAR)]
    late = [
        training("a", seed, 0, history={"val_accuracy": {2: value, 5: value}})
        for seed, value in enumerate(NEAR)
    ]
    evidence, p_value = only(judge([claim(at=5)], [*late, *early]))
    assert (evidence.status, p_value) == ("inconclusive", None)
    assert evidence.reason == (
        "3 of 3 runs of b have no val_accuracy at epoch 5: they ended before it."
    )


def test_equal_claims_of_noise_are_decided_rarely():
    """Of three claims about equal groups, any is decided in about 5% of experiments."""
    random, decided, times = np.random.default_rng(1), 0, 400
    three = [claim("a", "b"), claim("b", "c"), claim("a", "c")]
    for _ in range(times):
        a, b, c = random.normal(0.9, 0.01, (3, 4))
        decided += any(
            evidence.status != "inconclusive"
            for evidence, _ in judge(three, trainings(a=a, b=b, c=c))
        )
    assert decided / times < 0.085  # three standard errors above 5%


RELU, TANH = {"activation": "relu"}, {"activation": "tanh"}
BASE = {
    "activation": ["relu", "tanh", "swish"],
    "initializer": ["auto", "he_normal"],
    "model": "mlp",
    "dataset": "digits",
    "optimizer": {"name": "adam", "learning_rate": [0.1, 0.01]},
}


def planned(**fields):
    claims = [{"statement": "It is.", **fields}]
    return expand(ExperimentSpec.model_validate({**BASE, "claims": claims}), Limits())


@pytest.mark.parametrize("alias", ["swish", {"name": "swish"}, {"name": "swish", "beta": 1}])
def test_claims_change_no_run(alias):
    fields = {"better": {"activation": alias}, "than": {"optimizer": {"learning_rate": 0.1}}}
    fields["better"]["optimizer"] = {"name": "adam", "learning_rate": 0.01}
    plain = expand(ExperimentSpec.model_validate(BASE), Limits())
    assert planned(**fields) == plain


@pytest.mark.parametrize(
    "better", [{"dropout": 0.5}, {"dropout": {"rate": 0.5}}, {"dropout": {"rate": [0.5, 0.5]}}]
)
@pytest.mark.parametrize("than", [{"dropout": 0}, {"dropout": "none"}, {"dropout": 0.25}])
def test_one_rate_selects_configurations_with_this_rate_everywhere(better, than):
    model = {"name": "mlp", "hidden_units": [8, 8]}
    rates = [0, 0.25, 0.5, {"name": "dropout", "rate": [0.5, 0.25]}]
    claim = {"statement": "It is.", "better": better, "than": than}
    spec = ExperimentSpec.model_validate(
        {**BASE, "model": model, "dropout": rates, "claims": [claim]}
    )
    assert expand(spec, Limits())
    (read,) = spec.claims
    found = {
        side: {
            str(run.config.dropout)
            for run in expand(spec, Limits())
            if matches(run.config.model_dump(), run.label, getattr(read, side))
        }
        for side in ("better", "than")
    }
    other = "dropout(rate=0.25)" if than == {"dropout": 0.25} else "none"
    assert found == {"better": {"dropout(rate=0.5)"}, "than": {other}}


@pytest.mark.parametrize(
    ("axis", "values", "asked", "other"),
    [
        ("activation", ["silu", {"name": "swish", "beta": 2}], {"beta": 1}, {"beta": 2}),
        (
            "loss",
            [
                "categorical_crossentropy",
                {"name": "categorical_crossentropy", "label_smoothing": 0.1},
            ],
            {"label_smoothing": 0},
            {"label_smoothing": 0.1},
        ),
        (
            "normalization",
            ["batch", {"name": "batch", "position": "after_activation"}],
            {"name": "batch", "position": "before_activation"},
            {"position": "after_activation"},
        ),
    ],
)
def test_a_default_that_a_configuration_leaves_out_selects_it(axis, values, asked, other):
    claim = {"statement": "It is.", "better": {axis: asked}, "than": {axis: other}}
    spec = ExperimentSpec.model_validate({**BASE, axis: values, "claims": [claim]})
    runs = expand(spec, Limits())
    (read,) = spec.claims
    found = [
        {run.key for run in runs if matches(run.config.model_dump(), run.label, where)}
        for where in (read.better, read.than)
    ]
    assert all(found)
    assert found[0] | found[1] == {run.key for run in runs}


def test_a_selection_of_nothing_names_what_there_is():
    fields = {"better": {"activation": {"name": "silu", "beta": 3}}, "than": TANH}
    with pytest.raises(SpecError) as refused:
        planned(**fields)
    assert "Its values of activation are relu; tanh; silu, beta 1." in str(refused.value.errors)


@pytest.mark.parametrize(
    ("fields", "location", "words"),
    [
        (
            {"better": {"activation": "elu"}, "than": TANH},
            ("better", "activation"),
            "are relu; tanh; silu.",
        ),
        (
            {"better": {"dropout": "alpha_dropout"}, "than": TANH},
            ("better", "dropout"),
            "Its values of dropout are no dropout.",
        ),
        (
            {"better": {"activation": {"negative_slop": 0.1}}, "than": TANH},
            ("better", "activation"),
            "'negative_slop' is not a known parameter of activation",
        ),
        ({"better": {"variant": "x"}, "than": TANH}, ("better", "variant"), "has no variants"),
        (
            {"better": RELU, "than": TANH, "by_at_least": 2},
            ("by_at_least",),
            "write two points as 0.02",
        ),
        (
            {"better": {"batch_size": "128"}, "than": TANH},
            ("better", "batch_size"),
            "Write 128 as a number, without quotes.",
        ),
        (
            {"better": RELU, "than": TANH, "metric": "val_binary_accuracy"},
            ("metric",),
            "recorded with binary_crossentropy alone, and some runs have categorical_crossentropy",
        ),
        (
            {"better": {**RELU, "optimizer": {"learning_rate": 0.3}}, "than": TANH},
            ("better", "optimizer"),
            "adam, learning rate 0.1; adam, learning rate 0.01",
        ),
        (
            {"better": {**RELU, "initializer": "glorot_uniform"}, "than": TANH},
            ("better",),
            "but not together",
        ),
        ({"better": {"activaton": "relu"}, "than": TANH}, ("better", "activaton"), "did you mean"),
        ({"better": RELU, "than": {"initializer": "he_normal"}}, ("than",), "in both groups"),
        ({"better": RELU, "than": TANH, "at": 13}, ("at",), "no epoch 13"),
        ({"better": RELU, "than": TANH, "metric": "test_loss"}, ("metric",), "validation_split"),
    ],
)
def test_what_cannot_be_checked_is_refused_at_the_door(fields, location, words):
    with pytest.raises(SpecError, match=words) as caught:
        planned(**fields)
    assert [error.location for error in caught.value.errors] == [("claims", 0, *location)]


@pytest.mark.parametrize(
    "fields",
    [
        {"better": RELU, "than": {}},
        {"better": RELU},
        {"better": RELU, "than": TANH, "metric": "gradient_norm"},
        {"better": RELU, "than": TANH, "by_at_least": -0.1},
        {"better": RELU, "than": TANH, "statement": ""},
    ],
)
def test_a_malformed_claim_is_refused(fields):
    with pytest.raises(ValidationError):
        planned(**fields)
