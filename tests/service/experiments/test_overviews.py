"""Overviews of experiments in lists: what varies, and what the usual comparison puts first."""

import uuid

import pytest

from service.experiments import leaders, lifecycle, overviews
from service.operations.scheduler import Scheduler


@pytest.fixture
def renew(lab):
    """Renew what is behind; return how many were."""

    def call() -> int:
        with lab.sessions() as session:
            return leaders.renew(session)

    return call


@pytest.fixture
def listed(api):
    def call(experiment_id: uuid.UUID) -> dict:
        items = api.get("/v1/experiments").json()["items"]
        return next(item for item in items if item["id"] == str(experiment_id))

    return call


def train(lab, accuracies):
    """Train all runs: the value of each is that of its activation."""
    while claim := lab.claim():
        lab.train(claim, val_accuracy=accuracies[claim.config["activation"]["name"]])


def test_what_varies_is_listed_from_the_submission_on(lab, listed):
    slopes = [{"name": "leaky_relu", "negative_slope": slope / 100} for slope in range(1, 15)]
    grid = lab.submit(activation=["relu", *slopes], batch_size=[32, 64], seeds=2)
    activation, batch_size = listed(grid)["varying"]
    assert (activation["axis"], activation["count"]) == ("activation", 15)
    assert activation["labels"][:2] == ["relu", "leaky_relu(negative_slope=0.01)"]
    assert len(activation["labels"]) == overviews.MOST_LABELS
    assert batch_size == {"axis": "batch_size", "count": 2, "labels": [32, 64]}
    variants = [{"label": "a", "activation": "relu"}, {"label": "b", "activation": "elu"}]
    (variant,) = listed(lab.submit(variants=variants))["varying"]
    assert variant == {"axis": "variant", "count": 2, "labels": ["a", "b"]}
    assert listed(lab.submit())["varying"] == []
    assert listed(grid)["best"] is None


def test_the_best_is_the_leader_of_the_usual_comparison(lab, api, listed, renew):
    made = lab.submit(activation=["relu", "tanh"], seeds=3)
    train(lab, {"relu": 0.6, "tanh": 0.9})
    assert (renew(), renew()) == (1, 0)
    found = listed(made)
    leader = api.get(f"/v1/experiments/{made}/comparison").json()["groups"][0]
    assert found["best"] == {
        "metric": "val_accuracy",
        "value": leader["mean"],
        "name": "tanh",
        "trained": leader["trained"],
        "n": 3,
    }
    assert (found["best"]["value"], found["results_of"]) == (pytest.approx(0.9), 6)


def test_what_did_not_train_leads_nothing(lab, listed, renew):
    made = lab.submit(seeds=2)
    for _ in range(2):
        lab.train(lab.taken(), ending="diverged", val_loss=float("nan"))
    assert renew() == 1
    assert (listed(made)["best"], listed(made)["results_of"]) == (None, 2)


def test_an_overview_is_renewed_as_runs_end_and_after_a_retry(lab, listed, renew):
    made = lab.submit(seeds=10, max_attempts=1)
    assert renew() == 0
    renewals = 0
    for _ in range(9):
        lab.train(lab.taken(), val_accuracy=0.5)
        renewals += renew()
    assert renewals == 6, "after 1, 2, 3, 4, 6 and 8"
    lab.fail(lab.taken())
    assert renew() == 1
    assert listed(made)["results_of"] == 10
    assert renew() == 0
    with lab.sessions() as session:
        lifecycle.retry(session, made, "test")
    assert listed(made)["results_of"] < 0
    assert renew() == 1
    lab.train_all(val_accuracy=0.75)
    assert renew() == 1
    assert listed(made)["best"]["n"] == 10


def test_a_renewal_that_a_retry_overtakes_stores_nothing(lab, renew, monkeypatch):
    made = lab.submit(max_attempts=1)
    lab.fail(lab.taken())
    best = leaders._best

    def retried(session, experiment_id):
        found = best(session, experiment_id)
        with lab.sessions() as other:
            lifecycle.retry(other, made, "test")
        return found

    monkeypatch.setattr(leaders, "_best", retried)
    assert renew() == 0
    monkeypatch.undo()
    lab.train_all()
    assert renew() == 1


def test_the_scheduler_works_out_those_of_older_versions(lab, settings, listed):
    made = lab.submit(activation=["relu", "elu"])
    train(lab, {"relu": 0.6, "elu": 0.7})
    lab.execute("DELETE FROM overviews")
    assert (listed(made)["varying"], listed(made)["results_of"]) == ([], -1)
    scheduler = Scheduler(settings)
    try:
        for _ in range(2):
            scheduler.turn()
    finally:
        scheduler.close()
    assert listed(made)["best"]["name"] == "elu"
    assert listed(made)["varying"][0]["labels"] == ["relu", "elu"]
    with lab.sessions() as session:
        lifecycle.delete(session, made)
