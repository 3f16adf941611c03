"""Epochs and seconds to a target: what is counted, who is censored, and what can be compared."""

import math

import pytest

from service.comparison import ranking
from service.comparison.question import Question
from service.comparison.targets import Pursuit, Target, censored_value
from service.errors import ConflictError
from tests.support.picture_reading import texts

pytestmark = pytest.mark.slow

TARGET = Target("val_accuracy", 0.9)
EPOCHS = 5
#: The epoch at which each seed reaches the target; None where it never does.
REACHED = {
    "relu": (2, 2, 3, 2, 2),
    "tanh": (4, 5, 4, 4, 5),
    "elu": (3, None, None, None, None),
    "selu": (None,) * 5,
}


def submit(lab, reached=REACHED, **fields):
    seeds = len(next(iter(reached.values())))
    return lab.submit(activation=list(reached), seeds=seeds, epochs=EPOCHS, reuse=False, **fields)


def train(lab, reached=REACHED, diverges=(), seconds=lambda _: 3.0, **engine):
    """Train all that waits: its accuracy is 0.5, and 0.95 from the epoch on that reaches."""
    while claim := lab.claim(**engine):
        name = claim.config["activation"]["name"]
        first = reached[name][claim.seed] or math.inf
        for epoch in range(1, EPOCHS + 1):
            found = {"val_accuracy": 0.95 if epoch >= first else 0.5}
            ending = "completed" if epoch == EPOCHS else None
            if (name, claim.seed) in diverges and ending:
                found, ending = {"val_accuracy": math.nan, "loss": math.nan}, "diverged"
            lab.epoch(claim, epoch, ending, epoch_seconds=seconds(name), **found)


def compare(lab, experiment_id, metric="epochs_to", target=TARGET, **wanted):
    with lab.sessions() as session:
        question = Question(metric, target=target, **wanted)
        return ranking.compare(session, experiment_id, question)


def by_activation(found):
    return {group.by["activation"]: group for group in found.groups}


def test_a_run_that_never_reaches_the_target_counts_as_worse_than_each_that_did(lab):
    experiment_id = submit(lab)
    train(lab)
    found = compare(lab, experiment_id)
    assert [group.by["activation"] for group in found.groups] == ["relu", "tanh", "elu", "selu"]
    relu, tanh, elu, selu = found.groups
    values = [[own.value for own in group.values.values()] for group in found.groups]
    assert values == [[2, 2, 3, 2, 2], [4, 5, 4, 4, 5], [3, 6, 6, 6, 6], [6] * 5]
    assert [group.reached for group in found.groups] == [5, 5, 1, 0]
    assert [group.trained for group in found.groups] == [5, 5, 5, 5]
    assert [group.rank for group in found.groups] == [1, 2, 3, None]
    assert (relu.word, tanh.word, elu.word, selu.word) == ("leads", "worse", "worse", "not_reached")
    assert elu.difference.mean == pytest.approx(5.4 - 2.2)
    assert selu.p_value is None
    assert selu.statement == "never reached it (0 of 5)"
    # The mean of a group with censored seeds is a lower bound: it has no interval.
    assert relu.ci95 is not None
    assert elu.ci95 is None
    assert found.headline == "relu is best. 2 are worse, 1 never reached it."
    assert (
        "9 runs of those compared never reached val_accuracy 0.9: such a run counts as 6, one "
        "epoch more than the longest, and a mean with it is at least that."
    ) in found.notes
    assert not found.higher_is_better


def test_against_a_group_that_never_reached_it_others_are_tested(lab):
    experiment_id = submit(lab)
    train(lab)
    found = compare(lab, experiment_id, against={"activation": "selu"})
    words = {name: group.word for name, group in by_activation(found).items()}
    assert words == {"relu": "better", "tanh": "better", "elu": "undecided", "selu": "reference"}


def test_a_run_that_diverged_never_reached_the_target(lab):
    experiment_id = submit(lab, {"relu": (2, 2), "tanh": (4, 4)})
    train(lab, {"relu": (2, 2), "tanh": (4, 4)}, diverges=[("relu", 1)])
    relu = by_activation(compare(lab, experiment_id))["relu"]
    assert [(own.value, own.reached) for own in relu.values.values()] == [(2, True), (6, False)]


def test_where_no_run_reached_the_target_nothing_is_ranked(lab):
    experiment_id = submit(lab)
    train(lab)
    found = compare(lab, experiment_id, target=Target("val_accuracy", 0.99))
    assert found.headline == "No run reached val_accuracy 0.99."
    assert {group.word for group in found.groups} == {"not_reached"}
    assert {group.rank for group in found.groups} == {None}


def test_seconds_are_those_up_to_the_epoch_that_reached_it(lab):
    """tanh needs more epochs of less time; elu's failures count as more than any run took."""
    experiment_id = submit(lab)
    train(lab, seconds={"relu": 3.0, "tanh": 1.0, "elu": 0.5, "selu": 2.0}.get)
    found = by_activation(compare(lab, experiment_id, "seconds_to"))
    values = {name: [own.value for own in group.values.values()] for name, group in found.items()}
    # The longest took 5 epochs of 3 seconds; one more is 18.
    assert values["relu"] == [6, 6, 9, 6, 6]
    assert values["tanh"] == [4, 5, 4, 4, 5]
    assert values["elu"] == [1.5, 18, 18, 18, 18]
    assert found["tanh"].word == "leads"


@pytest.mark.parametrize("metric", ["seconds_to", "epoch_seconds"])
def test_seconds_of_two_engines_are_not_compared(lab, metric):
    experiment_id = submit(lab, {"relu": (2, 2), "tanh": (4, 4)})
    target = TARGET if metric == "seconds_to" else None
    claim = lab.taken(name="old")
    for epoch in range(1, EPOCHS + 1):
        lab.epoch(claim, epoch, "completed" if epoch == EPOCHS else None)
    assert compare(lab, experiment_id, metric, target).groups, "one engine until now"
    train(lab, {"relu": (2, 2), "tanh": (4, 4)}, name="new")
    with pytest.raises(ConflictError, match=r"one engine. These differ in name \(new, old\)\."):
        compare(lab, experiment_id, metric, target)
    assert compare(lab, experiment_id).groups, "epochs are the same everywhere"


def test_seconds_of_a_pack_are_shared_and_not_compared(lab):
    small = {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [4]}}
    experiment_id = submit(lab, {"relu": (1, 1)}, **small)
    train(lab, {"relu": (1, 1)})
    assert compare(lab, experiment_id, "seconds_to").groups, "each was trained alone"
    lab.execute("DELETE FROM experiments WHERE id = :id", id=experiment_id)
    experiment_id = submit(lab, {"relu": (1, 1)}, **small)
    members = lab.pack()
    assert len(members) == 2
    for claim in members:
        lab.train(claim, val_accuracy=0.95)
    with pytest.raises(ConflictError, match="2 of 2 runs were trained in packs"):
        compare(lab, experiment_id, "seconds_to")
    again = lab.submit(activation="relu", seeds=2, epochs=EPOCHS, **small)
    assert {run.status for run in lab.runs(again)} == {"completed"}, "reused"
    lab.execute("DELETE FROM experiments WHERE id = :id", id=experiment_id)
    with pytest.raises(ConflictError, match="packs"):
        compare(lab, again, "seconds_to")


def test_seconds_per_epoch_are_compared_by_their_mean(lab):
    experiment_id = submit(lab, {"relu": (2, 2), "tanh": (4, 4)})
    train(lab, {"relu": (2, 2), "tanh": (4, 4)}, seconds={"relu": 3.0, "tanh": 1.0}.get)
    found = compare(lab, experiment_id, "epoch_seconds", None, at="mean")
    assert [(group.by["activation"], group.mean) for group in found.groups] == [
        ("tanh", 1.0),
        ("relu", 3.0),
    ]


def test_a_loss_reaches_its_target_from_above():
    assert Target("loss", 0.5).first_epoch({1: 0.9, 2: 0.5, 3: math.nan, 4: 0.1}) == 2
    assert Target("accuracy", 0.5).first_epoch({1: math.nan, 2: 0.4, 3: 0.6}) == 3
    assert Target("accuracy", 0.7).first_epoch({1: math.nan, 2: 0.4, 3: 0.6}) is None


def test_a_run_that_stopped_early_counts_as_its_whole_budget():
    """It gave up after 2 of 30 epochs: it must not look faster than one that reached it at 20."""
    quitter = Pursuit(None, budget=30, recorded=2, total=2.0)
    slow = Pursuit(20, budget=30, recorded=30, seconds=20.0, total=30.0)
    assert censored_value([quitter, slow], "epochs") == 31
    assert censored_value([quitter, slow], "seconds") == pytest.approx(31)


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ({"metric": "epochs_to"}, "target", "needs a target"),
        ({"target": "val_accuracy:0.9"}, "target", "val_accuracy has no target"),
        ({"metric": "epochs_to", "target": "val_accuracy"}, "target", "write it as"),
        ({"metric": "epochs_to", "target": "val_accuracy:nan"}, "target", "write it as"),
        ({"metric": "epochs_to", "target": "val_acuracy:0.9"}, "target", "did you mean"),
        ({"metric": "epochs_to", "target": "val_accuracy:97"}, "target", "97% is 0.97"),
        ({"metric": "epochs_to", "target": "test_loss:0.9"}, "target", "test_loss"),
        ({"metric": "epochs_to", "target": "loss:0.9", "at": "best"}, "at", "at=final"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused(api, lab, query, parameter, words):
    experiment_id = submit(lab)
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison", params=query)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert parameter in str(error)
    assert words in error["detail"]


def test_the_answer_and_the_picture_name_the_target(api, lab):
    experiment_id = submit(lab)
    train(lab)
    query = {"metric": "epochs_to", "target": "val_accuracy:0.9"}
    address = f"/v1/experiments/{experiment_id}"
    answer = api.get(f"{address}/comparison", params=query).json()
    assert answer["target"] == {"metric": "val_accuracy", "value": 0.9}
    assert [group["reached"] for group in answer["groups"]] == [5, 5, 1, 0]
    seeds = answer["groups"][2]["seeds"]
    assert [(seed["value"], seed["reached"]) for seed in seeds[:2]] == [(3, True), (6, False)]
    for figure, by in (("comparison", "activation"), ("heatmap", "activation,initializer")):
        picture = api.get(f"{address}/figures/{figure}.svg", params=query | {"by": by})
        assert picture.status_code == 200, picture.text
        said = " ".join(" ".join(texts(picture.content)).split())
        assert "epochs to the target (validation accuracy 0.9)" in said


def test_a_claim_of_fewer_epochs_is_tested(api, lab):
    claim = {
        "statement": "relu needs two epochs less than elu.",
        "better": {"activation": "relu"},
        "than": {"activation": "selu"},
        "metric": "epochs_to",
        "target": {"metric": "val_accuracy", "value": 0.9},
        "by_at_least": 2,
    }
    experiment_id = submit(lab, claims=[claim])
    train(lab)
    (found,) = api.get(f"/v1/experiments/{experiment_id}/claims").json()["claims"]
    assert found["status"] == "supported"
    assert found["measure"] == "epochs until val_accuracy reaches 0.9"
    relu, selu = found["groups"]
    assert (relu["mean"], relu["not_reached"]) == (pytest.approx(11 / 5), 0)
    assert (selu["mean"], selu["not_reached"]) == (6, 5)
    later = claim | {"metric": "seconds_to", "statement": "And less time."}
    found = api.post(f"/v1/experiments/{experiment_id}/claims", json=later).json()["claims"][1]
    assert found["measure"] == "seconds until val_accuracy reaches 0.9"
    assert found["status"] == "supported"


def test_a_claim_about_seconds_of_two_engines_stays_open(api, lab):
    claim = {
        "statement": "relu's epochs take less time.",
        "better": {"activation": "relu"},
        "than": {"activation": "tanh"},
        "metric": "epoch_seconds",
        "at": "mean",
    }
    reached = {"relu": (2, 2), "tanh": (4, 4)}
    experiment_id = submit(lab, reached, claims=[claim])
    lab.train(lab.taken(name="old"))
    train(lab, reached, name="new")
    (found,) = api.get(f"/v1/experiments/{experiment_id}/claims").json()["claims"]
    assert found["status"] == "inconclusive"
    assert "name (new, old)" in found["reason"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"metric": "epochs_to"}, "/claims/0/target"),
        ({"target": {"metric": "loss", "value": 1}}, "/claims/0/target"),
        (
            {"metric": "epochs_to", "at": "mean", "target": {"metric": "loss", "value": 1}},
            "/claims/0/at",
        ),
        (
            {"metric": "epochs_to", "target": {"metric": "accuracy", "value": 97}},
            "/claims/0/target/value",
        ),
    ],
)
def test_a_claim_whose_target_cannot_be_used_is_refused(api, fields, pointer):
    claim = {"statement": "x", "better": {"activation": "relu"}, "than": {"activation": "elu"}}
    spec = {"activation": ["relu", "elu"], "claims": [claim | fields]}
    answer = api.post("/v1/experiments", json=spec)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
