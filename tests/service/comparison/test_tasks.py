"""Runs whose targets are numbers, over HTTP: their own metrics, and no accuracy anywhere."""

import csv
import io
import json

import pytest

SPEC = {"dataset": "diabetes", "model": "mlp", "activation": ["relu", "tanh"]}


@pytest.fixture
def experiment(lab):
    """Two runs of two epochs, of which relu's ends with the lower error, and their ids."""
    experiment_id = lab.submit(**SPEC)
    runs = {run.activation: run.id for run in lab.runs(experiment_id)}
    while claim := lab.claim():
        best = claim.run_id == runs["relu"]
        lab.epoch(claim, 1, val_rmse=60.0 if best else 50.0)
        lab.epoch(claim, 2, "completed", val_rmse=40.0 if best else 70.0)
    return experiment_id, runs


def answered(api, address, **query):
    answer = api.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return answer


def test_the_best_epoch_has_the_lowest_error(api, experiment):
    _, runs = experiment
    best = {
        name: answered(api, f"/v1/runs/{run_id}").json()["best"] for name, run_id in runs.items()
    }
    assert best == {
        "relu": {"epoch": 2, "val_rmse": 40.0},
        "tanh": {"epoch": 1, "val_rmse": 50.0},
    }


def test_accuracies_are_nowhere(api, experiment):
    experiment_id, runs = experiment
    run = answered(api, f"/v1/runs/{runs['relu']}").json()
    assert run["task"] == "regression"
    assert run["final"].keys() == {
        *("epoch", "loss", "val_loss", "test_loss", "mae", "rmse"),
        *(f"{part}_{name}" for part in ("val", "test") for name in ("mae", "rmse", "r2")),
    }
    of_run = [f"/v1/runs/{runs['relu']}{path}" for path in ("", "/history", "/diagnosis")]
    of_all = [f"/v1/experiments/{experiment_id}{path}" for path in ("/histories", "/comparison")]
    for address in (*of_run, *of_all):
        assert "accuracy" not in answered(api, address).text, address
    address = f"/v1/experiments/{experiment_id}/histories"
    exported = api.get(address, headers={"Accept": "text/csv"}).text
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [row["val_rmse"] for row in rows] == ["60", "40", "50", "70"]
    assert "accuracy" not in exported
    query = {"run_id": str(runs["relu"])}
    found = answered(api, "/api/2.0/mlflow/runs/get", **query).json()["run"]["data"]["metrics"]
    keys = {point["key"] for point in found}
    assert {"val_rmse", "best_val_rmse"} <= keys
    assert not [key for key in keys if "accuracy" in key]
    figure = answered(api, f"/v1/runs/{runs['relu']}/figures/learning_curves.svg").text
    assert "Root mean squared error" in figure
    assert "ccuracy" not in figure
    events = answered(api, f"/v1/experiments/{experiment_id}/events").text
    assert "accuracy" not in events
    ended = [json.loads(line[6:]) for line in events.splitlines() if '"ended_by"' in line]
    assert sorted(event["val_rmse"] for event in ended) == [40.0, 70.0]


def test_runs_are_compared_by_their_error_unless_another_metric_is_asked(api, experiment):
    experiment_id, _ = experiment
    address = f"/v1/experiments/{experiment_id}/comparison"
    compared = answered(api, address).json()
    assert (compared["metric"], compared["higher_is_better"]) == ("val_rmse", False)
    assert [group["by"]["activation"] for group in compared["groups"]] == ["relu", "tanh"]
    best = answered(api, address, at="best").json()
    assert [group["mean"] for group in best["groups"]] == [40.0, 50.0]
    by_fit = answered(api, address, metric="val_r2").json()
    assert by_fit["higher_is_better"]
    for figure in ("comparison", "learning_curves"):
        drawn = answered(api, f"/v1/experiments/{experiment_id}/figures/{figure}.svg").text
        assert "root mean squared error" in drawn.lower()


@pytest.mark.parametrize(
    ("dataset", "query", "where"),
    [
        ("diabetes", {"metric": "val_accuracy"}, "metric"),
        ("diabetes", {"metric": "epochs_to", "target": "val_accuracy:0.9"}, "target"),
        ("digits", {"metric": "val_rmse"}, "metric"),
    ],
)
def test_a_metric_of_the_other_task_is_refused(api, lab, dataset, query, where):
    experiment_id = lab.submit(**SPEC | {"dataset": dataset})
    refused = api.get(f"/v1/experiments/{experiment_id}/comparison", params=query)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["parameter"] == where
    assert "Compare by val_" in error["detail"]


def test_a_run_that_diverged_counts_as_the_mean_and_never_better(api, lab):
    def errors(rmse):
        """Errors on targets whose standard deviation is 80.2."""
        return {"val_rmse": rmse, "val_r2": 1 - (rmse / 80.2) ** 2}

    experiment_id = lab.submit(**SPEC)
    first, second = lab.taken(), lab.taken()
    lab.train(first, **errors(90.0))
    lab.train(second, "diverged", val_rmse=float("nan"), val_loss=float("nan"))
    groups = answered(api, f"/v1/experiments/{experiment_id}/comparison").json()["groups"]
    assert [group["mean"] for group in groups] == [90.0, 90.0]
    again = lab.submit(**SPEC | {"epochs": 3})
    first, second = lab.taken(), lab.taken()
    lab.train(first, **errors(10.0))
    lab.train(second, "diverged", val_rmse=float("nan"), val_loss=float("nan"))
    groups = answered(api, f"/v1/experiments/{again}/comparison").json()["groups"]
    assert [group["mean"] for group in groups] == [10.0, 80.2]
