"""Experiments over HTTP."""

import math
import threading
import time
import uuid

import pytest
import redis

from service.api.schemas.experiments import DryRun, ExperimentAnswer, ExperimentPage
from service.api.schemas.predictions import RunPrediction
from service.runs.doorbell import queue_name
from service.runs.paces import JobTimes, record_job
from tests.support.processes import wait_for
from tests.support.served_api import serving

SPEC = {"activation": ["relu", "tanh"], "epochs": 2, "seeds": 2, "tags": {"course": "dl:1"}}


def post(api, spec=SPEC, **request):
    return api.post("/v1/experiments", json=spec, **request)


def submitted(api, spec=SPEC):
    answer = post(api, spec)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def follow(api, path):
    """Follow the Link headers of a list to its end; gives every page."""
    found = []
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        path = answer.links.get("next", {}).get("url")
        assert (path is None) == (answer.json()["next_cursor"] is None)
    return found


def test_a_submission_is_answered_with_the_experiment(api, lab):
    answer = post(api, SPEC | {"name": "n"})
    shown = ExperimentAnswer.model_validate_json(answer.content)
    assert answer.status_code == 201
    assert answer.headers["location"] == shown.links.self == f"/v1/experiments/{shown.id}"
    assert (shown.status, shown.name, shown.progress) == ("queued", "n", 0)
    assert (shown.runs.total, shown.runs.queued) == (4, 4)
    assert shown.spec["activation"] == [{"name": "relu"}, {"name": "tanh"}]
    assert shown.created_by == "local"
    assert answer.json()["created_at"].endswith("Z")
    assert api.get(answer.headers["location"]).json() == answer.json()
    for link in answer.json()["links"].values():
        if not link.endswith("/events"):
            assert api.get(link).status_code == 200
    again = submitted(api, answer.json()["spec"])
    assert [run.config_hash for run in lab.runs(again)] == [
        run.config_hash for run in lab.runs(shown.id)
    ]


def test_an_experiment_has_its_spec_as_it_was_written(api, lab):
    written = {"seeds": 2, "epochs": 1, "activation": ["tanh", "relu"], "tags": {"a:b": "x,y"}}
    made = post(api, written).json()
    found = api.get(made["links"]["self"]).json()
    assert found["submitted"] == made["submitted"] == written
    assert list(found["submitted"]) == list(written), "in its own order"
    assert found["spec"]["seeds"] == [0, 1]
    assert "submitted" not in api.get("/v1/experiments").json()["items"][0]
    again = post(api, found["submitted"]).json()
    assert again["spec"] == found["spec"]
    lab.execute("UPDATE experiments SET submitted = NULL")  # as an older version stored it
    assert api.get(made["links"]["self"]).json()["submitted"] is None


def test_a_presets_experiment_has_the_spec_with_its_changes(api):
    changes = {"size": "small", "epochs": 3, "name": "mine"}
    made = api.post("/v1/presets/symmetry_breaking/experiments", json=changes).json()
    preset = api.get("/v1/presets/symmetry_breaking").json()
    assert made["submitted"] == preset["small_spec"] | {"epochs": 3, "name": "mine"}


def test_a_dry_run_stores_nothing_and_says_what_it_would_cost(api, lab):
    samples = {"dataset": {"name": "mnist", "train_size": 2000}}
    plan = DryRun.model_validate_json(post(api, SPEC | samples, params={"dry_run": True}).content)
    assert (plan.runs, plan.configurations, plan.already_trained) == (4, 2, 0)
    assert [planned.config["activation"]["name"] for planned in plan.items] == ["relu", "tanh"]
    assert [planned.runs for planned in plan.items] == [2, 2]
    (rate,) = plan.cost.rates
    assert (rate.basis, rate.runs) == ("catalog", 0)
    assert plan.cost.training_samples == 4 * 2 * 2000
    assert plan.cost.seconds > 16 * rate.seconds_per_thousand_samples, "all is included"
    assert plan.cost.range.high_seconds == pytest.approx(3 * plan.cost.seconds, rel=0.01)
    assert (plan.forecast.waits.reason, plan.forecast.eta_seconds) == ("no_worker", None)
    assert api.get("/v1/experiments").json()["items"] == []

    submitted(api, SPEC | samples | {"activation": "relu"})
    lab.seen()
    claim = lab.taken()
    lab.train(claim)
    with lab.sessions() as session:
        record_job(session, [claim], JobTimes(seconds=4.0, epoch_seconds=2.0, epochs=2))
    plan = DryRun.model_validate_json(post(api, SPEC | samples, params={"dry_run": True}).content)
    assert (plan.runs, plan.already_trained) == (4, 1)
    assert [planned.already_trained for planned in plan.items] == [1, 0]
    (rate,) = plan.cost.rates
    assert (rate.basis, rate.runs) == ("measured", 1)
    assert rate.seconds_per_thousand_samples == pytest.approx(0.5, rel=0.2)
    assert plan.cost.seconds == pytest.approx(3 * 4.0, rel=0.2)
    assert (plan.cost.range, plan.forecast.waits) == (None, None)
    # The other run of the experiment stands before it.
    assert plan.forecast.starts_in_seconds == pytest.approx(plan.cost.seconds / 3, rel=0.01)
    assert plan.forecast.eta_seconds == pytest.approx(4 / 3 * plan.cost.seconds, rel=0.01)

    anew = SPEC | samples | {"reuse": False}
    plan = DryRun.model_validate_json(post(api, anew, params={"dry_run": True}).content)
    assert (plan.already_trained, plan.cost.training_samples) == (1, 16_000)


def predictions(api, **spec):
    spec = {"seeds": 1, "epochs": 1, "dataset": "digits"} | spec
    return post(api, spec, params={"dry_run": True}).json()["items"]


def test_a_dry_run_says_what_theory_predicts(api):
    deep, shallow = predictions(
        api,
        activation="silu",
        optimizer={"name": "sgd"},
        model=[{"name": "mlp", "hidden_units": [64] * depth} for depth in (30, 2)],
    )
    found = deep["prediction"]
    assert (found["q_star"], found["c_star"], found["hidden_layers"]) == (0, 1, 30)
    assert found["chi_1"] == pytest.approx(0.5, rel=1e-3)
    assert found["depth_scale"] == pytest.approx(1.4427, rel=1e-2)
    assert 0 < found["signal"] < 1e-3 > found["gradient"] > 0
    assert found["risk"] == "vanishing"
    assert "Over 30 hidden layers" in found["sentence"]
    assert "is unlikely to train with sgd" in found["sentence"]
    assert "depth scale is 1.4 layers" in found["sentence"]
    assert [layer["name"] for layer in found["layers"]][::10] == [
        "dense_1", "dense_11", "dense_21", "output"
    ]  # fmt: skip
    assert found["layers"][0]["gradient"] == found["gradient"]
    assert found["layers"][29]["gradient"] == 1
    assert found["layers"][30]["gradient"] is None
    assert shallow["prediction"]["risk"] == "none"
    assert deep["initializer_reason"].startswith("auto is he_uniform for silu. ")
    assert deep["prediction_reason"] is None


def test_with_an_optimizer_that_scales_gradients_vanishing_is_only_a_risk(api):
    mlp = {"name": "mlp", "hidden_units": [64] * 30}
    (found,) = predictions(api, activation="silu", optimizer="adam", model=mlp)
    assert found["prediction"]["risk"] == "vanishing"
    assert found["prediction"]["sentence"].endswith("with adam it may not.")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"initializer": "zeros"}, "All weights are zero"),
        ({"initializer": {"name": "constant", "value": 0.1}}, "constant draws none"),
        ({"normalization": "switchable"}, "switchable"),
        ({"normalization": {"name": "group", "groups": 16}}, "Groups of fewer than"),
    ],
)
def test_where_theory_says_nothing_a_dry_run_says_why(api, change, words):
    mlp = {"name": "mlp", "hidden_units": [64] * 3}
    (found,) = predictions(api, activation="relu", model=mlp, **change)
    assert found["prediction"] is None
    assert found["prediction_reason"].startswith("No prediction: ")
    assert words in found["prediction_reason"]
    assert (found["initializer_reason"] is None) == ("initializer" in change)


def test_batch_normalization_makes_the_gradients_of_a_deep_network_explode(api):
    mlp = {"name": "mlp", "hidden_units": [64] * 60}
    (found,) = predictions(api, activation="relu", normalization="batch", model=mlp)
    assert found["prediction"]["risk"] == "exploding"
    assert found["prediction"]["gradient"] == pytest.approx((math.pi / (math.pi - 1)) ** 29.5)


def test_large_logits_are_a_risk_even_where_little_grows(api):
    """leaky_relu with slope 0.5 and he, 20 layers: the length grows by a quarter per layer."""
    mlp = {"name": "mlp", "hidden_units": [64] * 20}
    leaky = {"name": "leaky_relu", "negative_slope": 0.5}
    standard = {"name": "digits", "preprocessing": "standardize"}
    he, auto = predictions(
        api, activation=leaky, initializer=["he_uniform", "auto"], model=mlp, dataset=standard
    )
    length = 2 * 0.95 * 1.25**20
    assert he["prediction"]["layers"][-1]["z_std"] == pytest.approx(length**0.5, rel=0.01)
    assert he["prediction"]["risk"] == "exploding"
    assert "logits begin with a standard deviation of 13" in he["prediction"]["sentence"]
    assert auto["prediction"]["risk"] == "none"


def test_numbers_beyond_all_bounds_are_words(api):
    mlp = {"name": "mlp", "hidden_units": [64] * 60}
    wide = {"name": "normal", "stddev": 100}
    (found,) = predictions(api, activation="relu", initializer=wide, model=mlp)
    assert (found["prediction"]["signal"], found["prediction"]["gradient"]) == ("Infinity", "NaN")
    assert found["prediction"]["risk"] == "exploding"


def test_a_run_has_the_prediction_of_its_configuration(api):
    spec = SPEC | {"activation": "tanh", "seeds": 1}
    (planned,) = post(api, spec, params={"dry_run": True}).json()["items"]
    experiment = submitted(api, spec)
    (run,) = api.get(f"/v1/runs?experiment_id={experiment}").json()["items"]
    answer = api.get(f"/v1/runs/{run['id']}/prediction")
    found = RunPrediction.model_validate_json(answer.content)
    assert found.prediction is not None
    assert answer.json() == {name: planned[name] for name in RunPrediction.model_fields}
    assert api.get(f"/v1/runs/{uuid.uuid4()}/prediction").status_code == 404


def test_a_dry_run_refuses_what_a_submission_would(api):
    answer = post(api, SPEC | {"batch_size": 60_001}, params={"dry_run": True})
    assert answer.status_code == 422


def test_the_configurations_of_a_dry_run_are_paged(api):
    spec = SPEC | {"batch_size": [16, 32, 64]}
    found, cursor = [], None
    for _ in range(3):
        params = {"dry_run": True, "limit": 2} | ({"cursor": cursor} if cursor else {})
        plan = post(api, spec, params=params).json()
        configs = [planned["config"] for planned in plan["items"]]
        found += [(config["activation"]["name"], config["batch_size"]) for config in configs]
        assert plan["configurations"] == 6
        last, cursor = cursor, plan["next_cursor"]
    assert cursor is None
    assert found == [(name, size) for name in ("relu", "tanh") for size in (16, 32, 64)]
    other = post(api, SPEC, params={"dry_run": True, "cursor": last})
    assert other.status_code == 422
    assert other.json()["errors"][0]["parameter"] == "cursor"


def test_experiments_are_listed_newest_first_and_paged(api):
    ids = [submitted(api, SPEC | {"name": f"n{number % 2}"}) for number in range(5)]
    assert [experiment["id"] for experiment in api.get("/v1/experiments").json()["items"]] == ids[
        ::-1
    ]
    pages = follow(api, "/v1/experiments?limit=2&tag=course:dl:1&status=queued&status=failed")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [experiment["id"] for page in pages for experiment in page] == ids[::-1]
    pages = follow(api, "/v1/experiments?limit=2&name=n0")
    assert [experiment["id"] for page in pages for experiment in page] == ids[::-2]
    page = ExperimentPage.model_validate_json(api.get("/v1/experiments?limit=1").content)
    assert page.next_cursor is not None
    assert follow(api, "/v1/experiments?tag=course:other") == [[]]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a:b", "c"),
        ("a", "b:c"),
        ("a,b", "c, d"),
        ("a:", ":"),
        ("é 名", "值"),
        ("a", ""),
        ("a\n", "b"),
    ],
)
def test_every_tag_can_be_searched_for(api, key, value):
    made = submitted(api, SPEC | {"tags": {key: value, "other": "x"}})
    submitted(api, SPEC | {"tags": {"other": f"{key}:{value}"}})
    found = api.get("/v1/experiments", params={"tag": [f"{key}:{value}", "other:x"]})
    assert [experiment["id"] for experiment in found.json()["items"]] == [made]
    none = api.get("/v1/experiments", params={"tag": f"{key}:{value}?"})
    assert none.json()["items"] == []


def test_a_query_that_means_nothing_is_refused(api):
    submitted(api)
    for query in (
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=x",
        "cursor=",
        "status=done",
        "tag=course",
        "created_after=yesterday",
        "created_after=2026-01-01T00:00:00",
        "sort=name",
        "name=%00",
    ):
        answer = api.get(f"/v1/experiments?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_cancel_retry_delete(api, lab):
    path = f"/v1/experiments/{submitted(api)}"
    lab.train(lab.taken())
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["title"]) == (409, "Conflict")
    cancelled = ExperimentAnswer.model_validate_json(api.post(f"{path}/cancel").content)
    assert (cancelled.status, cancelled.runs.cancelled) == ("cancelled", 3)
    assert cancelled.cancelled_at is not None
    retried = ExperimentAnswer.model_validate_json(api.post(f"{path}/retry").content)
    assert (retried.status, retried.runs.queued, retried.cancelled_at) == ("running", 3, None)
    lab.train_all()
    assert api.get(path).json()["status"] == "completed"
    deleted = api.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


def test_what_is_not_there_is_not_found(api):
    missing = uuid.uuid4()
    calls = {"": ("GET", "DELETE"), "/cancel": ("POST",), "/retry": ("POST",)}
    for path, methods in (calls | {"/histories": ("GET",)}).items():
        for method in methods:
            answer = api.request(method, f"/v1/experiments/{missing}{path}")
            assert answer.status_code == 404, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert str(missing) in answer.json()["detail"]
            assert api.request(method, f"/v1/experiments/x{path}").status_code == 422


def _later(act, seconds=0.3):
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


def _train_what_comes(lab):
    """Train the runs of an experiment that is about to be submitted."""
    lab.train(wait_for(lab.claim, what="a run is queued"))
    lab.train_all()


def test_a_submission_can_wait_for_its_end(api, lab):
    worker = threading.Thread(target=_train_what_comes, args=[lab])
    worker.start()
    began = time.monotonic()
    answer = post(api, headers={"Prefer": "wait=30"})
    worker.join()
    assert time.monotonic() - began < 25
    assert (answer.status_code, answer.json()["status"]) == (201, "completed")
    assert answer.json()["progress"] == 1
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.headers["location"] == answer.json()["links"]["self"]


def test_a_wait_ends_with_the_experiment_or_with_its_time(api, lab):
    path = f"/v1/experiments/{submitted(api)}"
    answer = api.get(path, headers={"Prefer": "wait=1"})
    assert (answer.json()["status"], answer.headers["preference-applied"]) == ("queued", "wait=1")
    timer = _later(lab.train_all)
    began = time.monotonic()
    answer = api.get(path, headers={"Prefer": "wait=30"})
    timer.join()
    assert answer.json()["status"] == "completed"
    assert time.monotonic() - began < 25
    missing = api.get(f"/v1/experiments/{uuid.uuid4()}", headers={"Prefer": "wait=30"})
    assert missing.status_code == 404


def test_an_unchanged_experiment_is_not_sent_again(api, lab):
    path = f"/v1/experiments/{submitted(api)}"
    first = api.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    condition = {"If-None-Match": first.headers["etag"]}
    assert api.get(path, headers=condition).status_code == 304
    lab.train(lab.taken())
    assert api.get(path, headers=condition).status_code == 200


def _bells(settings, device):
    with redis.Redis.from_url(settings.redis_url) as client:
        return client.llen(queue_name(device))


def test_a_submission_rings_and_so_does_a_retry(api, settings):
    def submit():
        spec = SPEC | {"device": "cpu"}
        return post(api, spec, headers={"Idempotency-Key": "one"}).headers["location"]

    path = submit()
    assert (_bells(settings, "cpu"), _bells(settings, "cuda")) == (1, 0)
    _silence(settings)
    assert submit() == path
    assert _bells(settings, "cpu") == 0  # a replay is no news
    api.post(f"{path}/cancel")
    api.post(f"{path}/retry")
    assert _bells(settings, "cpu") == 1


def _silence(settings):
    with redis.Redis.from_url(settings.redis_url) as client:
        client.flushall()


def test_a_submission_does_not_need_redis(settings):
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with serving(away) as served:
        began = time.monotonic()
        assert post(served.client).status_code == 201
        assert time.monotonic() - began < 10
