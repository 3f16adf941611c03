"""The endpoints that MLflow's clients read, asked by plain HTTP."""

import math
import re

import pytest

from service import api_keys
from service.errors import InvalidError
from service.mlflow.fields import find_run_field, sql_conditions
from service.mlflow.grammar import read_filter

pytestmark = pytest.mark.slow

API = "/api/2.0/mlflow"


@pytest.fixture
def showdown(lab):
    """Four runs: two completed (relu the better), one diverged, one waiting; and their tags."""
    experiment_id = lab.submit(
        name="showdown",
        description="Who wins?",
        tags={"course": "dl"},
        activation=["relu", {"name": "leaky_relu", "negative_slope": 0.2}, "tanh", "sigmoid"],
        initializer="he_normal",
        optimizer={"name": "adam", "learning_rate": 1e-4},
        seeds=[7],
    )
    lab.train(lab.taken(), val_accuracy=0.95, loss=0.1)
    lab.train(lab.taken(), val_accuracy=0.75, loss=0.2)
    lab.train(lab.taken(), "diverged", val_accuracy=0.5, loss=math.nan)
    lab.execute("UPDATE runs SET outcome = 'learned' WHERE status = 'completed'")
    return experiment_id


def search(api, experiment_id, **body):
    answer = api.post(f"{API}/runs/search", json={"experiment_ids": [str(experiment_id)], **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def activations(found):
    return [dict_of(run["data"]["params"])["activation"] for run in found["runs"]]


def dict_of(pairs):
    assert len({each["key"] for each in pairs}) == len(pairs)
    return {pair["key"]: pair["value"] for pair in pairs}


def refused(answer, status, code):
    """What an MLflow client reads from a refusal, which is a problem as everywhere else."""
    told = answer.json()
    assert (answer.status_code, told["error_code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["message"] == told["detail"]
    return told["message"]


def test_an_experiment_is_one_of_theirs(api, showdown):
    (found,) = api.post(f"{API}/experiments/search", json={"max_results": 5}).json()["experiments"]
    assert found["experiment_id"] == str(showdown)
    assert found["name"] == "showdown"
    assert found["lifecycle_stage"] == "active"
    assert dict_of(found["tags"]) == {
        "course": "dl",
        "mlflow.note.content": "Who wins?",
        "mlflow.user": "test",
    }
    by_id = api.get(f"{API}/experiments/get", params={"experiment_id": str(showdown)})
    by_name = api.get(f"{API}/experiments/get-by-name", params={"experiment_name": "showdown"})
    assert by_id.json() == by_name.json() == {"experiment": found}


def test_a_run_has_its_configuration_and_latest_metrics(api, lab, showdown):
    stored = lab.runs(showdown)[1]
    told = api.get(f"{API}/runs/get", params={"run_id": str(stored.id)}).json()["run"]
    info = told["info"]
    assert info["run_id"] == info["run_uuid"] == str(stored.id)
    assert info["experiment_id"] == str(showdown)
    assert info["run_name"] == "leaky_relu(negative_slope=0.2), seed 7"
    assert info["status"] == "FINISHED"
    assert info["start_time"] == int(stored.started_at.timestamp() * 1000)
    assert info["end_time"] == int(stored.finished_at.timestamp() * 1000)
    params = dict_of(told["data"]["params"])
    wanted = {
        "activation": "leaky_relu",
        "activation.negative_slope": "0.2",
        "initializer": "he_normal",
        "dataset": "mnist",
        "optimizer": "adam",
        "optimizer.learning_rate": "0.0001",
        "optimizer.schedule": "constant",
        "batch_size": "128",
        "epochs": "2",
        "seed": "7",
    }
    assert wanted.items() <= params.items()
    assert all(isinstance(param, str) for param in params.values())
    metrics = {
        metric["key"]: (metric["value"], metric["step"]) for metric in told["data"]["metrics"]
    }
    assert metrics["val_accuracy"] == (0.75, 2)
    assert metrics["best_val_accuracy"] == (0.75, 1)
    assert metrics["gradient_norm"] == (2.0, 2)
    assert "test_accuracy" not in metrics  # no part is held out, so no test is made
    tags = dict_of(told["data"]["tags"])
    assert tags["course"] == "dl"
    assert tags["mlflow.runName"] == info["run_name"]
    assert tags["actinium.status"] == "completed"
    assert tags["actinium.outcome"] == "learned"
    assert search(api, showdown, filter=f"run_id = '{stored.id}'") == {"runs": [told]}
    by_old_name = api.get(f"{API}/runs/get", params={"run_uuid": stored.id.hex})
    assert by_old_name.json() == {"run": told}


def test_states_are_told_in_their_words(api, lab, showdown):
    lab.taken()
    cancelled = lab.submit(activation="elu")
    api.post(f"/v1/experiments/{cancelled}/cancel")
    lab.submit(activation="gelu")
    every = [str(showdown), *map(str, [cancelled])]
    found = search(api, showdown, experiment_ids=every)["runs"]
    told = [
        (each["info"]["status"], dict_of(each["data"]["tags"])["actinium.status"]) for each in found
    ]
    assert told == [
        ("KILLED", "cancelled"),
        ("RUNNING", "running"),
        ("FINISHED", "diverged"),
        ("FINISHED", "completed"),
        ("FINISHED", "completed"),
    ]
    assert "end_time" not in found[1]["info"]
    assert [run["info"]["status"] for run in search(api, lab.submit())["runs"]] == ["SCHEDULED"]


def test_a_history_is_every_epoch_in_order(api, lab):
    experiment_id = lab.submit(epochs=3)
    held = lab.taken()
    for epoch, loss in enumerate((0.5, math.inf, math.nan), 1):
        lab.epoch(held, epoch, "diverged" if epoch == 3 else None, loss=loss)
    run_id = str(lab.runs(experiment_id)[0].id)

    def history(**query):
        return api.get(f"{API}/metrics/get-history", params={"run_id": run_id, **query}).json()

    told = history(metric_key="loss", max_results=25_000)
    assert [(each["step"], each["value"]) for each in told["metrics"]] == [
        (1, 0.5),
        (2, "Infinity"),
        (3, "NaN"),
    ]
    times = [metric["timestamp"] for metric in told["metrics"]]
    assert times == sorted(times)
    assert "next_page_token" not in told
    run = search(api, experiment_id)["runs"][0]
    assert told["metrics"][-1] in run["data"]["metrics"]
    assert times[-1] == run["info"]["end_time"]
    assert history(metric_key="best_val_accuracy")["metrics"][0]["step"] == 1
    assert history(metric_key="accuracy_of_another_tool") == {"metrics": []}

    paged, token = [], ""
    while token is not None:
        page = history(metric_key="loss", max_results=2, page_token=token)
        paged += page["metrics"]
        token = page.get("next_page_token")
    assert paged == told["metrics"]


#: Filters, and the activations of the showdown's runs that pass them, newest first.
FILTERS = [
    ("", ["sigmoid", "tanh", "leaky_relu", "relu"]),
    ("metrics.val_accuracy > 0.7", ["leaky_relu", "relu"]),
    ("metrics.val_accuracy >= 0.95 and params.seed = '7'", ["relu"]),
    ("metrics.loss > -1e3", ["leaky_relu", "relu"]),  # NaN is not
    ("metric.`loss` < 0.15 AND metrics.loss != 7", ["relu"]),
    ("metrics.gradient_norm = 2", ["tanh", "leaky_relu", "relu"]),
    ("params.activation = 'relu'", ["relu"]),
    ("params.activation != 'relu'", ["sigmoid", "tanh", "leaky_relu"]),
    ("params.activation LIKE '%relu'", ["leaky_relu", "relu"]),
    ("params.activation ILIKE 'TANH'", ["tanh"]),
    ("params.activation IN ('tanh', 'sigmoid')", ["sigmoid", "tanh"]),
    ("parameters.activation not in ('tanh', 'sigmoid')", ["leaky_relu", "relu"]),
    ("params.activation.negative_slope = '0.20'", ["leaky_relu"]),
    ("params.activation.negative_slope IS NULL", ["sigmoid", "tanh", "relu"]),
    ("params.activation.negative_slope != '0.1'", ["leaky_relu"]),
    ("params.optimizer.learning_rate = '1e-4'", ["sigmoid", "tanh", "leaky_relu", "relu"]),
    ("params.`a{b,` = 'c\\' and params.activation LIKE '\\'", []),
    ("attributes.status = 'FINISHED'", ["tanh", "leaky_relu", "relu"]),
    ("status = 'SCHEDULED'", ["sigmoid"]),
    ("tags.actinium.status = 'diverged'", ["tanh"]),
    ("tags.actinium.outcome = 'learned'", ["leaky_relu", "relu"]),
    ('tags."course" = "dl" and attributes.status != "FINISHED"', ["sigmoid"]),
    ("tags.course = 'ml'", []),
    ("tags.`mlflow.runName` LIKE 'relu,%'", ["relu"]),
    ("attributes.start_time > 0 and attributes.end_time < 1", []),
    ("attributes.RUN_NAME LIKE '%=0.2), seed 7'", ["leaky_relu"]),
    ("run_name = 'tanh, seed 7'", ["tanh"]),
]


def test_filters_are_theirs(api, showdown):
    for wanted, found in FILTERS:
        assert activations(search(api, showdown, filter=wanted)) == found, wanted


def test_parameters_are_compared_by_value_and_names_by_what_they_are_aliases_of(api, lab):
    experiment_id = lab.submit(activation=["silu", "relu"], seeds=[0])
    for wanted, found in (
        ("params.activation = 'swish'", ["silu"]),
        ("params.activation != 'swish'", ["relu"]),
        ("params.activation IN ('swish', 'relu')", ["relu", "silu"]),
        ("params.optimizer.learning_rate = '.001'", ["relu", "silu"]),
        ("params.optimizer.learning_rate != '.001'", []),
        ("params.batch_size = '+128'", ["relu", "silu"]),
        ("params.batch_size = '1e999'", []),
    ):
        assert activations(search(api, experiment_id, filter=wanted)) == found, wanted


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("metrics.val_acuracy > 0.9", "did you mean 'val_accuracy'"),
        ("metrics.loss > 'low'", "A number is compared by =, !=, <"),
        ("metrics.loss LIKE '1%'", "A number is compared by"),
        ("params.seed > 3", "A text is compared by"),
        ("params.seed = 3", "with a text in quotes"),
        ("attributes.stat = 'FINISHED'", "did you mean 'status'"),
        ("metricz.loss > 1", "did you mean 'metrics'"),
        (
            "metrics.loss > 1 OR metrics.loss < 0",
            "AND (nothing else joins comparisons) or the end should follow, not 'OR",
        ),
        ("metrics.loss >", "a number or a text in quotes should follow, not the end"),
        ("params.activation IN 'relu'", "a list such as ('relu', 'elu')"),
        ("params.activation = 'relu", "a number or a text in quotes"),
        ("= 3", "a field such as metrics.loss"),
        (" and ".join(["metrics.loss > 1"] * 51), "at most 50 comparisons"),
    ],
)
def test_a_filter_that_cannot_be_used_is_refused_with_its_reason(wanted, reason):
    with pytest.raises(InvalidError, match=re.escape(reason)):
        sql_conditions(read_filter(wanted), find_run_field)


def test_runs_are_ordered_by_several_things_and_paged(api, lab):
    experiment_id = lab.submit(activation=["relu", "tanh", "elu"], seeds=3)
    for number in range(7):
        lab.train(lab.taken(), val_loss=math.nan if number == 0 else number % 2)
    order_by = ["metrics.val_loss DESC", "params.activation", "attributes.start_time desc"]
    whole = search(api, experiment_id, order_by=order_by)["runs"]

    def key(run):
        value = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}.get(
            "val_loss"
        )
        rank = 2 if value is None else value == "NaN"
        shown = -value if rank == 0 else 0
        activation = dict_of(run["data"]["params"])["activation"]
        return rank, shown, activation, -run["info"]["start_time"]

    assert [key(each) for each in whole] == sorted(map(key, whole))
    paged, token = [], None
    while token != "":
        page = search(api, experiment_id, order_by=order_by, max_results=2, page_token=token)
        assert 1 <= len(page["runs"]) <= 2
        paged += page["runs"]
        token = page.get("next_page_token", "")
    assert paged == whole
    assert len(paged) == 9
    other = {"experiment_ids": [], "page_token": page_token_of(api, experiment_id)}
    refusal = api.post(f"{API}/runs/search", json=other)
    assert "does not belong to this query" in refused(refusal, 422, "INVALID_PARAMETER_VALUE")
    assert [error["pointer"] for error in refusal.json()["errors"]] == ["/page_token"]
    run_id = whole[0]["info"]["run_id"]
    asked = {"run_id": run_id, "metric_key": "loss", "page_token": "x"}
    refusal = api.get(f"{API}/metrics/get-history", params=asked)
    assert "page_token does not" in refused(refusal, 422, "INVALID_PARAMETER_VALUE")
    assert [error["parameter"] for error in refusal.json()["errors"]] == ["page_token"]
    for orders, reason in [
        (["metrics.val_loss UP"], "ASC, DESC or the end should follow, not 'UP'"),
        (["attributes.age"], "is not a known attribute"),
    ]:
        answer = api.post(f"{API}/runs/search", json={"experiment_ids": [], "order_by": orders})
        assert reason in refused(answer, 422, "INVALID_PARAMETER_VALUE")


def page_token_of(api, experiment_id):
    return search(api, experiment_id, max_results=1)["next_page_token"]


def test_names_are_unique_and_found(api, lab):
    first, second = lab.submit(name="twice"), lab.submit(name="twice")
    unnamed = lab.submit()
    odd = lab.submit(name="twice (or more)")

    def by_name(name):
        return api.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})

    listed = api.post(f"{API}/experiments/search", json={"order_by": ["creation_time ASC"]})
    names = {
        experiment["experiment_id"]: experiment["name"]
        for experiment in listed.json()["experiments"]
    }
    assert list(names) == [str(each) for each in (first, second, unnamed, odd)]
    assert names[str(first)] == "twice"
    assert names[str(second)] == f"twice ({str(second)[-8:]})"
    assert names[str(unnamed)] == f"experiment ({str(unnamed)[-8:]})"
    assert names[str(odd)] == "twice (or more)"
    for experiment_id, name in names.items():
        assert by_name(name).json()["experiment"]["experiment_id"] == experiment_id
        wanted = {"filter": f"name = '{name}'"}
        found = api.post(f"{API}/experiments/search", json=wanted).json()["experiments"]
        assert [each["experiment_id"] for each in found] == [experiment_id]
    for name in ("thrice", f"twice ({str(first)[-8:]})", "experiment"):
        message = refused(by_name(name), 404, "RESOURCE_DOES_NOT_EXIST")
        assert f"no experiment with the name '{name}'" in message


def test_experiments_are_filtered_ordered_and_paged(api, lab):
    for name, course in [("b", "dl"), ("a", "dl"), ("c", "ml")]:
        lab.submit(name=name, tags={"course": course})

    def names(**body):
        answer = api.post(f"{API}/experiments/search", json=body)
        assert answer.status_code == 200, answer.text
        return [experiment["name"] for experiment in answer.json()["experiments"]]

    assert names() == ["c", "a", "b"]
    assert names(order_by=["name"]) == ["a", "b", "c"]
    assert names(filter="tags.course = 'dl'", order_by=["name DESC"]) == ["b", "a"]
    assert names(filter="name LIKE '%a%' AND attribute.creation_time > 0") == ["a"]
    assert names(view_type="DELETED_ONLY") == []
    assert names(view_type="ALL") == ["c", "a", "b"]
    first = api.post(f"{API}/experiments/search", json={"max_results": 2}).json()
    assert names(page_token=first["next_page_token"]) == ["b"]
    for body, reason in (
        ({"filter": "metrics.loss > 1"}, "is not a known attribute"),
        ({"filter": "name = '\x00'"}, "U+0000"),
        ({"max_results": 0}, "greater than or equal to 1"),
        ({"order_by": ["name"] * 11}, "at most 10"),
    ):
        answer = api.post(f"{API}/experiments/search", json=body)
        assert reason in refused(answer, 422, "INVALID_PARAMETER_VALUE")


def test_files_lead_to_where_they_are(api, lab, showdown):
    done, waiting = lab.runs(showdown)[0], lab.runs(showdown)[-1]
    place = f"{showdown}/{done.id}/artifacts"
    told = api.get(f"{API}/artifacts/list", params={"run_id": str(done.id)}).json()
    assert told["root_uri"] == f"mlflow-artifacts:/{place}"
    names = [file["path"] for file in told["files"]]
    assert names == ["learning_curves.png", "learning_curves.svg", "weights.safetensors"]
    listed = api.get(f"{API}-artifacts/artifacts", params={"path": place})
    assert listed.json()["files"] == told["files"]
    below = api.get(f"{API}-artifacts/artifacts", params={"path": f"{place}/weights.safetensors"})
    assert below.json()["files"] == []
    empty = api.get(f"{API}/artifacts/list", params={"run_id": str(waiting.id)}).json()
    assert empty["files"] == []
    picture = api.get(
        f"{API}-artifacts/artifacts/{place}/learning_curves.png", follow_redirects=True
    )
    assert picture.content.startswith(b"\x89PNG")
    unknown = api.get(f"{API}-artifacts/artifacts/{place}/learning_curve.png")
    assert "did you mean" in refused(unknown, 404, "RESOURCE_DOES_NOT_EXIST")


def test_what_is_not_there_is_not_there(api):
    for path in (
        "/runs/get?run_id=0",
        "/runs/get?run_id=019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e",
        "/experiments/get?experiment_id=0",
        "/metrics/get-history?run_id=0&metric_key=loss",
        "-artifacts/artifacts?path=somewhere",
        "/registered-models/search",
    ):
        refused(api.get(API + path), 404, "RESOURCE_DOES_NOT_EXIST")
    refused(api.post(f"{API}/logged-models/search", json={}), 404, "RESOURCE_DOES_NOT_EXIST")
    for path in ("/runs/get", "/metrics/get-history?metric_key=loss", "/artifacts/list"):
        message = refused(api.get(API + path), 422, "INVALID_PARAMETER_VALUE")
        assert "run_id is missing" in message
    assert search(api, "0") == {"runs": []}  # the experiment that every MLflow server has
    assert api.post(f"{API}/runs/search").json() == {"runs": []}


def test_writing_is_refused_with_the_way_to_submit(api):
    for method, path in (
        ("POST", "/experiments/create"),
        ("POST", "/runs/create"),
        ("POST", "/runs/log-batch"),
        ("POST", "/runs/set-tag"),
        ("PATCH", "/logged-models/m-1"),
        ("DELETE", "/logged-models/m-1"),
        ("PUT", "-artifacts/artifacts/1/2/artifacts/model.pkl"),
    ):
        body = {} if method == "DELETE" else {"json": {"name": "mine"}}
        message = refused(api.request(method, API + path, **body), 403, "PERMISSION_DENIED")
        assert "read-only" in message
        assert "POST /v1/experiments" in message


def test_a_key_is_asked_for_and_taken_as_everywhere(api, session):
    reader = api_keys.create(session, name="reader", scopes=["read"])
    refused(api.post(f"{API}/experiments/search", json={}), 401, "UNAUTHENTICATED")
    authorized = {"Authorization": f"Bearer {reader.token}"}
    answer = api.post(f"{API}/experiments/search", json={}, headers=authorized)
    assert answer.json() == {"experiments": []}


def test_a_name_that_reads_like_anothers_is_not_taken_for_it(api, lab):
    first, second = lab.submit(name="dup"), lab.submit(name="dup")
    shown = f"dup ({str(second)[-8:]})"
    third = lab.submit(name=shown)
    found = api.post(f"{API}/experiments/search", json={"max_results": 10}).json()["experiments"]
    names = {each["experiment_id"]: each["name"] for each in found}
    assert len(set(names.values())) == 3
    assert (names[str(first)], names[str(second)]) == ("dup", shown)
    assert names[str(third)] == f"{shown} ({str(third)[-8:]})"
    for experiment_id, name in names.items():
        answer = api.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})
        assert answer.json()["experiment"]["experiment_id"] == experiment_id
