"""MLflow's own client against the service: it finds our experiments as if they were its own."""

import math
import uuid
from pathlib import Path

import pytest

from service import api_keys
from service.comparison import ranking
from service.comparison.question import Question
from tests.support.served_api import serving


@pytest.fixture
def mlflow(settings, session, monkeypatch):
    """The official client, with one of our keys."""
    key = api_keys.create(session, name="notebook", scopes=["read"])
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", key.token)
    import mlflow

    before = mlflow.get_tracking_uri()
    with serving(settings) as served:
        mlflow.set_tracking_uri(served.url)
        yield mlflow
    mlflow.set_tracking_uri(before)


@pytest.fixture
def sweep(lab):
    """An experiment of four ended runs; the second, of tanh, diverged."""
    experiment_id = lab.submit(
        name="sweep", activation=["relu", "tanh"], initializer="he_normal", seeds=2, epochs=3
    )
    for number, ending in enumerate(["completed", "completed", "diverged", "completed"]):
        loss = math.nan if ending == "diverged" else 0.5
        lab.train(lab.taken(), ending, val_accuracy=0.9 + number / 100, loss=loss)
    return str(experiment_id)


def test_experiments_and_runs_are_found(mlflow, lab, sweep):
    client = mlflow.MlflowClient()
    assert [experiment.name for experiment in client.search_experiments()] == ["sweep"]
    found = client.get_experiment_by_name("sweep")
    assert dict(found) == dict(client.get_experiment(sweep))
    assert (found.experiment_id, found.lifecycle_stage) == (sweep, "active")
    assert client.get_experiment_by_name("sleep") is None

    query = {
        "experiment_ids": [sweep],
        "filter_string": "metrics.val_accuracy > 0.9 and params.initializer = 'he_normal' "
        "and attributes.status = 'FINISHED'",
        "order_by": ["metrics.val_accuracy DESC"],
        "max_results": 2,
    }
    runs = client.search_runs(**query)
    assert [each.data.metrics["val_accuracy"] for each in runs] == [0.93, 0.92]
    assert [each.data.params["activation"] for each in runs] == ["tanh", "tanh"]
    assert runs[1].data.tags["actinium.status"] == "diverged"
    assert math.isnan(runs[1].data.metrics["loss"])
    rest = client.search_runs(**query, page_token=runs.token)
    assert [each.data.metrics["val_accuracy"] for each in rest] == [0.91]
    assert not rest.token

    run = client.get_run(runs[1].info.run_id)
    assert run.data.params == runs[1].data.params
    assert dict(run.info) == dict(runs[1].info)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [each.step for each in history] == [1, 2, 3]
    assert all(math.isnan(each.value) for each in history)
    stored = lab.runs(uuid.UUID(sweep))[2]
    assert run.info.run_id == str(stored.id)
    assert run.info.end_time == int(stored.finished_at.timestamp() * 1000)


def test_a_search_is_a_data_frame(mlflow, sweep):
    frame = mlflow.search_runs(experiment_names=["sweep"])
    assert len(frame) == 4
    assert set(frame["params.activation"]) == {"relu", "tanh"}
    assert set(frame["status"]) == {"FINISHED"}
    assert frame["metrics.val_accuracy"].max() == 0.93
    assert frame["end_time"].notna().all()
    everything = mlflow.search_runs(search_all_experiments=True, order_by=["run_name"])
    assert list(everything["tags.mlflow.runName"]) == sorted(frame["tags.mlflow.runName"])


def test_runs_are_named_by_what_tells_them_apart(mlflow, lab):
    """By the values of the axes that vary, as comparisons write them, and the seed."""
    sgd = {"name": "sgd", "learning_rate": 0.9}
    experiment_id = lab.submit(
        activation=[{"name": "leaky_relu", "negative_slope": each} for each in (0.1, 0.2)],
        initializer="he_normal",
        clipping=["none", {"name": "norm", "max_norm": 0.5}],
        optimizer=[sgd, {"name": "sgd", "momentum": 0.9}],
        batch_size=[32, 64],
        seeds=2,
    )
    client = mlflow.MlflowClient()
    runs = client.search_runs([str(experiment_id)], order_by=["run_name"], max_results=20)
    runs += client.search_runs(
        [str(experiment_id)], order_by=["run_name"], max_results=20, page_token=runs.token
    )
    names = [run.info.run_name for run in runs]
    assert names == sorted({*names})
    assert len(names) == 32
    with lab.sessions() as session:
        axes = ("activation", "clipping", "optimizer", "batch_size")
        groups = ranking.compare(session, experiment_id, Question(by=axes)).groups
    assert set(names) == {
        f"{by['activation']}, {clipping}, {by['optimizer']}, batch size {by['batch_size']}, "
        f"seed {seed}"
        for by in (group.by for group in groups)
        for clipping in [by["clipping"] if by["clipping"] != "none" else "no clipping"]
        for seed in (0, 1)
    }
    one = runs[7]
    assert one.data.tags["mlflow.runName"] == one.info.run_name
    assert client.get_run(one.info.run_id).info.run_name == one.info.run_name
    for field in ("attributes.run_name", "tags.`mlflow.runName`"):
        (found,) = client.search_runs([str(experiment_id)], f"{field} = '{one.info.run_name}'")
        assert found.info.run_id == one.info.run_id


def test_a_variants_label_is_in_the_names_of_its_runs(mlflow, lab):
    variants = [
        {"label": "small", "activation": "relu", "dropout": [0, 0.25]},
        {"label": "self-normalizing", "activation": "selu"},
    ]
    experiments = [lab.submit(variants=variants), lab.submit(activation="tanh", seeds=[3])]
    runs = mlflow.MlflowClient().search_runs([str(experiment) for experiment in experiments])
    assert [run.info.run_name for run in runs] == [
        "tanh, seed 3",
        "self-normalizing, alpha_dropout(rate=[0.25, 0.5]), seed 0",
        "small, dropout(rate=0.25), seed 0",
        "small, no dropout, seed 0",
    ]


def test_files_are_listed_and_fetched(mlflow, sweep, tmp_path):
    client = mlflow.MlflowClient()
    run = client.search_runs([sweep])[0]
    listed = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    assert listed == ["learning_curves.png", "learning_curves.svg", "weights.safetensors"]
    fetched = client.download_artifacts(run.info.run_id, "learning_curves.svg", str(tmp_path))
    assert "<svg" in Path(fetched).read_text()


def test_refusals_are_told_in_words(mlflow, sweep, monkeypatch):
    client = mlflow.MlflowClient()
    run = client.search_runs([sweep])[0]
    for write in (
        lambda: client.create_experiment("mine"),
        lambda: client.log_metric(run.info.run_id, "loss", 0.0),
        lambda: client.set_tag(run.info.run_id, "mine", "yes"),
        lambda: client.delete_run(run.info.run_id),
    ):
        with pytest.raises(mlflow.MlflowException, match="by POST /v1/experiments") as told:
            write()
        assert told.value.error_code == "PERMISSION_DENIED"
    with pytest.raises(mlflow.MlflowException, match="did you mean 'val_accuracy'"):
        client.search_runs([sweep], "metrics.val_acc > 0.5")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "act_wrong")
    with pytest.raises(mlflow.MlflowException) as told:
        client.search_experiments()
    assert told.value.error_code == "UNAUTHENTICATED"
