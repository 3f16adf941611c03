"""Metrics: whatever the registry has is stored, compared, drawn and listed, by its name alone."""

import csv
import io

import pytest

from service.catalog.metrics import EPOCH_METRICS, METRICS, parts_of

#: Those that runs record; how many epochs it took to a target is computed from them.
RECORDED = [name for name, metric in METRICS.items() if metric.when != "target"]
#: One metric of each kind; the others are slow.
KINDS = {
    (metric.task, metric.when, metric.part, metric.direction): name
    for name, metric in METRICS.items()
    if name in RECORDED
}
EACH = [
    pytest.param(name, marks=() if name in KINDS.values() else pytest.mark.slow)
    for name in RECORDED
]
ACTIVATIONS = ["relu", "tanh"]
SEEDS = 2


@pytest.fixture
def experiment(lab):
    """Return a function that trains four runs whose values of a metric differ, and their values."""

    def trained(name):
        numbers = {"dataset": "diabetes", "model": "mlp"}
        chosen = numbers if METRICS[name].task == "regression" else {}
        experiment_id = lab.submit(activation=ACTIVATIONS, seeds=SEEDS, **chosen)
        values = {}
        while claim := lab.claim():
            value = (len(values) + 1) / 16
            values[str(claim.run_id)] = value
            lab.train(claim, **{name: value})
        return experiment_id, values

    return trained


def answered(api, address, **query):
    answer = api.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("name", EACH)
def test_a_metric_is_stored_and_read(api, experiment, name):
    metric = METRICS[name]
    experiment_id, values = experiment(name)
    runs = answered(api, "/v1/runs", experiment_id=experiment_id).json()["items"]
    assert len(runs) == len(values)
    for run in runs:
        value = values[run["id"]]
        assert run["final"].get(name) == (value if metric.in_final else None)
        if metric.when == "epoch":
            history = answered(api, run["links"]["history"], metrics=name).json()
            assert history["metrics"] == {name: [value, value]}
    if metric.when == "epoch":
        address = f"/v1/experiments/{experiment_id}/histories"
        exported = api.get(address, headers={"Accept": "text/csv"})
        rows = list(csv.DictReader(io.StringIO(exported.text)))
        assert len(rows) == 2 * len(values)
        assert [float(row[name]) for row in rows] == [values[row["run_id"]] for row in rows]


@pytest.mark.parametrize("name", EACH)
def test_a_metric_orders_runs_and_ranks_configurations(api, experiment, name):
    metric = METRICS[name]
    experiment_id, values = experiment(name)
    ordered = sorted(values, key=values.get)
    if metric.in_final:
        query = {"experiment_id": experiment_id, "order_by": name}
        found = answered(api, "/v1/runs", **query).json()["items"]
        assert [run["id"] for run in found] == ordered
    comparison = api.get(f"/v1/experiments/{experiment_id}/comparison", params={"metric": name})
    if metric.direction is None:
        assert comparison.status_code == 422
        return
    compared = comparison.json()
    assert compared["higher_is_better"] == (metric.direction == "higher")
    # The later activation has the larger values.
    best = ACTIVATIONS[-1] if metric.higher_is_better else ACTIVATIONS[0]
    assert [group["n"] for group in compared["groups"]] == [SEEDS, SEEDS]
    assert compared["groups"][0]["by"] == {"activation": best}


@pytest.mark.parametrize("name", EACH)
def test_a_metric_is_mlflows(api, experiment, name):
    experiment_id, values = experiment(name)
    wanted = f"metrics.{name} > {sorted(values.values())[1]}"
    query = {"experiment_ids": [str(experiment_id)], "filter": wanted}
    runs = api.post("/api/2.0/mlflow/runs/search", json=query).json()["runs"]
    latest = {
        run["info"]["run_id"]: {point["key"]: point["value"] for point in run["data"]["metrics"]}
        for run in runs
    }
    assert len(latest) == 2
    assert all(metrics[name] == values[run_id] for run_id, metrics in latest.items())
    run_id, value = next(iter(values.items()))
    query = {"run_id": run_id, "metric_key": name}
    history = answered(api, "/api/2.0/mlflow/metrics/get-history", **query).json()["metrics"]
    steps = [1, 2] if METRICS[name].when == "epoch" else [2]
    assert [(point["step"], point["value"]) for point in history] == [(at, value) for at in steps]


@pytest.mark.parametrize("name", EACH)
def test_a_metric_is_drawn_under_its_title(api, experiment, name):
    metric = METRICS[name]
    experiment_id, _ = experiment(name)
    figures = f"/v1/experiments/{experiment_id}/figures"
    if metric.when == "epoch":
        curves = answered(api, f"{figures}/learning_curves.svg", metric=name).text
        assert metric.title in curves
    if metric.direction is not None:
        ranking = answered(api, f"{figures}/comparison.svg", metric=name).text
        assert metric.title.lower() in ranking.lower()


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_listed(api, name):
    listed = answered(api, "/v1/catalog/metrics").json()["items"]
    assert [metric["name"] for metric in listed] == list(METRICS)
    (found,) = (metric for metric in listed if metric["name"] == name)
    assert found["title"] == METRICS[name].title


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_described_consistently(name):
    metric = METRICS[name]
    assert metric.name == name
    assert sum(other.title == metric.title for other in METRICS.values()) == 1
    if metric.counts is not None:
        assert (metric.kind, metric.part is None) == ("share", False)
    if metric.part is not None:
        assert parts_of(metric.quantity)[metric.part] == name
    if metric.when == "end":
        assert metric.in_final, "only the run's own row keeps what is measured once"


def test_the_parts_of_a_quantity():
    parts = {"training": "loss", "validation": "val_loss", "test": "test_loss"}
    assert parts_of("loss") == parts
    assert parts_of("epoch_seconds") == {}
    assert "test_loss" not in EPOCH_METRICS
