"""Runs that diverged: what they count as, and that no choice takes them for the better ones."""

import pytest

from tests.service.comparison.test_ranking import compare, outcomes, train

RATES = (0.01, 0.05, 0.6)
#: R² by rate: worse than predicting the mean; at the last rate every run diverges.
R2 = {"relu": (-1.1, -0.6, None), "elu": (-1.5, -2.6, None)}


def with_rates(lab, seeds=3):
    return lab.submit(
        dataset="diabetes",
        activation=["relu", "elu"],
        optimizer=[{"name": "sgd", "learning_rate": rate} for rate in RATES],
        model={"name": "mlp", "hidden_units": [4]},
        seeds=seeds,
        reuse=False,
    )


def r2_of(config, seed):
    at = RATES.index(config["optimizer"]["learning_rate"])
    r2 = R2[config["activation"]["name"]][at]
    return "diverged" if r2 is None else {"val_r2": r2 - seed / 100, "val_rmse": 70 - 10 * r2}


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_rate_at_which_every_run_diverged_is_never_chosen(lab, seeds):
    experiment_id = with_rates(lab, seeds)
    train(lab, r2_of)
    for metric in ("val_r2", "val_rmse"):
        relu, elu = compare(lab, experiment_id, metric=metric).groups
        assert relu.by == {"activation": "relu"}, metric
        assert [group.trained for group in (relu, elu)] == [seeds] * 2, metric
        chosen = [group.chosen["optimizer.learning_rate"] for group in (relu, elu)]
        assert chosen == [0.05, 0.01], metric


def test_who_diverged_is_never_better_than_who_completed(lab):
    experiment_id = with_rates(lab)
    train(lab, r2_of)
    by = ["activation", "optimizer.learning_rate"]
    found = compare(lab, experiment_id, metric="val_r2", by=by)
    last = [group for group in found.groups if group.by["optimizer.learning_rate"] == 0.6]
    # The worst R² of a run that completed, not the 0 of predicting the mean.
    values = [own.value for group in last for own in group.values.values()]
    assert values == [pytest.approx(-2.62)] * 6
    assert found.groups[-2:] == last


def test_of_an_accuracy_too_divergence_is_never_better(lab):
    """elu ends below the share of the largest class with one seed; relu diverges with one."""
    experiment_id = lab.submit(activation=["relu", "elu"], seeds=2)

    def results(config, seed):
        if seed == 0:
            return {"val_accuracy": 0.9}
        return "diverged" if config["activation"]["name"] == "relu" else {"val_accuracy": 0.05}

    train(lab, results)
    groups = {group.by["activation"]: group for group in compare(lab, experiment_id).groups}
    assert groups["relu"].values[1].value == 0.05
    assert groups["elu"].mean >= groups["relu"].mean


def test_what_trained_is_chosen_before_what_learned_nothing(lab):
    """Predicting the mean has the better R² than a network that overfits: it is no training."""
    experiment_id = with_rates(lab)
    values = {0.01: -0.01, 0.05: -0.4, 0.6: -0.7}
    train(lab, lambda config, _: {"val_r2": values[config["optimizer"]["learning_rate"]]})
    outcomes(
        lab,
        experiment_id,
        lambda config, _: (
            "at_chance" if config["optimizer"]["learning_rate"] == 0.01 else "overfits"
        ),
    )
    found = compare(lab, experiment_id, metric="val_r2")
    for group in found.groups:
        assert (group.trained, group.chosen) == (3, {"optimizer.learning_rate": 0.05})
        assert {own.chosen["optimizer.learning_rate"] for own in group.values.values()} == {0.05}
