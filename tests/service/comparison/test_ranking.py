"""Comparisons: recomputed from the runs, and honest about what was not measured."""

import math
import uuid
from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from service.api.schemas.comparisons import ComparisonAnswer
from service.comparison import ranking, scores
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
        return ranking.compare(session, experiment_id, **wanted)


def values_by_activation(api, experiment_id, metric="val_accuracy"):
    """What the runs show, seed by seed, of those that completed."""
    found = defaultdict(dict)
    for page in follow(api, f"/v1/runs?experiment_id={experiment_id}&limit=7"):
        for run in page:
            if run["status"] == "completed":
                found[run["config"]["activation"]["name"]][run["seed"]] = run["final"][metric]
    return found


def holm_by_hand(p_values, tests):
    corrected, largest = {}, 0
    for step, name in enumerate(sorted(p_values, key=p_values.get)):
        largest = max(largest, min(1, p_values[name] * (tests - step)))
        corrected[name] = largest
    return corrected


def test_a_comparison_can_be_recomputed_from_the_runs(api, lab):
    experiment_id = lab.submit(activation=list(BASE), seeds=5)
    train(lab, noisy)
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert answer.status_code == 200, answer.text
    shown = ComparisonAnswer.model_validate_json(answer.content)
    assert (shown.metric, shown.at, shown.by) == ("val_accuracy", "final", ["activation"])
    values = values_by_activation(api, experiment_id)
    by_mean = sorted(values, key=lambda name: -np.mean([*values[name].values()]))
    assert [group.by["activation"] for group in shown.groups] == by_mean
    best = values[by_mean[0]]
    p_values = {
        name: stats.ttest_rel([some[seed] for seed in best], [*best.values()]).pvalue
        for name, some in values.items()
        if some is not best
    }
    corrected, over_all_pairs = holm_by_hand(p_values, 3), holm_by_hand(p_values, 6)
    for rank, group in enumerate(shown.groups, start=1):
        name = group.by["activation"]
        some = [*values[name].values()]
        assert (group.n, group.rank) == (5, rank)
        assert (group.diverged, group.unfinished, group.missing) == (0, 0, 0)
        assert group.mean == group.score == pytest.approx(np.mean(some))
        assert group.std == pytest.approx(np.std(some, ddof=1))
        low, high = stats.t.interval(0.95, 4, np.mean(some), stats.sem(some))
        assert group.ci95 == pytest.approx([low, high], abs=0.25 * (high - low))
        if rank == 1:
            assert group.p_value is group.difference is None
            assert group.tied_with_best
            continue
        assert group.p_value == pytest.approx(corrected[name])
        assert group.p_value_all_pairs == pytest.approx(over_all_pairs[name])
        assert group.tied_with_best == (group.p_value > 0.05)
        assert (group.difference.paired, group.difference.n) == (True, 5)
        differences = [values[name][seed] - best[seed] for seed in best]
        assert group.difference.mean == pytest.approx(np.mean(differences))
        low, high = group.difference.ci95
        # Each seed shifts all configurations alike: within seeds that noise is gone.
        assert high - low < 0.6 * (group.ci95[1] - group.ci95[0])
    (effect,) = shown.effects
    seeds = sorted(best)
    table = np.array([[values[name][seed] for seed in seeds] for name in values])
    between = 5 * ((table.mean(axis=1) - table.mean()) ** 2).sum()
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    assert (effect.axes, effect.df, effect.df_error) == (["activation"], 3, 12)
    assert effect.sum_of_squares == pytest.approx(between)
    assert effect.f == pytest.approx((between / 3) / ((rest**2).sum() / 12))
    assert effect.p_value == pytest.approx(stats.f.sf(effect.f, 3, 12))


def test_ties_are_named_and_more_seeds_asked_for(lab):
    """relu and elu are half a thousandth apart, with a noise of as much."""
    experiment_id = lab.submit(activation=["relu", "elu", "sigmoid"], seeds=3)
    train(lab, noisy)
    found = compare(lab, experiment_id)
    tied = {group.by["activation"]: group.tied_with_best for group in found.groups}
    assert tied == {"relu": True, "elu": True, "sigmoid": False}
    first, second = (group.values for group in found.groups[:2])
    differences = np.array([second[block] - first[block] for block in first])
    effect = abs(differences.mean()) / differences.std(ddof=1)
    needed = 3 + found.more_seeds_needed
    assert power(effect, needed) >= 0.8 > power(effect, needed - 1)


def power(effect, n):
    limit = stats.t.ppf(0.975, n - 1)
    shift = effect * math.sqrt(n)
    return stats.nct.sf(limit, n - 1, shift) + stats.nct.cdf(-limit, n - 1, shift)


def test_nothing_is_asked_for_where_the_best_stands_alone(lab):
    experiment_id = lab.submit(activation=["relu", "sigmoid"], seeds=4)
    train(lab, noisy)
    assert compare(lab, experiment_id).more_seeds_needed == 0
    alone = compare(lab, experiment_id, by=["dataset"])
    assert len(alone.groups) == 1
    assert (alone.groups[0].rank, alone.more_seeds_needed, alone.effects) == (1, 0, [])


def test_losses_are_best_at_their_lowest(lab):
    experiment_id = lab.submit(activation=["tanh", "relu", "sigmoid"], seeds=3)
    train(lab, noisy)
    found = compare(lab, experiment_id, metric="val_loss")
    assert not found.higher_is_better
    assert [group.by["activation"] for group in found.groups] == ["relu", "tanh", "sigmoid"]
    assert [group.rank for group in found.groups] == [1, 2, 3]
    assert found.groups[2].difference.mean == pytest.approx(0.48, abs=0.01)
    assert not found.groups[2].tied_with_best


def test_one_seed_ranks_and_ties_all(lab):
    experiment_id = lab.submit(activation=["tanh", "relu"])
    train(lab, noisy)
    found = compare(lab, experiment_id)
    assert [group.by["activation"] for group in found.groups] == ["relu", "tanh"]
    for group in found.groups:
        assert (group.n, group.std, group.ci95, group.p_value) == (1, None, None, None)
        assert group.tied_with_best
    assert found.more_seeds_needed is None
    assert found.effects[0].f is None


def test_identical_values_are_a_tie(api, lab):
    experiment_id = lab.submit(activation=["tanh", "relu", "elu"], seeds=3)
    train(lab, lambda *_: {"val_accuracy": 0.1})
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert b"NaN" not in answer.content
    shown = ComparisonAnswer.model_validate_json(answer.content)
    assert [group.rank for group in shown.groups] == [1, 1, 1]
    assert [group.p_value for group in shown.groups] == [None, 1, 1]
    assert all(group.tied_with_best for group in shown.groups)
    # As sure as an accuracy on 10,000 samples can be.
    for group in shown.groups:
        low, high = group.ci95
        assert 0.1 - 1e-4 < low < group.mean == 0.1 < high < 0.1 + 1e-4
    assert (shown.effects[0].f, shown.effects[0].p_value) == (0, 1)
    assert shown.more_seeds_needed == 1000


@pytest.mark.parametrize("apart", [1, 4])
def test_two_seeds_that_agree_by_luck_make_nothing_certain(api, lab, apart):
    """Of 10,000 validation samples tanh gets so many more right than relu with either seed."""
    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=2)

    def results(config, seed):
        more = apart if config["activation"]["name"] == "tanh" else 0
        return {"val_accuracy": (9800 + 20 * seed + more) / 10_000, "val_loss": 0.5 + more / 4}

    train(lab, results)
    _, relu = compare(lab, experiment_id).groups
    expected = 2 * stats.t.sf(apart / (math.sqrt(2 / 12) / math.sqrt(2)), 1)
    assert relu.p_value == pytest.approx(expected, rel=1e-6)
    assert relu.tied_with_best == (apart == 1)
    assert relu.difference.ci95[0] < relu.difference.mean < relu.difference.ci95[1]
    # A loss has no grid: nothing says how sure its difference is.
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison?metric=val_loss")
    shown = ComparisonAnswer.model_validate_json(answer.content)
    _, worse = shown.groups
    assert (worse.p_value, worse.p_value_all_pairs, worse.difference) == (None, None, None)
    assert worse.tied_with_best
    assert (shown.more_seeds_needed, shown.effects[0].p_value) == (None, None)
    assert shown.effects[0].f == "Infinity"


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
        (score,) = scores.read(session, lab.submit(**spec), metric, "final")
    assert score.step == pytest.approx(1 / answers)


def test_diverged_runs_are_counted_beside_and_cost_the_rank(lab):
    """relu's survivors are best, but one of its five seeds diverged."""

    def results(config, seed):
        name = config["activation"]["name"]
        if (name, seed) == ("relu", 2) or name == "selu":
            return "diverged"
        return noisy(config, seed)

    experiment_id = lab.submit(activation=["selu", "relu", "tanh", "sigmoid"], seeds=5)
    train(lab, results)
    tanh, relu, sigmoid, selu = compare(lab, experiment_id).groups
    names = [group.by["activation"] for group in (tanh, relu, sigmoid, selu)]
    assert names == ["tanh", "relu", "sigmoid", "selu"]
    assert (relu.n, relu.diverged, len(relu.values)) == (4, 1, 4)
    assert relu.mean > tanh.mean
    worst = min(sigmoid.values.values())
    assert relu.score == pytest.approx((4 * relu.mean + worst) / 5)
    assert tanh.mean > relu.score > sigmoid.mean
    # On the four seeds that both have.
    assert (relu.difference.n, relu.difference.paired) == (4, True)
    assert relu.difference.mean > 0
    assert relu.tied_with_best
    assert (selu.n, selu.diverged, selu.mean, selu.ci95) == (0, 5, None, None)
    assert (selu.rank, selu.p_value, selu.tied_with_best) == (None, None, False)


def test_runs_without_a_result_are_left_out_and_counted(api, lab):
    def results(config, seed):
        return "failed" if seed == 0 else noisy(config, seed)

    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=3, max_attempts=1)
    empty = compare(lab, experiment_id)
    assert [(group.n, group.unfinished, group.rank) for group in empty.groups] == [(0, 3, None)] * 2
    assert (empty.unfinished, empty.more_seeds_needed, empty.effects) == (6, None, [])
    train(lab, results)
    found = compare(lab, experiment_id)
    assert [(group.n, group.unfinished) for group in found.groups] == [(2, 1), (2, 1)]
    assert (found.unfinished, found.finished) == (2, False)
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert answer.headers["cache-control"] == "private, no-cache"


def test_groups_by_any_axes_pair_within_what_still_varies(lab):
    """Two activations on two initializers: pairs are seeds on the same initializer."""
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
    assert [(effect.axes, effect.df, effect.df_error) for effect in both.effects] == [
        (("activation",), 1, 6),
        (("initializer",), 1, 6),
        (("activation", "initializer"), 1, 6),
    ]
    one = compare(lab, experiment_id, by=["initializer"])
    best, other = one.groups
    assert (best.by, best.n) == ({"initializer": "he_uniform"}, 6)
    assert (other.difference.paired, other.difference.n) == (True, 6)
    assert other.difference.mean == pytest.approx(-0.005, abs=0.001)
    assert not other.tied_with_best
    assert [effect.df_error for effect in one.effects] == [5]
    none = compare(lab, experiment_id, by=["loss", "batch_size", "loss"])
    assert [group.by for group in none.groups] == [
        {"loss": "categorical_crossentropy", "batch_size": 128}
    ]


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
    assert {group.by["activation"] for group in groups} == {"relu", "leaky_relu(0.2)"}
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
    assert {group.by["variant"]: group.n for group in by_label.groups} == {"plain": 6, "again": 6}
    found = compare(lab, experiment_id)
    assert found.by == ("activation", "initializer")
    # relu with auto stands in both variants, and is one training a seed.
    assert [(group.n, group.missing) for group in found.groups] == [(3, 0)] * 3
    relu = compare(lab, experiment_id, by=["activation"]).groups[0]
    assert (relu.by, relu.n) == ({"activation": "relu"}, 6)


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


def test_groups_that_share_few_seeds_are_independent_samples(lab):
    """Of eight seeds each, three diverged; two of the five left are left to both."""

    def results(config, seed):
        half = {"relu": range(5), "tanh": range(3, 8)}[config["activation"]["name"]]
        return noisy(config, seed) if seed in half else "diverged"

    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=8)
    train(lab, results)
    best, other = compare(lab, experiment_id).groups
    expected = stats.ttest_ind([*other.values.values()], [*best.values.values()], equal_var=False)
    assert (other.difference.paired, other.difference.n) == (False, 5)
    assert other.p_value == pytest.approx(expected.pvalue)


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
        ("by=", "by", "Valid: activation, "),
        ("at=last", "at", "'final' or 'best'"),
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
