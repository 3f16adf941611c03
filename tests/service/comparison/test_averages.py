"""Averages over runs within a seed: what is said where some of them trained and others not."""

import pytest

from service.comparison import ranking
from service.comparison.question import Question
from service.comparison.targets import Target
from tests.service.comparison.test_ranking import compare, outcomes, train

EPOCHS = 5
TARGET = Target("val_accuracy", 0.9)


def accuracy(config, seed):
    """relu trains at each rate of dropout but .9, tanh with none."""
    fails = config["activation"]["name"] == "tanh" or rate_of(config) > 0.5
    return {"val_accuracy": 0.1 + seed / 1000 if fails else 0.9 + seed / 100}


def rate_of(config):
    rates = (config["dropout"] or {}).get("rate", [0])
    return max(rates) if isinstance(rates, list) else rates


def with_dropout(lab, **fields):
    rates = [0, 0.3, 0.9]
    return lab.submit(activation=["relu", "tanh"], dropout=rates, seeds=3, reuse=False, **fields)


def chance(lab, experiment_id):
    outcomes(
        lab,
        experiment_id,
        lambda config, seed: (
            "learned" if accuracy(config, seed)["val_accuracy"] > 0.5 else "at_chance"
        ),
    )


def test_the_runs_that_trained_are_counted(lab, api):
    experiment_id = with_dropout(lab)
    train(lab, accuracy)
    chance(lab, experiment_id)
    found = compare(lab, experiment_id, by=["activation"], average=["dropout"])
    relu, tanh = found.groups
    assert found.headline == "relu leads. It trained with 6 of 9 runs. 1 did not train."
    assert (relu.n, relu.trained, relu.runs.all, relu.runs.trained) == (3, 0, 9, 6)
    assert (tanh.word, tanh.rank, tanh.runs.trained) == ("did_not_train", None, 0)
    # A mean over runs of which some stayed at chance says little of its own error.
    assert relu.ci95 is None
    levels = {level.level: (level.trained, level.n) for level in found.effects.levels}
    assert levels == {"relu": (6, 9), "tanh": (0, 9)}
    path = f"/v1/experiments/{experiment_id}/comparison?by=activation&average=dropout"
    shown, _ = api.get(path).json()["groups"]
    assert (shown["runs"], shown["runs_trained"], shown["runs_reached"]) == (9, 6, 9)


def reached_at(config, seed):
    """The epoch that reaches the target: of relu unless its rate is .9; of tanh none does."""
    fails = config["activation"]["name"] == "tanh" or rate_of(config) > 0.5
    return 99 if fails else 2 + seed


def compare_epochs(lab, experiment_id, target=TARGET, **wanted):
    with lab.sessions() as session:
        question = Question("epochs_to", target=target, **wanted)
        return ranking.compare(session, experiment_id, question)


@pytest.fixture
def pursued(lab):
    """An experiment whose runs reach a target, or do not; all train."""
    experiment_id = with_dropout(lab, epochs=EPOCHS)
    while held := lab.claim():
        for epoch in range(1, EPOCHS + 1):
            reaches = epoch >= reached_at(held.config, held.seed)
            ending = "completed" if epoch == EPOCHS else None
            lab.epoch(held, epoch, ending, val_accuracy=0.95 if reaches else 0.5)
    return experiment_id


def test_a_run_that_never_reached_the_target_counts_as_itself_not_as_a_mean_with_others(
    lab, api, pursued
):
    found = compare_epochs(lab, pursued, by=["activation"], average=["dropout"])
    relu, tanh = found.groups
    assert (relu.runs.reached, relu.reached, tanh.word) == (6, 0, "not_reached")
    # Two that reached it at 2, 3 and 4, and one that counts as 6.
    assert [own.value for own in relu.values.values()] == pytest.approx([10 / 3, 4, 14 / 3])
    assert found.headline == (
        "relu leads. It reached the target with 6 of 9 runs. 1 never reached it."
    )
    assert (
        "12 runs of those compared never reached val_accuracy 0.9: such a run counts as 6, one "
        "epoch more than the longest, and a mean with it is at least that."
    ) in found.notes
    query = {"metric": "epochs_to", "target": "val_accuracy:0.9", "average": "dropout"}
    assert api.get(f"/v1/experiments/{pursued}/comparison", params=query).json()["censored"] == 6


def test_who_trained_in_some_runs_and_reached_the_target_in_none_trained(lab, pursued):
    outcomes(lab, pursued, lambda config, _: "at_chance" if rate_of(config) > 0.5 else "learned")
    asked = {"by": ["activation"], "average": ["dropout"]}
    found = compare_epochs(lab, pursued, Target("val_accuracy", 0.99), **asked)
    assert found.headline == "No run reached val_accuracy 0.99."
    assert {group.word for group in found.groups} == {"not_reached"}
    _, tanh = compare_epochs(lab, pursued, **asked).groups
    assert (tanh.word, tanh.statement) == ("not_reached", "never reached it (0 of 3)")
