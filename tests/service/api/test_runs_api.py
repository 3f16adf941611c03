"""Runs over HTTP."""

import csv
import io
import math
import threading
import time
import uuid

import orjson
import pytest

from service.api.schemas.runs import (
    AttemptPage,
    ExperimentHistories,
    HistoryAnswer,
    RunAnswer,
    RunPage,
)
from service.api.web.negotiation import negotiate
from tests.service.api.test_experiments_api import follow
from tests.support.scripted_worker import ENGINE, METRICS

FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def diverged(lab):
    """The id of a run that diverged in its second epoch."""
    lab.submit(epochs=3, activation="sigmoid")
    claim = lab.taken("worker-1")
    lab.epoch(claim, 1)
    lab.epoch(claim, 2, "diverged", loss=math.nan, val_loss=math.inf, val_accuracy=0.1)
    return claim.run_id


def test_a_run_says_all_about_itself(api, lab, diverged):
    answer = api.get(f"/v1/runs/{diverged}")
    run = RunAnswer.model_validate_json(answer.content)
    assert (run.status, run.epoch, run.epochs, run.attempt) == ("diverged", 2, 3, 1)
    assert run.config["activation"] == {"name": "sigmoid"}
    engine = ENGINE | {"form": "solo", "threads": 1, "precision": "float32"}
    assert (run.worker, run.device, run.engine) == ("worker-1", "cpu", engine)
    assert run.versions == {"torch": "2.13.0", "numpy": "2.4.0"}
    assert answer.json()["final"] == {
        "epoch": 2,
        "loss": "NaN",
        "accuracy": 0.5,
        "val_loss": "Infinity",
        "val_accuracy": 0.1,
        "test_loss": None,
        "test_accuracy": None,
    }
    assert answer.json()["best"] == {"epoch": 1, "val_accuracy": 0.25}
    assert run.diagnosis is run.reused_from is run.error is None
    assert answer.json()["finished_at"].endswith("Z")
    for link in answer.json()["links"].values():
        if not link.endswith(("/events", "/layers")):  # no layer statistics were taken
            assert api.get(link).status_code == 200


def test_a_run_that_waits_has_no_results(api, lab):
    (run,) = lab.runs(lab.submit())
    shown = RunAnswer.model_validate_json(api.get(f"/v1/runs/{run.id}").content)
    assert shown.final is shown.best is shown.engine is shown.versions is shown.device is None


def test_a_failed_run_has_its_error_and_keeps_its_attempts(api, lab):
    (run,) = lab.runs(lab.submit(max_attempts=2))
    lab.fail(lab.taken("one"), "Out of memory.")
    lab.fail(lab.taken("two"), "Out of memory again.")
    shown = RunAnswer.model_validate_json(api.get(f"/v1/runs/{run.id}").content)
    assert (shown.status, shown.failures, shown.error) == ("failed", 2, "Out of memory again.")
    page = AttemptPage.model_validate_json(api.get(f"/v1/runs/{run.id}/attempts").content)
    assert [
        (attempt.attempt, attempt.worker, attempt.outcome, attempt.reason) for attempt in page.items
    ] == [
        (1, "one", "error", "Out of memory."),
        (2, "two", "error", "Out of memory again."),
    ]
    pages = follow(api, f"/v1/runs/{run.id}/attempts?limit=1")
    assert [[attempt["attempt"] for attempt in page] for page in pages] == [[1], [2]]


def test_runs_are_searched_by_filter_and_order(api, lab):
    experiment_id = lab.submit(activation=["relu", "tanh", "elu"], seeds=2)
    lab.submit(activation="selu")
    for accuracy in (0.5, math.nan, 0.75):
        lab.train(lab.taken(), val_accuracy=accuracy)
    ids = [str(run.id) for run in lab.runs(experiment_id)]

    def found(query):
        page = RunPage.model_validate_json(api.get(f"/v1/runs?{query}").content)
        return [str(run.id) for run in page.items]

    assert found(f"experiment_id={experiment_id}") == ids[::-1]
    assert found(f"experiment_id={experiment_id}&order_by=position") == ids
    assert found("order_by=-val_accuracy&status=completed") == [ids[2], ids[0], ids[1]]
    assert found("order_by=val_accuracy&limit=3") == [ids[0], ids[2], ids[1]]
    assert found("activation=relu&activation=elu&seed=1") == [ids[5], ids[1]]
    assert found("status=running") == []
    assert found("initializer=xavier_uniform") == found("initializer=glorot_uniform") == ids[3:1:-1]
    assert len(found("status=queued&status=completed")) == 7
    pages = follow(api, f"/v1/runs?experiment_id={experiment_id}&order_by=-val_accuracy&limit=2")
    assert [str(run["id"]) for page in pages for run in page] == [
        *(ids[2], ids[0], ids[1]),
        *ids[:2:-1],
    ]


def test_a_search_that_means_nothing_is_refused(api):
    for query, words in (
        ("activation=rleu", "did you mean 'relu'"),
        ("order_by=-val_acuracy", "did you mean 'val_accuracy'"),
        ("status=done", "queued"),
        ("verdict=ill", "'vanishing'"),
        ("result=vanishing", "not a known query parameter"),
        ("seed=-1", "greater than or equal to 0"),
        ("experiment_id=x", "a UUID"),
        ("limit=0", "greater than or equal to 1"),
        ("cursor=garbage", "does not belong"),
    ):
        answer = api.get(f"/v1/runs?{query}")
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["parameter"] == query.partition("=")[0]
        assert words in error["detail"]


def test_a_finished_run_and_its_history_may_be_kept_for_good(api, diverged):
    for path in (f"/v1/runs/{diverged}", f"/v1/runs/{diverged}/history"):
        first = api.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == FOREVER
        assert tag.startswith('"')
        for condition in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = api.get(path, headers={"If-None-Match": condition})
            assert (again.status_code, again.content) == (304, b"")
            assert (again.headers["etag"], again.headers["cache-control"]) == (tag, FOREVER)
        changed = api.get(path, headers={"If-None-Match": '"other"'})
        assert (changed.status_code, changed.content) == (200, first.content)


def test_a_run_under_way_must_be_asked_for_again(api, lab):
    lab.submit(epochs=3, max_attempts=1)
    claim = lab.taken()
    for path in (f"/v1/runs/{claim.run_id}", f"/v1/runs/{claim.run_id}/history"):
        first = api.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        same = api.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert same.status_code == 304
        lab.epoch(claim, len(lab.history(claim.run_id)) + 1)
        changed = api.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200
    lab.fail(claim)  # may be retried, so it is not for good
    assert "immutable" not in api.get(f"/v1/runs/{claim.run_id}").headers["cache-control"]


def test_a_history_over_http(api, lab, diverged):
    history = HistoryAnswer.model_validate_json(api.get(f"/v1/runs/{diverged}/history").content)
    assert (history.run_id, history.epoch) == (diverged, [1, 2])
    assert history.metrics["loss"] == [1.0, "NaN"]
    assert set(history.metrics) == set(METRICS)
    some = api.get(f"/v1/runs/{diverged}/history?metrics=loss,val_loss&metrics=accuracy")
    assert list(some.json()["metrics"]) == ["loss", "val_loss", "accuracy"]
    late = api.get(f"/v1/runs/{diverged}/history?from_epoch=2&metrics=val_loss")
    assert late.json() == {
        "run_id": str(diverged),
        "epoch": [2],
        "metrics": {"val_loss": ["Infinity"]},
        "ended_by": "divergence",
    }
    thin = api.get(f"/v1/runs/{diverged}/history?max_points=2")
    assert thin.json()["epoch"] == [1, 2]


def test_a_history_that_cannot_be_is_refused(api, diverged):
    for query, words in (
        ("metrics=valloss", "did you mean 'val_loss'"),
        ("metrics=loss,", "not a known metric"),
        ("from_epoch=-1", "greater than or equal to 0"),
        ("from_epoch=99999999999", "less than or equal to"),
        ("max_points=1", "greater than or equal to 2"),
    ):
        answer = api.get(f"/v1/runs/{diverged}/history?{query}")
        assert answer.status_code == 422
        assert words in answer.json()["errors"][0]["detail"]


def test_a_run_is_cancelled_over_http(api, lab):
    waiting, training = lab.runs(lab.submit(seeds=2))
    claim = lab.taken()
    cancelled = api.post(f"/v1/runs/{training.id}/cancel")
    assert RunAnswer.model_validate_json(cancelled.content).status == "cancelled"
    asked = RunAnswer.model_validate_json(api.post(f"/v1/runs/{waiting.id}/cancel").content)
    assert asked.status == "running"
    assert asked.cancel_requested_at is not None
    assert lab.renew(claim).cancelled == {claim.run_id}


def test_what_is_not_there_is_not_found(api):
    missing = uuid.uuid4()
    for path in ("", "/history", "/attempts", "/cancel"):
        method = "POST" if path == "/cancel" else "GET"
        answer = api.request(method, f"/v1/runs/{missing}{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(missing) in answer.json()["detail"]
        assert api.request(method, f"/v1/runs/x{path}").status_code == 422


def test_a_client_can_wait_for_a_runs_end(api, lab):
    (run,) = lab.runs(lab.submit())
    path = f"/v1/runs/{run.id}"
    assert api.get(path, headers={"Prefer": "wait=1"}).json()["status"] == "queued"
    timer = threading.Timer(0.3, lab.train_all)
    timer.start()
    began = time.monotonic()
    answer = api.get(path, headers={"Prefer": "wait=30"})
    timer.join()
    assert answer.json()["status"] == "completed"
    assert answer.headers["preference-applied"] == "wait=30"
    assert time.monotonic() - began < 25
    missing = api.get(f"/v1/runs/{uuid.uuid4()}", headers={"Prefer": "wait=30"})
    assert missing.status_code == 404


def test_all_histories_come_in_the_form_that_is_asked_for(api, lab, diverged):
    path = f"/v1/experiments/{lab.run(diverged).experiment_id}/histories"
    as_json = api.get(path)
    assert as_json.headers["content-type"] == "application/json"
    assert as_json.headers["vary"] == "Accept"
    (history,) = ExperimentHistories.model_validate(orjson.loads(as_json.content)).histories
    assert history.metrics["loss"] == [1.0, "NaN"]
    as_csv = api.get(path, headers={"Accept": "text/csv, application/json;q=0.5"})
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row["loss"] for row in csv.DictReader(io.StringIO(as_csv.text))] == ["1", "NaN"]
    as_parquet = api.get(path, headers={"Accept": "application/vnd.apache.parquet"})
    assert as_parquet.headers["content-type"] == "application/vnd.apache.parquet"
    assert (as_parquet.content[:4], as_parquet.content[-4:]) == (b"PAR1", b"PAR1")
    refused = api.get(path, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert refused.headers["content-type"] == "application/problem+json"
    assert "application/json, text/csv, application/vnd.apache.parquet" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/csv;q=0.1, application/json;q=0.2", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=nonsense, */*;q=0.1", "application/json"),
    ],
)
def test_negotiation(accept, chosen):
    assert negotiate(accept, ["application/json", "text/csv"]) == chosen
