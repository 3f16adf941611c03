"""Comparisons: recomputed from the runs, and honest about what was not measured."""

import math
import uuid
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats
from sqlalchemy import select

from service.api.schemas.comparisons import ComparisonAnswer
from service.comparison import ranking, scores
from service.comparison.question import Question
from service.database.tables import Run
from service.errors import InvalidError, NotFoundError
from tests.service.api.test_experiments_api import follow

BASE = {"relu": 0.98, "tanh": 0.97, "elu": 0.9795, "sigmoid": 0.5}


def train(lab, results, *, epochs=2):
    """Train what waits: ``results(config, seed)`` gives a run's metrics, or how it ended."""
    while held := lab.claim():
        found = results(held.config, held.seed)
        if found == "diverged":
            lab.epoch(held, 1, "diverged", loss=math.nan, val_loss=math.nan, val_accuracy=0.1)
        elif found == "failed":
            lab.fail(held)
        else:
            lab.train(held, **found)


def noisy(config, seed):
    """An accuracy by activation and initializer; every seed shifts all of them alike."""
    name = config["activation"]["name"]
    random = np.random.default_rng([seed, len(name), len(config["initializer"]["name"])])
    shift = np.random.default_rng(seed).normal(0, 0.003)
    accuracy = BASE.get(name, 0.96) + shift + random.normal(0, 0.0005)
    return {"val_accuracy": accuracy, "val_loss": 1 - accuracy, "accuracy": accuracy - 0.01}


def compare(lab, experiment_id, **wanted):
    with lab.sessions() as session:
        return ranking.compare(session, experiment_id, Question(**wanted))


def outcomes(lab, experiment_id, outcome_of):
    """Store what each finished run came to: ``outcome_of(config, seed)``."""
    with lab.sessions.begin() as session:
        for run in session.scalars(select(Run).where(Run.experiment_id == experiment_id)):
            run.outcome = outcome_of(run.config, run.seed)


def values_by_activation(api, experiment_id, metric="val_accuracy"):
    """What the runs show, seed by seed, of those that completed."""
    found = defaultdict(dict)
    for page in follow(api, f"/v1/runs?experiment_id={experiment_id}&limit=7"):
        for run in page:
            if run["status"] == "completed":
                found[run["config"]["activation"]["name"]][run["seed"]] = run["final"][metric]
    return found


def test_a_comparison_can_be_recomputed_from_the_runs(api, lab):
    experiment_id = lab.submit(activation=list(BASE), seeds=5)
    train(lab, noisy)
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert answer.status_code == 200, answer.text
    shown = ComparisonAnswer.model_validate_json(answer.content)
    assert (shown.metric, shown.at, shown.by) == ("val_accuracy", "final", ["activation"])
    assert (shown.tune, shown.average, shown.margin) == ([], [], 0.01)
    values = values_by_activation(api, experiment_id)
    by_mean = sorted(values, key=lambda name: -np.mean([*values[name].values()]))
    assert [group.by["activation"] for group in shown.groups] == by_mean
    for rank, group in enumerate(shown.groups, start=1):
        some = values[group.by["activation"]]
        assert {found.seed: found.value for found in group.seeds} == some
        assert (group.n, group.trained, group.rank) == (5, 5, rank)
        assert (group.diverged, group.unfinished, group.missing) == (0, 0, 0)
        assert group.mean == pytest.approx(np.mean([*some.values()]))
        assert group.std == pytest.approx(np.std([*some.values()], ddof=1))
        low, high = group.ci95
        assert low < group.mean < high
        assert (low + high) / 2 == pytest.approx(group.mean)
    leader, *others = shown.groups
    assert (leader.word, leader.p_value, leader.difference) == ("leads", None, None)
    for group in others:
        assert group.difference.mean == pytest.approx(group.mean - leader.mean)
        low, high = group.difference.ci95
        assert (group.p_value <= 0.05) == (high < 0)
    assert [group.word for group in others] == ["equivalent", "worse", "worse"]
    assert shown.headline == "relu leads. Equivalent: elu. 2 are worse."
    assert shown.notes == [
        "With 5 seeds a configuration that fails on up to 45% of seeds may have shown no failure."
    ]


def test_two_that_are_close_are_undecided_and_seeds_are_asked_for(lab):
    """relu and elu are half a thousandth apart, and half a thousandth is asked for."""
    experiment_id = lab.submit(activation=["relu", "elu", "sigmoid"], seeds=3)
    train(lab, noisy)
    found = compare(lab, experiment_id, margin=0.0004)
    words = {group.by["activation"]: group.word for group in found.groups}
    assert words == {"relu": "leads", "elu": "undecided", "sigmoid": "worse"}
    elu = found.groups[1]
    assert elu.seeds_needed > 0
    assert f"Undecided: elu ({elu.seeds_needed} more seeds)" in found.headline
    assert f"{elu.seeds_needed} more seeds would settle it" in elu.statement
    assert elu.difference.ci95[0] < 0 < elu.difference.ci95[1]
    assert compare(lab, experiment_id).groups[1].word == "equivalent"


def test_the_best_is_best_where_all_others_are_worse(lab):
    experiment_id = lab.submit(activation=["relu", "sigmoid"], seeds=4)
    train(lab, noisy)
    assert compare(lab, experiment_id).headline == "relu is best. 1 is worse."
    alone = compare(lab, experiment_id, by=["dataset"])
    assert len(alone.groups) == 1
    assert alone.headline == "There is one configuration only: nothing to compare."
    # What is not in `by` is tuned, not counted: four seeds, not eight runs.
    assert (alone.design.tune, alone.groups[0].n) == (("activation",), 4)
    assert alone.groups[0].chosen == {"activation": "relu"}


def test_losses_are_best_at_their_lowest(lab):
    experiment_id = lab.submit(activation=["tanh", "relu", "sigmoid"], seeds=3)
    train(lab, noisy)
    found = compare(lab, experiment_id, metric="val_loss")
    assert not found.higher_is_better
    assert [group.by["activation"] for group in found.groups] == ["relu", "tanh", "sigmoid"]
    assert [group.rank for group in found.groups] == [1, 2, 3]
    sigmoid = found.groups[2]
    assert sigmoid.word == "worse"
    assert sigmoid.difference.mean == pytest.approx(0.48, abs=0.01)
    assert 0 < sigmoid.difference.ci95[0] < sigmoid.difference.mean < sigmoid.difference.ci95[1]
    assert found.margin == pytest.approx(0.05 * found.groups[0].mean)


def test_one_seed_ranks_and_tests_nothing(lab):
    experiment_id = lab.submit(activation=["tanh", "relu"], initializer=["auto", "lecun_normal"])
    train(lab, noisy)
    found = compare(lab, experiment_id, by=["activation"])
    assert [group.by["activation"] for group in found.groups] == ["relu", "tanh"]
    assert [group.word for group in found.groups] == ["leads", "undecided"]
    for group in found.groups:
        assert (group.n, group.std, group.ci95, group.p_value) == (1, None, None, None)
        assert (group.difference, group.seeds_needed) == (None, None)
    assert found.notes[0] == "One seed says nothing of chance: nothing is tested."
    assert found.effects.effects[0].p_value is None


def test_identical_values_are_equivalent(api, lab):
    experiment_id = lab.submit(activation=["tanh", "relu", "elu"], seeds=3)
    train(lab, lambda *_: {"val_accuracy": 0.1})
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert b"NaN" not in answer.content
    shown = ComparisonAnswer.model_validate_json(answer.content)
    assert [group.rank for group in shown.groups] == [1, 1, 1]
    assert [group.p_value for group in shown.groups] == [None, 1, 1]
    assert [group.word for group in shown.groups] == ["leads", "equivalent", "equivalent"]
    # As sure as an accuracy on 10,000 samples can be.
    for group in shown.groups:
        low, high = group.ci95
        assert 0.1 - 1e-4 < low < group.mean == 0.1 < high < 0.1 + 1e-4


def test_seeds_that_agree_by_luck_make_nothing_certain(lab):
    """One more of 10,000 samples right, with each of two seeds, is no difference; 40 are."""
    for apart, word in ((1, "undecided"), (40, "worse")):
        experiment_id = lab.submit(activation=["relu", "tanh"], seeds=2, epochs=apart)

        def results(config, seed, apart=apart):
            more = apart if config["activation"]["name"] == "tanh" else 0
            return {"val_accuracy": (9800 + seed + more) / 10_000, "val_loss": 0.5 + more / 4}

        train(lab, results)
        _, relu = compare(lab, experiment_id, margin=1e-6).groups
        assert relu.word == word
        # A loss has no grid: nothing says how sure its difference is.
        _, worse = compare(lab, experiment_id, metric="val_loss").groups
        assert (worse.word, worse.p_value, worse.difference) == ("undecided", None, None)
        assert worse.statement == "undecided: no spread to judge by"


@pytest.mark.parametrize(
    ("metric", "spec", "answers"),
    [
        ("val_accuracy", {}, 10_000),
        ("accuracy", {}, 60_000),
        ("val_loss", {}, math.inf),
        ("val_binary_accuracy", {"loss": "binary_crossentropy"}, 100_000),
        ("accuracy", {"dataset": {"name": "mnist", "validation_split": 0.25}}, 45_000),
        ("val_accuracy", {"dataset": {"name": "mnist", "validation_split": 0.25}}, 15_000),
        ("test_accuracy", {"dataset": {"name": "mnist", "validation_split": 0.25}}, 10_000),
        ("accuracy", {"dataset": {"name": "mnist", "folds": 7, "fold": 3}}, 51_429),
        ("val_accuracy", {"dataset": {"name": "mnist", "folds": 7, "fold": 3}}, 8_571),
        (
            "val_binary_accuracy",
            {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [4]}},
            100,
        ),
    ],
)
def test_the_grid_of_a_metric(lab, metric, spec, answers):
    with lab.sessions() as session:
        (score,) = scores.read(session, lab.submit(**spec), Question(metric))
    assert score.configured.step == pytest.approx(1 / answers)


def test_a_run_that_diverged_counts_as_guessing(lab):
    """relu's survivors are best, but three of its five seeds diverged."""

    def results(config, seed):
        name = config["activation"]["name"]
        if (name == "relu" and seed > 1) or name == "selu":
            return "diverged"
        return noisy(config, seed)

    experiment_id = lab.submit(activation=["selu", "relu", "tanh", "elu"], seeds=5)
    train(lab, results)
    elu, tanh, relu, selu = compare(lab, experiment_id).groups
    names = [group.by["activation"] for group in (elu, tanh, relu, selu)]
    assert names == ["elu", "tanh", "relu", "selu"]
    assert (relu.n, relu.trained, relu.diverged) == (5, 2, 3)
    survivors = [found.value for found in relu.values.values() if found.trained]
    # The digit 1 is 11.35% of MNIST's test part.
    assert relu.mean == pytest.approx((sum(survivors) + 3 * 0.1135) / 5)
    assert (relu.ci95, relu.rank) == (None, 3)
    assert tanh.mean > relu.mean
    assert (selu.word, selu.rank, selu.p_value, selu.difference) == (
        "did_not_train",
        None,
        None,
        None,
    )
    assert (selu.n, selu.trained, selu.statement) == (5, 0, "did not train (0 of 5)")


def test_a_loss_that_diverged_counts_as_the_worst_of_guessing_its_own_and_the_others(lab):
    experiment_id = lab.submit(activation=["relu", "elu"], seeds=2, epochs=2)
    losses = {("relu", 0): 0.3, ("relu", 1): 0.4, ("elu", 0): 0.2}
    while held := lab.claim():
        key = (held.config["activation"]["name"], held.seed)
        if key in losses:
            lab.train(held, val_loss=losses[key])
        else:
            lab.epoch(held, 1, val_loss=7.5)
            lab.epoch(held, 2, "diverged", val_loss=math.inf)
    relu, elu = compare(lab, experiment_id, metric="val_loss").groups
    assert [relu.by["activation"], elu.by["activation"]] == ["relu", "elu"]
    assert elu.values[1].value == 7.5
    # Without a finite loss of its own: that of guessing one of ten classes, of nearly equal shares.
    other = lab.submit(activation=["relu", "elu"], seeds=2, epochs=3)
    train(lab, lambda config, seed: "diverged" if seed else {"val_loss": 0.2})
    for group in compare(lab, other, metric="val_loss").groups:
        assert group.values[1].value == pytest.approx(math.log(10), rel=1e-3)


def test_who_stays_at_chance_did_not_train(lab):
    experiment_id = lab.submit(activation=["relu", "tanh", "sigmoid"], seeds=3)
    train(lab, noisy)
    outcomes(
        lab,
        experiment_id,
        lambda config, seed: (
            "at_chance"
            if config["activation"]["name"] == "sigmoid"
            or (config["activation"]["name"] == "tanh" and seed == 1)
            else "learned"
        ),
    )
    relu, tanh, sigmoid = compare(lab, experiment_id).groups
    assert (relu.trained, tanh.trained, sigmoid.trained) == (3, 2, 0)
    assert (sigmoid.word, sigmoid.rank) == ("did_not_train", None)
    outcomes(lab, experiment_id, lambda *_: "at_chance")
    nothing = compare(lab, experiment_id)
    assert nothing.headline == "No configuration trained."
    assert {group.word for group in nothing.groups} == {"did_not_train"}
    assert {group.rank for group in nothing.groups} == {None}


def test_runs_without_a_result_are_left_out_and_counted(api, lab):
    def results(config, seed):
        return "failed" if seed == 0 else noisy(config, seed)

    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=3, max_attempts=1)
    empty = compare(lab, experiment_id)
    assert [(group.n, group.unfinished, group.rank) for group in empty.groups] == [(0, 3, None)] * 2
    assert (empty.unfinished, empty.headline) == (6, "No run has a value to compare yet.")
    train(lab, results)
    found = compare(lab, experiment_id)
    assert [(group.n, group.unfinished) for group in found.groups] == [(2, 1), (2, 1)]
    assert (found.unfinished, found.finished) == (2, False)
    assert any("2 runs have no result yet. p-values hold for one look" in x for x in found.notes)
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert answer.headers["cache-control"] == "private, no-cache"


def test_other_axes_are_tuned_on_the_other_seeds_or_averaged_but_never_counted(lab):
    initializers = ["he_uniform", "glorot_normal"]
    experiment_id = lab.submit(activation=["relu", "tanh"], initializer=initializers, seeds=3)

    def results(config, seed):
        bonus = 0.005 if config["initializer"]["name"] == "he_uniform" else 0
        return {"val_accuracy": noisy(config, seed)["val_accuracy"] + bonus}

    train(lab, results)
    both = compare(lab, experiment_id)
    assert both.by == ("activation", "initializer")
    assert [(group.n, group.difference is None) for group in both.groups] == [
        (3, True),
        (3, False),
        (3, False),
        (3, False),
    ]
    assert [(effect.axes, effect.df) for effect in both.effects.effects] == [
        (("activation",), 1),
        (("initializer",), 1),
        (("activation", "initializer"), 1),
    ]
    cells = {tuple(group.by.values()): group.values for group in both.groups}
    tuned = compare(lab, experiment_id, by=["activation"])
    assert (tuned.design.tune, tuned.design.average) == (("initializer",), ())
    for group in tuned.groups:
        name = group.by["activation"]
        assert (group.n, group.chosen) == (3, {"initializer": "he_uniform"})
        for seed, found in group.values.items():
            others = {
                initializer: np.mean(
                    [cells[name, initializer][s].value for s in range(3) if s != seed]
                )
                for initializer in initializers
            }
            best = max(others, key=others.get)
            assert found.chosen == {"initializer": best}
            assert found.value == cells[name, best][seed].value
        assert [point.levels["initializer"] for point in group.curve.points] == initializers
        assert group.curve.good_range is None
    assert tuned.notes[1].startswith("Each at its best initializer, chosen on the other seeds.")
    averaged = compare(lab, experiment_id, by=["activation"], average=["initializer"])
    assert (averaged.design.tune, averaged.design.average) == ((), ("initializer",))
    for group in averaged.groups:
        name = group.by["activation"]
        assert group.n == 3
        for seed, found in group.values.items():
            both_values = [cells[name, initializer][seed].value for initializer in initializers]
            assert found.value == pytest.approx(np.mean(both_values))
    none = compare(lab, experiment_id, by=["loss", "batch_size", "loss"])
    assert [group.by for group in none.groups] == [
        {"loss": "categorical_crossentropy", "batch_size": 128}
    ]


def test_what_the_test_part_gave_stands_beside_and_chooses_nothing(api, lab):
    """Of what is tuned it is taken where validation chose; a diverged run counts as guessing."""
    initializers = ["he_uniform", "glorot_normal"]
    held_out = {"name": "mnist", "validation_split": 0.25}
    experiment_id = lab.submit(
        dataset=held_out, activation=["relu", "tanh"], initializer=initializers, seeds=3
    )

    def results(config, seed):
        if config["activation"]["name"] == "tanh" and seed == 2:
            return "diverged"
        chosen = config["initializer"]["name"] == "he_uniform"
        # Validation and test disagree about the initializer.
        return {"val_accuracy": 0.9 + 0.05 * chosen, "test_accuracy": 0.88 - 0.1 * chosen}

    train(lab, results)
    path = f"/v1/experiments/{experiment_id}/comparison"
    shown = api.get(f"{path}?by=activation&tune=initializer").json()
    relu, tanh = (group["test"] for group in shown["groups"])
    assert relu == {"metric": "test_accuracy", "n": 3, "mean": pytest.approx(0.78), "std": 0.0}
    values = [0.78, 0.78, shown["guess"]]
    assert (tanh["n"], tanh["mean"]) == (3, pytest.approx(np.mean(values)))
    assert tanh["std"] == pytest.approx(np.std(values, ddof=1))
    # Only what validation measured has a test beside it.
    for metric in ("accuracy", "test_accuracy", "epoch_seconds"):
        groups = api.get(path, params={"metric": metric}).json()["groups"]
        assert [group["test"] for group in groups] == [None] * 4, metric
    losses = compare(lab, experiment_id, metric="val_loss")
    assert {group.test and group.test.metric for group in losses.groups} <= {None, "test_loss"}


def test_without_a_test_part_nothing_stands_beside(lab):
    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=2)
    train(lab, lambda config, seed: "diverged" if seed else noisy(config, seed))
    assert [group.test for group in compare(lab, experiment_id).groups] == [None, None]


RATES = (0.0001, 0.001, 0.01, 0.1)


def test_learning_rates_are_tuned_unless_they_are_what_is_compared(lab):
    """relu likes .001, sigmoid .1, and sigmoid diverges at no rate; relu does at .1."""
    rates = [{"name": "adam", "learning_rate": rate} for rate in RATES]
    experiment_id = lab.submit(activation=["relu", "sigmoid"], optimizer=rates, seeds=3)
    means = {
        "relu": dict(zip(RATES, (0.9, 0.95, 0.945, None), strict=True)),
        "sigmoid": dict(zip(RATES, (0.3, 0.6, 0.8, 0.97), strict=True)),
    }

    def results(config, seed):
        mean = means[config["activation"]["name"]][config["optimizer"]["learning_rate"]]
        return "diverged" if mean is None else {"val_accuracy": mean + 0.001 * seed}

    train(lab, results)
    found = compare(lab, experiment_id)
    assert (found.by, found.design.tune) == (("activation",), ("optimizer.learning_rate",))
    sigmoid, relu = found.groups
    assert (sigmoid.by, sigmoid.word) == ({"activation": "sigmoid"}, "leads")
    assert sigmoid.mean == pytest.approx(0.971)
    assert (relu.mean, relu.diverged) == (pytest.approx(0.951), 3)
    assert relu.chosen == {"optimizer.learning_rate": 0.001}
    points = relu.curve.points
    assert [point.levels["optimizer.learning_rate"] for point in points] == list(RATES)
    assert [(point.n, point.trained) for point in points] == [(3, 3), (3, 3), (3, 3), (3, 0)]
    good = relu.curve.good_range
    assert (good.low, good.high, good.at_edge) == (0.001, 0.01, False)
    assert good.factor == pytest.approx(10)
    assert sigmoid.curve.good_range.at_edge
    assert any("best learning rate of sigmoid is at an end of the grid" in x for x in found.notes)
    # Asked for, every rate is a group of its own; by the optimizer alone activations are tuned.
    full = compare(lab, experiment_id, by=["activation", "optimizer.learning_rate"])
    assert (len(full.groups), full.design.tune) == (8, ())
    assert full.groups[0].by == {"activation": "sigmoid", "optimizer.learning_rate": 0.1}
    rated = compare(lab, experiment_id, by=["optimizer.learning_rate"])
    assert rated.design.tune == ("activation",)
    assert [group.by["optimizer.learning_rate"] for group in rated.groups] == [
        0.1,
        0.001,
        0.01,
        0.0001,
    ]


def test_draws_of_the_data_are_averaged_over(lab):
    draws = [{"name": "circles", "seed": seed} for seed in (1, 2, 3)]
    model = {"name": "mlp", "hidden_units": [4]}
    experiment_id = lab.submit(activation=["relu", "tanh"], dataset=draws, model=model, seeds=2)
    train(
        lab, lambda config, seed: {"val_accuracy": 0.5 + config["dataset"]["seed"] / 10 + seed / 50}
    )
    found = compare(lab, experiment_id)
    assert (found.by, found.design.average) == (("activation",), ("dataset.seed",))
    for group in found.groups:
        assert {seed: v.value for seed, v in group.values.items()} == pytest.approx(
            {0: 0.7, 1: 0.72}
        )
    assert "Averaged over draws of the data within each seed." in found.notes
    parts = found.components
    assert (parts.data, parts.rest) == (pytest.approx(0.1), pytest.approx(0, abs=1e-9))
    assert parts.seeds == pytest.approx(0.02 / math.sqrt(2))
    assert compare(lab, experiment_id, by=["activation", "dataset"]).components is None


def test_against_a_named_group_others_can_be_better(lab):
    experiment_id = lab.submit(activation=["relu", "tanh", "sigmoid"], seeds=5)
    train(lab, noisy)
    found = compare(lab, experiment_id, against={"activation": "tanh"})
    words = {group.by["activation"]: group.word for group in found.groups}
    assert words == {"relu": "better", "tanh": "reference", "sigmoid": "worse"}
    relu = found.groups[0]
    assert relu.difference.mean == pytest.approx(relu.mean - found.groups[1].mean)
    assert relu.difference.ci95[0] > 0
    values = values_of(found.groups)
    # Surer than by its own five pairs: the spread is that of three groups.
    assert relu.p_value < stats.ttest_rel(values["relu"], values["tanh"]).pvalue < 0.01
    assert found.headline == "Against tanh. Better: relu. 1 is worse."
    with pytest.raises(InvalidError, match="No group is 'activation:elu'"):
        compare(lab, experiment_id, against={"activation": "elu"})


def test_against_takes_a_label_as_people_write_it(lab):
    slopes = [{"name": "leaky_relu", "negative_slope": slope} for slope in (0.2, 0.3)]
    experiment_id = lab.submit(activation=["silu", *slopes], seeds=2)
    train(lab, noisy)
    for asked, own in (
        ("swish", "silu"),
        ("leaky_relu(negative_slope=0.20)", "leaky_relu(negative_slope=0.2)"),
        ("leaky_relu(negative_slope=3e-1)", "leaky_relu(negative_slope=0.3)"),
    ):
        found = compare(lab, experiment_id, against={"activation": asked})
        (reference,) = [group for group in found.groups if group.word == "reference"]
        assert reference.by["activation"] == own


def values_of(groups):
    return {
        group.by["activation"]: [found.value for found in group.values.values()] for group in groups
    }


def test_what_another_axis_decides_is_not_named_twice(lab):
    """auto gives each activation its initializer, and selu its dropout."""
    experiment_id = lab.submit(activation=["relu", "tanh", "selu"], optimizer=["adam", "sgd"])
    found = compare(lab, experiment_id)
    assert found.by == ("activation", "optimizer")
    assert len(found.groups) == 6


def test_values_are_written_so_that_they_differ(lab):
    optimizers = [
        {"name": "sgd", "momentum": 0.9},
        {"name": "sgd", "learning_rate": 0.9},
        "adam",
    ]
    leaky = {"name": "leaky_relu", "negative_slope": 0.2}
    experiment_id = lab.submit(activation=["relu", leaky], optimizer=optimizers)
    groups = compare(lab, experiment_id, by=["activation", "optimizer"]).groups
    assert {group.by["activation"] for group in groups} == {
        "relu",
        "leaky_relu(negative_slope=0.2)",
    }
    written = {group.by["optimizer"] for group in groups}
    assert len(written) == 3
    assert "adam" in written
    assert any("momentum=0.9" in label for label in written)
    assert any("learning_rate=0.9" in label for label in written)


def test_variants_are_groups_too_and_no_training_counts_twice(lab):
    variants = [
        {"label": "plain", "activation": ["relu", "tanh"]},
        {"label": "again", "activation": "relu", "initializer": ["auto", "glorot_normal"]},
    ]
    experiment_id = lab.submit(variants=variants, seeds=3)
    train(lab, noisy)
    by_label = compare(lab, experiment_id, by=["variant"])
    assert {group.by["variant"]: group.n for group in by_label.groups} == {"plain": 3, "again": 3}
    found = compare(lab, experiment_id)
    assert found.by == ("activation", "initializer")
    # relu with auto stands in both variants, and is one training a seed.
    assert [(group.n, group.missing) for group in found.groups] == [(3, 0)] * 3
    relu = compare(lab, experiment_id, by=["activation"]).groups[0]
    assert (relu.by, relu.n) == ({"activation": "relu"}, 3)
    assert len(relu.curve.points) == 2


@pytest.mark.parametrize("completed", [0, 1])
def test_of_two_runs_of_one_training_the_finished_one_counts(lab, completed):
    variants = [{"label": "one", "activation": "relu"}, {"label": "two", "activation": "relu"}]
    experiment_id = lab.submit(variants=variants, reuse=False, max_attempts=1)
    for place, held in enumerate((lab.taken(), lab.taken())):
        if place == completed:
            lab.train(held)
        else:
            lab.fail(held)
    (group,) = compare(lab, experiment_id).groups
    assert (group.n, group.unfinished, group.missing) == (1, 0, 0)


def test_the_best_epoch_of_any_metric(lab):
    lab.submit(epochs=3)
    held = lab.taken()
    for epoch, (accuracy, loss) in enumerate([(0.5, 0.9), (0.8, 0.7), (0.6, 0.4)], start=1):
        ending = "completed" if epoch == 3 else None
        metrics = {"val_accuracy": accuracy, "val_loss": loss, "accuracy": accuracy / 2}
        lab.epoch(held, epoch, ending, test_loss=0.3, **metrics)
    for metric, at, value in (
        ("val_accuracy", "final", 0.6),
        ("val_accuracy", "best", 0.8),
        ("val_loss", "best", 0.4),
        ("accuracy", "best", 0.4),
        ("test_loss", "final", 0.3),
    ):
        (group,) = compare(lab, held.experiment_id, metric=metric, at=at).groups
        assert group.mean == value, (metric, at)


def test_a_metric_that_is_not_recorded_is_missing(lab):
    losses = ["categorical_crossentropy", "binary_crossentropy"]
    experiment_id = lab.submit(loss=losses, seeds=2)

    def results(config, seed):
        binary = config["loss"]["name"] == "binary_crossentropy"
        return {"val_binary_accuracy": 0.9 + seed / 100} if binary else {}

    train(lab, results)
    binary, other = compare(lab, experiment_id, metric="val_binary_accuracy").groups
    assert (binary.n, binary.missing, binary.mean) == (2, 0, pytest.approx(0.905))
    assert (other.n, other.missing, other.rank) == (0, 2, None)


def test_a_finished_comparison_may_be_kept(api, lab):
    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=2)
    train(lab, lambda config, seed: noisy(config, seed) if seed else "diverged")
    path = f"/v1/experiments/{experiment_id}/comparison?by=activation&by=variant"
    first = api.get(path)
    assert "immutable" in first.headers["cache-control"]
    assert api.get(path).content == first.content
    assert api.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_what_is_asked_for_must_exist(api, lab):
    experiment_id = lab.submit()
    path = f"/v1/experiments/{experiment_id}/comparison"
    for query, parameter, words in (
        ("metric=valaccuracy", "metric", "did you mean 'val_accuracy'"),
        ("metric=gradient_norm", "metric", "Valid: accuracy,"),
        ("metric=test_loss&at=best", "at", "ask for at=final"),
        ("by=activation,initialiser", "by", "did you mean 'initializer'"),
        ("by=seed", "by", "'seed' is not a known axis"),
        ("tune=optimizer.learningrate", "tune", "did you mean 'optimizer.learning_rate'"),
        ("tune=optimiser.learning_rate", "tune", "did you mean 'optimizer'"),
        ("average=seeds", "average", "'seeds' is not a known axis"),
        ("by=activation&tune=activation", "tune", "activation makes the groups"),
        ("against=relu", "against", "write it as activation:relu"),
        ("against=activation:elu", "against", "No group is"),
        ("margin=0", "margin", "greater than 0"),
        ("margin=nan", "margin", "finite"),
        ("by=", "by", "Valid: activation, "),
        ("at=last", "at", "'final', 'best' or 'mean'"),
        ("mteric=loss", "mteric", "did you mean 'metric'"),
    ):
        answer = api.get(f"{path}?{query}")
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"
        (error,) = answer.json()["errors"]
        assert error["parameter"] == parameter
        assert words in error["detail"]
    missing = api.get(f"/v1/experiments/{uuid.uuid4()}/comparison")
    assert missing.status_code == 404
    with pytest.raises(NotFoundError):
        compare(lab, uuid.uuid4())
    with pytest.raises(InvalidError):
        compare(lab, experiment_id, metric="accuracies")
