"""Presets: specs that can be submitted, and checks that say what the numbers say."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from service.presets.check import All
from service.presets.conditions import Diverges, Verdicts, Within
from service.presets.measures import Drift, EpochsTo, LayerMeasure, MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import PublishedClaim, overridden
from service.presets.registry import PRESETS
from service.presets.trainings import TrainingRecord, group
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

NAMES = {
    "activation_showdown",
    "hansen_2019",
    "batch_size_mnist",
    "block_initializers",
    "initializer_showdown",
    "churn_initializers",
    "symmetry_breaking",
    "depth_study",
    "normalization_study",
    "preprocessing_study",
    "clipping_study",
    "gelu_mnist",
    "selu_depth",
    "selu_cnn",
    "elu_mnist",
    "batchnorm_mnist",
    "he_depth",
    "lsuv_depth",
    "agc_large_batch",
    "adam_mnist",
    "normalization_depth",
    "churn_activations",
    "constant_weights",
    "weight_scale",
    "rnn_clipping",
    "irnn_mnist",
    "rnn_layer_norm",
    "huber_outliers",
}
SIZES = {"train_size": 100, "test_size": 10_000, "validation_split": 0.0}
CONFIG = {
    "epochs": 2,
    "dataset": {"name": "mnist", **SIZES},
    "model": {"name": "mnist_cnn"},
    "loss": {"name": "categorical_crossentropy"},
}


def table(**groups):
    """Trainings of two epochs: by activation, the last val_accuracy of seeds 0, 1, ..."""
    return [
        TrainingRecord(
            None,
            {**CONFIG, "activation": {"name": name}},
            seed,
            "diverged" if math.isnan(value) else "completed",
            {"val_accuracy": {1: value / 2, 2: value}},
        )
        for name, values in groups.items()
        for seed, value in enumerate(values)
    ]


A, B = group(activation="a"), group(activation="b")
ACCURACY = MetricMeasure("val_accuracy")


def test_seeds_that_agree_by_luck_prove_nothing():
    """Two seeds whose accuracies are the same steps of 1/10,000 apart, and one whose are equal."""
    lower, least = [0.9, 0.91], 1 / 10_000
    for steps, status in ((3, "inconclusive"), (5, "reproduced")):
        above = [value + steps * least for value in lower]
        evidence = higher(ACCURACY, A, B).judge(table(a=above, b=lower))
        assert evidence.status == status
        (low, high) = evidence.differences[0].ci95
        assert low < steps * least < high
    alike = Within(ACCURACY, (A,), 0.9 - 2 * least).judge(table(a=[0.9, 0.9]))
    assert alike.status == "inconclusive"
    # A mean over epochs has a finer grid, and a loss none.
    assert [
        measure.step(table(a=[0.9])[0]) for measure in (ACCURACY, MetricMeasure("val_accuracy", 1))
    ] == [least] * 2
    assert MetricMeasure("val_accuracy", "mean").step(table(a=[0.9])[0]) == 0
    assert MetricMeasure("val_loss").step(table(a=[0.9])[0]) == 0


def test_every_row_of_the_table_is_a_preset():
    assert PRESETS.keys() == NAMES
    assert all(name == preset.name for name, preset in PRESETS.items())


@pytest.mark.parametrize("size", ["full", "small"])
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_preset_can_be_submitted_and_every_group_its_claims_name_has_runs(name, size):
    preset = PRESETS[name]
    planned = expand(ExperimentSpec.model_validate(preset.spec_of(size)), Limits())
    queued = [
        TrainingRecord(run.label, run.config.model_dump(mode="json"), run.seed, "queued")
        for run in planned
    ]
    assert len({run.seed for run in planned}) >= 5
    for claim in preset.claims:
        evidence = claim.judge(queued)
        assert evidence.status == "inconclusive"
        assert "no run of" not in evidence.reason
        for shown in evidence.groups:
            assert shown.unfinished > 0, shown.group
    names = [claim.name for claim in preset.claims]
    assert len(set(names)) == len(names)
    assert preset.source.link.startswith("http")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_small_size_is_no_larger_and_claims_read_what_is_recorded(name):
    preset = PRESETS[name]
    sizes = []
    for size in ("full", "small"):
        planned = expand(ExperimentSpec.model_validate(preset.spec_of(size)), Limits())
        sizes.append(sum(run.config.epochs * run.config.dataset.train_size for run in planned))
    assert sizes[1] <= sizes[0]
    recorded = {"loss", "accuracy", "val_loss", "val_accuracy", "val_rmse", "epoch_seconds"}
    assert {*preset.metrics} <= recorded
    if preset.reads_layers:
        assert (
            preset.spec["epochs"] == 0
            or "layer_statistics" in preset.spec
            or all(
                not getattr(measure, "every", False)
                for claim in preset.claims
                for measure in claim.check.measures
            )
        )


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        ([0.9, 0.8, 0.85, 0.95], [0.7, 0.6, 0.66, 0.73], "reproduced"),
        ([0.7, 0.6, 0.66, 0.73], [0.9, 0.8, 0.85, 0.95], "not_reproduced"),
        ([0.9, 0.6, 0.85, 0.7], [0.7, 0.8, 0.66, 0.83], "inconclusive"),
    ],
)
def test_a_claim_of_order_is_scored_by_the_interval_of_the_paired_difference(a, b, status):
    evidence = higher(ACCURACY, A, B).judge(table(a=a, b=b))
    (difference,) = evidence.differences
    assert evidence.status == status
    assert difference.paired
    assert difference.mean == pytest.approx(np.mean(np.subtract(a, b)))
    low, high = difference.ci95
    test = stats.ttest_rel(a, b)
    reference = test.confidence_interval()
    assert low == pytest.approx(reference.low, abs=0.35 * (reference.high - reference.low))
    assert (low > 0 or high < 0) == (test.pvalue < 0.05)
    mirrored = {"reproduced": "not_reproduced", "not_reproduced": "reproduced"}
    assert lower(ACCURACY, A, B).judge(table(a=a, b=b)).status == mirrored.get(status, status)


def test_seeds_pair_values_that_would_overlap_without_them():
    a = [0.90, 0.60, 0.75, 0.45, 0.30]
    trainings = table(a=a, b=[value - 0.02 - 0.001 * at for at, value in enumerate(a)])
    assert higher(ACCURACY, A, B).judge(trainings).status == "reproduced"
    shifted = [
        replace(training, seed=training.seed + 10)
        if training.config["activation"]["name"] == "b"
        else training
        for training in trainings
    ]
    evidence = higher(ACCURACY, A, B).judge(shifted)
    assert (evidence.status, evidence.differences[0].paired) == ("inconclusive", False)


def test_several_others_make_one_claim_that_any_of_them_can_refute_or_leave_open():
    best, worse, open_ = [0.9, 0.91, 0.92], [0.5, 0.51, 0.53], [0.8, 0.99, 0.95]
    c = group(activation="c")
    assert higher(ACCURACY, A, B, c).judge(table(a=best, b=worse, c=worse)).status == "reproduced"
    assert higher(ACCURACY, A, B, c).judge(table(a=best, b=worse, c=open_)).status == "inconclusive"
    assert higher(ACCURACY, B, A, c).judge(table(a=best, b=worse, c=open_)).status == (
        "not_reproduced"
    )


def test_a_margin_lets_a_little_less_count_as_not_worse():
    trainings = table(a=[0.900, 0.911, 0.905], b=[0.904, 0.9145, 0.909])
    assert higher(ACCURACY, A, B).judge(trainings).status == "not_reproduced"
    assert higher(ACCURACY, A, B, margin=0.01).judge(trainings).status == "reproduced"
    assert lower(ACCURACY, B, A, margin=0.01).judge(trainings).status == "reproduced"


def test_diverged_runs_count_as_guessing_and_never_as_missing():
    nan, guess = math.nan, 0.1135
    some = table(a=[0.9, 0.91, nan, nan], b=[0.8, 0.81, 0.82, 0.8])
    evidence = higher(ACCURACY, A, B).judge(some)
    assert evidence.groups[0].diverged == 2
    assert evidence.groups[0].n == 2
    expected = (0.1 + 0.1 + (guess - 0.82) + (guess - 0.8)) / 4
    assert evidence.differences[0].mean == pytest.approx(expected)
    assert evidence.status == "inconclusive"
    never = table(a=[nan, nan], b=[0.8, 0.81])
    assert higher(ACCURACY, B, A).judge(never).status == "reproduced"
    assert lower(ACCURACY, A, B).judge(never).status == "reproduced"
    assert higher(ACCURACY, A, B).judge(never).status == "not_reproduced"
    assert higher(ACCURACY, A, B).judge(table(a=[nan, nan], b=[nan, nan])).status != "reproduced"


def test_no_claim_of_being_better_is_true_of_networks_that_did_not_train():
    """Dead networks at the share of the digit 1, beside networks that diverged below it."""
    dead = [
        replace(training, outcome="at_chance")
        if training.config["activation"]["name"] == "a"
        else training
        for training in table(a=[0.1135] * 5, b=[0.09, 0.08, 0.1, 0.09, 0.085])
    ]
    evidence = higher(ACCURACY, A, B).judge(dead)
    assert (evidence.status, evidence.reason) == ("not_reproduced", "No run of a trained.")
    # Nor is the other one worse than that.
    assert lower(ACCURACY, B, A).judge(dead).status == "inconclusive"
    # Where neither trained, neither is better, nor steadier.
    neither = [replace(training, outcome="at_chance") for training in dead]
    evidence = lower(ACCURACY, B, A).judge(neither)
    assert (evidence.status, evidence.reason) == (
        "inconclusive",
        "No run of b and of a trained.",
    )
    steadier = lower(MetricMeasure("val_accuracy", "rises"), A, B)
    assert steadier.judge(dead).status == "inconclusive"
    assert steadier.judge(table(a=[0.8, 0.9], b=[0.7, 0.9])).differences


def test_a_claim_of_many_parts_is_refuted_by_one_at_five_percent_in_all():
    """p = .018 for the only part that is not as claimed: enough alone, not as one of five."""
    groups = {name: group(activation=name) for name in "bcdef"}
    values = {name: [0.7, 0.72, 0.71, 0.69] for name in "bcde"}
    trainings = table(a=[0.9, 0.88, 0.91, 0.9], f=[0.92, 0.905, 0.92, 0.93], **values)
    alone = higher(ACCURACY, A, groups["f"]).judge(trainings)
    assert alone.status == "not_reproduced"
    assert 0.01 < alone.differences[0].p_value < 0.05
    together = higher(ACCURACY, A, *groups.values()).judge(trainings)
    assert together.status == "inconclusive"
    apart = All(tuple(higher(ACCURACY, A, other) for other in groups.values()))
    assert (apart.parts, apart.judge(trainings).status) == (5, "inconclusive")


def test_each_at_its_best_rate_which_the_other_seeds_choose():
    def trainings(activation, rates):
        return [
            replace(one, config={**one.config, "optimizer": {"name": "sgd", "learning_rate": rate}})
            for rate, values in rates.items()
            for one in table(**{activation: values})
        ]

    # At .01 a is better, but b at its best, .1, beats a at its best.
    both = [
        *trainings("a", {0.01: [0.8, 0.81, 0.82], 0.1: [0.7, 0.71, 0.72]}),
        *trainings("b", {0.01: [0.6, 0.61, 0.62], 0.1: [0.9, 0.91, 0.93]}),
    ]
    tuned = higher(ACCURACY, B, A, tuned=True).judge(both)
    assert tuned.status == "reproduced"
    assert tuned.differences[0].mean == pytest.approx((0.1 + 0.1 + 0.11) / 3)
    assert higher(ACCURACY, B, A).judge(both).status != "reproduced"


def test_bounds_hold_the_whole_interval_or_not():
    check = Within(ACCURACY, (A,), 0.8, 0.95)
    assert check.judge(table(a=[0.9, 0.91, 0.89])).status == "reproduced"
    assert check.judge(table(a=[0.5, 0.51, 0.49])).status == "not_reproduced"
    assert check.judge(table(a=[0.99, 0.98, 0.985])).status == "not_reproduced"
    assert check.judge(table(a=[0.7, 0.9, 0.85])).status == "inconclusive"
    assert check.judge(table(a=[0.9, 0.91, math.nan])).status == "not_reproduced"
    assert Within(ACCURACY, (A,), 0.8).judge(table(a=[7.0, 8.0, 7.5])).status == "reproduced"
    both = All((check, Within(ACCURACY, (B,), 0.8)))
    assert both.judge(table(a=[0.9, 0.91, 0.89], b=[0.5, 0.51, 0.49])).status == "not_reproduced"


def test_runs_without_a_result_too_few_seeds_and_missing_groups_leave_a_claim_open():
    trainings = table(a=[0.9, 0.91], b=[0.5, 0.51])
    waiting = [replace(trainings[0], status="queued"), *trainings[1:]]
    evidence = higher(ACCURACY, A, B).judge(waiting)
    assert evidence.status == "inconclusive"
    assert "1 of 2 runs of a have no result" in evidence.reason
    assert higher(ACCURACY, A, B).judge(table(a=[0.9], b=[0.5])).status == "inconclusive"
    several = Within(ACCURACY, (A, B), 0.8).judge(table(a=[0.9], b=[0.9]))
    assert several.reason.count("two seeds") == 1
    assert "no run of b" in higher(ACCURACY, A, B).judge(table(a=[0.9, 0.8])).reason


def test_verdicts_and_endings_are_counted():
    def of(label, *verdicts):
        return [
            TrainingRecord(label, CONFIG, seed, "completed", verdict=verdict)
            for seed, verdict in enumerate(verdicts)
        ]

    check = Verdicts(("good",), ("bad",))
    good, bad = of("good", "healthy", "healthy"), of("bad", "vanishing", "dead")
    assert check.judge(good + bad).status == "reproduced"
    assert check.judge(good + bad).groups[1].verdicts == {"vanishing": 1, "dead": 1}
    assert check.judge(good + of("bad", "healthy", "healthy")).status == "not_reproduced"
    assert check.judge(good + of("bad", "healthy", "dead")).status == "inconclusive"
    assert check.judge(of("good", "healthy", None) + bad).status == "inconclusive"
    nan = math.nan
    assert Diverges((A,)).judge(table(a=[nan, nan])).status == "reproduced"
    assert Diverges((A,)).judge(table(a=[nan, 0.5])).status == "inconclusive"
    assert Diverges((A,)).judge(table(a=[0.4, 0.5])).status == "not_reproduced"


def test_a_claim_about_the_full_size_says_so_at_a_smaller_one():
    claim = PublishedClaim("c", "s", Within(ACCURACY, (A,), 0.8), epochs=12, train_size=60_000)
    trainings = table(a=[0.9, 0.91, 0.89])
    evidence = claim.judge(trainings)
    assert evidence.status == "inconclusive"
    assert "12 epochs on 60,000 training samples" in evidence.reason
    full = {"epochs": 12, "dataset": {"name": "mnist", **SIZES, "train_size": 60_000}}
    grown = [replace(training, config={**training.config, **full}) for training in trainings]
    assert claim.judge(grown).status == "reproduced"


def test_groups_are_found_by_name_by_parameter_by_number_and_by_label():
    config = {
        "optimizer": {"name": "adam", "learning_rate": 1e-3, "schedule": {"name": "constant"}},
        "batch_size": 2,
    }
    one = TrainingRecord("v", config, 0, "completed")
    assert group(optimizer={"learning_rate": 1e-3}, batch_size=2, variant="v").of([one]) == [one]
    assert group(optimizer="adam").of([one]) == [one]
    assert group(optimizer={"schedule": "constant"}).of([one]) == [one]
    for other in ({"optimizer": "sgd"}, {"batch_size": 4}, {"variant": "w"}):
        assert group(**other).of([one]) == []
    assert str(group(normalization="batch", batch_size=2)) == "batch, batch size 2"


def test_measures_are_what_they_say():
    history = {"loss": {3: 1.0, 1: 4.0, 2: 2.0, 4: 2.0}}
    layers = {
        epoch: [
            {
                "z": {"mean": 0.0, "std": s * scale, "quantiles": quantiles},
                "activation": {"mean": m, "std": s * scale},
                "saturated_fraction": s / 10,
            }
            for m, s in ((-3.0, 4.0), (1.0, 2.0), (2.0, 1.0), (99.0, 99.0))
        ]
        for epoch, scale, quantiles in (
            (0, 1.0, {"0.05": 0, "0.5": 0, "0.95": 0}),
            (1, 3.0, {"0.05": -2.0, "0.5": 0.0, "0.95": 2.0}),
            (2, 5.0, {"0.05": -1.0, "0.5": 0.4, "0.95": 1.0}),
        )
    }
    training = TrainingRecord(None, CONFIG, 0, "completed", history, layers)
    assert MetricMeasure("loss").of(training) == 2.0
    assert MetricMeasure("loss", 1).of(training) == 4.0
    assert MetricMeasure("loss", 9).of(training) is None
    assert MetricMeasure("loss", "mean").of(training) == 2.25
    assert MetricMeasure("loss", "rises").of(training) == pytest.approx(1 / 3)
    assert MetricMeasure("loss", "settled").of(training) == 2.0
    longer = replace(training, history={"loss": dict(enumerate([9.0] * 27 + [3.0, 1.0, 2.0], 1))})
    assert MetricMeasure("loss", "settled").of(longer) == 2.0
    assert MetricMeasure("loss", EpochsTo(2.0)).of(training) == 2
    assert MetricMeasure("loss", EpochsTo(1.9)).of(training) == 3
    assert MetricMeasure("loss", EpochsTo(0.5)).of(training) is None, "never reached"
    accuracies = replace(training, history={"val_accuracy": {1: 0.5, 2: 0.9, 3: 0.8}})
    assert MetricMeasure("val_accuracy", EpochsTo(0.9)).of(accuracies) == 2
    both = {"val_accuracy": {1: 0.5, 2: 0.7}, "accuracy": {1: 0.5, 2: 0.9}}
    assert MetricMeasure("val_accuracy", "gap").of(
        replace(training, history=both)
    ) == pytest.approx(0.2)
    both = {"val_loss": {1: 1.0, 2: 0.7}, "loss": {1: 1.0, 2: 0.3}}
    overfitted = MetricMeasure("val_loss", "gap")
    assert overfitted.of(replace(training, history=both)) == pytest.approx(0.4)
    assert overfitted.metrics == ("val_loss", "loss")
    assert overfitted.of(replace(training, history={"val_loss": {1: 1.0}})) is None
    # The output layer, which comes last, is left out.
    assert LayerMeasure("activation", "std", "last").of(training) == 1.0
    assert LayerMeasure("activation", "std", "last_over_first").of(training) == 0.25
    assert LayerMeasure("activation", "mean", "median_size").of(training) == 2.0
    assert LayerMeasure("z", "std", "largest", every=True).of(training) == pytest.approx(12.0)
    assert LayerMeasure("z", "saturated_fraction", "smallest").of(training) == 0.1
    assert Drift().of(training) == pytest.approx((1 + 0.4 + 1) / 3 / 2)
    assert Drift().of(replace(training, layers={})) is None


def test_fewer_epochs_to_a_target_are_better_and_a_diverged_run_never_reaches_it():
    fast, slow = [{1: 0.9}, {1: 0.5, 2: 0.9}], [{1: 0.1, 2: 0.2}] * 2
    trainings = [
        TrainingRecord(None, CONFIG | {"activation": {"name": name}}, seed, status, history)
        for name, histories, status in (
            ("relu", fast, "completed"),
            ("tanh", slow, "completed"),
            ("elu", slow, "diverged"),
        )
        for seed, history in enumerate({"val_accuracy": epochs} for epochs in histories)
    ]
    measure = MetricMeasure("val_accuracy", EpochsTo(0.9))
    sooner = lower(measure, group(activation="relu"), group(activation="tanh"))
    found = sooner.judge(trainings)
    assert [figures.mean for figures in found.groups] == [1.5, 3.0]
    than_diverged = lower(measure, group(activation="relu"), group(activation="elu"))
    assert than_diverged.judge(trainings).differences[0].mean == found.differences[0].mean
    of_diverged = lower(measure, group(activation="elu"), group(activation="tanh"))
    assert of_diverged.judge(trainings).status == "not_reproduced"


def test_what_a_diverged_run_counts_as_is_of_the_measures_own_kind():
    diverged = TrainingRecord(None, CONFIG, 0, "diverged", {"loss": {1: 2.0, 2: math.nan}})
    assert MetricMeasure("loss", EpochsTo(2.5)).of(diverged) is None, "it never reaches a target"
    assert MetricMeasure("loss", "rises").of_diverged(diverged) == 1
    assert MetricMeasure("loss").of_diverged(diverged) == pytest.approx(math.log(10), rel=1e-3)
    assert MetricMeasure("epoch_seconds", "mean").of_diverged(diverged) is None


def test_overrides_reach_data_sets_and_axes_wherever_they_stand():
    study = overridden(
        PRESETS["preprocessing_study"], "small", {"train_size": 64, "test_size": 32, "epochs": 1}
    )
    for variant in study["variants"]:
        (dataset,) = variant["dataset"]
        assert (dataset["train_size"], dataset["test_size"]) == (64, 32)
        assert dataset["preprocessing"] == variant["label"]
    norms = overridden(PRESETS["normalization_study"], "full", {"batch_size": 8, "train_size": 64})
    assert norms["dataset"] == [{"name": "mnist", "train_size": 64}]
    planned = expand(ExperimentSpec.model_validate(norms), Limits())
    assert {run.config.batch_size for run in planned} == {8}
    untouched = PRESETS["normalization_study"].spec_of("full")
    assert untouched["dataset"] == "mnist"
    assert untouched["variants"][0]["batch_size"] == 2


def test_the_showdown_is_the_recipe_with_selu_as_its_paper_has_it():
    planned = expand(
        ExperimentSpec.model_validate(PRESETS["activation_showdown"].spec_of("full")), Limits()
    )
    shown = {
        run.config.activation.name: (
            str(run.config.initializer),
            run.config.dropout.name,
            run.config.activation.parameters,
        )
        for run in planned
    }
    usual = ("glorot_uniform", "dropout")
    assert shown == {
        "sigmoid": (*usual, {}),
        "relu": (*usual, {}),
        "elu": (*usual, {"alpha": 1.0}),
        "leaky_relu": (*usual, {"negative_slope": 0.2}),
        "gelu": (*usual, {"approximate": "tanh"}),
        "selu": ("lecun_normal", "alpha_dropout", {}),
    }
