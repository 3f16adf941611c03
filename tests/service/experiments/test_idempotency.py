"""Idempotency-Key over HTTP: sent again, answered again, done once."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from service.database.tables import Experiment, IdempotencyKey
from service.experiments import idempotency, submission
from service.experiments.idempotency import KEY_PATTERN, InFlightError, KeyedRequest
from service.specs.spec import ExperimentSpec

SPEC = {"activation": "relu", "epochs": 2, "seeds": 3}


def post(api, key, spec=SPEC, *, headers=None, **request):
    headers = {"Idempotency-Key": key} | (headers or {})
    return api.post("/v1/experiments", json=spec, headers=headers, **request)


def count_experiments(lab):
    with lab.sessions() as session:
        return session.scalar(select(func.count()).select_from(Experiment))


def test_twenty_clients_with_one_key_make_one_experiment(api, lab):
    together = threading.Barrier(20)

    def submit(_):
        with httpx.Client(base_url=api.base_url, timeout=30) as client:
            together.wait()
            return post(client, "one")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(submit, range(20)))
    assert count_experiments(lab) == 1
    made = [each for each in answers if each.status_code == 201]
    assert {each.status_code for each in answers} <= {201, 409}
    assert [each for each in made if "idempotency-replayed" not in each.headers] != []
    assert len({each.content for each in made}) == 1
    for each in answers:
        if each.status_code == 409:
            assert each.json()["type"].endswith("request-in-flight")
            assert int(each.headers["retry-after"]) >= 1
    again = post(api, "one")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.content == made[0].content
    assert again.headers["location"] == made[0].headers["location"]
    assert count_experiments(lab) == 1


def test_a_replay_is_the_stored_answer_whatever_happened_since(api, lab):
    first = post(api, "one")
    lab.train_all()
    assert api.get(first.headers["location"]).json()["status"] == "completed"
    again = post(api, "one", params={})
    assert again.content == first.content
    assert again.json()["status"] == "queued"


def test_a_replay_that_waits_is_answered_as_it_is_after_the_wait(api, lab):
    first = post(api, "one")
    lab.train_all()
    again = post(api, "one", headers={"Prefer": "wait=1"})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["preference-applied"] == "wait=1"
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["status"] == "completed"


def test_a_replay_says_that_its_experiment_was_deleted(api, lab):
    first = post(api, "one")
    lab.train_all()
    assert api.delete(first.headers["location"]).status_code == 204
    for headers in ({}, {"Prefer": "wait=1"}):
        again = post(api, "one", headers=headers)
        assert again.status_code == 410
        assert again.json()["type"].endswith("gone")
        assert first.json()["id"] in again.json()["detail"]
    assert post(api, "two").status_code == 201


def test_a_key_that_comes_with_another_request_is_refused(api, lab):
    post(api, "one")
    for other in (
        post(api, "one", SPEC | {"epochs": 3}),
        api.post(
            "/v1/experiments",
            content=b'{"activation":"relu", "epochs":2, "seeds":3}',
            headers={"Idempotency-Key": "one", "Content-Type": "application/json"},
        ),
        post(api, "one", params={"limit": 5}),
    ):
        assert other.status_code == 422
        assert other.json()["type"].endswith("idempotency-key-reused")
    assert count_experiments(lab) == 1


def test_other_keys_and_no_key_make_other_experiments(api, lab):
    assert len({post(api, key).json()["id"] for key in ("a", "b", "A")}) == 3
    assert api.post("/v1/experiments", json=SPEC).status_code == 201
    assert count_experiments(lab) == 4


def test_a_refused_request_leaves_its_key_free(api, lab):
    assert post(api, "one", SPEC | {"batch_size": 60_001}).status_code == 422
    assert post(api, "one").status_code == 201
    assert count_experiments(lab) == 1


def test_a_dry_run_takes_no_notice_of_a_key(api, lab):
    for _ in range(2):
        answer = post(api, "one", params={"dry_run": True})
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers
    assert post(api, "one", SPEC | {"epochs": 1}).status_code == 201


def test_a_key_is_printable_ascii_of_a_bearable_length(api, lab):
    for key in ("", "x" * 256, b"\xe9t\xe9", b"a\tb"):
        answer = post(api, key)
        assert answer.status_code == 422
        assert "printable ASCII" in answer.text
    assert count_experiments(lab) == 0
    for key in ("x", "x" * 255, "with space and ~!"):
        assert post(api, key).status_code == 201
        assert post(api, key).headers["idempotency-replayed"] == "true"


def _request(caller="c", key="k", body=b"{}"):
    return KeyedRequest(caller, key, hashlib.sha256(body).digest())


def _submit(lab, session, request):
    return submission.submit(
        session,
        ExperimentSpec.model_validate(SPEC),
        caller="test",
        settings=lab.settings,
        request=request,
    )


def test_while_a_request_is_in_flight_its_twin_is_turned_away(lab):
    with lab.sessions() as one, lab.sessions() as two:
        with one.begin():
            assert idempotency.recall(one, _request()) is None
            with pytest.raises(InFlightError), two.begin():
                idempotency.recall(two, _request())
            with two.begin():
                assert idempotency.recall(two, _request(key="other")) is None
        made = _submit(lab, two, _request())
        assert not made.replayed
        with one.begin():
            stored = idempotency.recall(one, _request())
            assert stored.response == made.experiment.to_json()


def test_keys_are_the_callers_own(lab):
    with lab.sessions() as session:
        made = [_submit(lab, session, _request(caller)) for caller in ("a", "b", "a")]
    assert [each.replayed for each in made] == [False, False, True]
    assert made[0].experiment == made[2].experiment
    assert made[0].experiment.id != made[1].experiment.id


def test_a_failed_submission_stores_neither_experiment_nor_key(lab):
    lab.execute("ALTER TABLE events ADD CONSTRAINT no_room CHECK (false) NOT VALID")
    with lab.sessions() as session, pytest.raises(IntegrityError):
        _submit(lab, session, _request())
    assert count_experiments(lab) == 0
    lab.execute("ALTER TABLE events DROP CONSTRAINT no_room")
    with lab.sessions() as session:
        assert not _submit(lab, session, _request()).replayed


def test_an_expired_key_is_free_again_and_is_purged(lab):
    with lab.sessions() as session:
        first = _submit(lab, session, _request())
        kept = _submit(lab, session, _request(key="kept"))
        lab.execute("UPDATE idempotency_keys SET expires_at = now() WHERE key = 'k'")
        second = _submit(lab, session, _request(body=b"another"))
        assert not second.replayed
        assert second.experiment.id != first.experiment.id
        assert _submit(lab, session, _request(body=b"another")).replayed
        lab.execute("UPDATE idempotency_keys SET expires_at = now() WHERE key = 'k'")
        assert idempotency.purge(session) == 1
        assert idempotency.purge(session) == 0
        left = session.scalars(select(IdempotencyKey.experiment_id)).all()
    assert left == [kept.experiment.id]


def test_a_key_is_remembered_for_as_long_as_is_set(lab):
    lab.settings = lab.settings.model_copy(update={"idempotency_hours": 2.0})
    with lab.sessions() as session:
        _submit(lab, session, _request())
        hours = session.scalar(
            select(func.extract("epoch", IdempotencyKey.expires_at - func.now()) / 3600)
        )
    assert 1.9 < hours <= 2.0


def test_the_pattern_of_keys_is_the_one_described(api):
    described = api.get("/openapi.json").json()["paths"]["/v1/experiments"]["post"]["parameters"]
    (key,) = [each for each in described if each["name"].lower() == "idempotency-key"]
    assert key["schema"]["anyOf"][0]["pattern"] == KEY_PATTERN


def test_an_answer_that_an_older_version_stored_is_replayed_as_it_was(api, lab):
    """It stored the rendered answer: links beside the experiment's own fields, and no forecast."""
    for path, spec in (
        ("/v1/experiments", SPEC | {"tags": {"b": "1", "a": "2"}}),
        ("/v1/presets/block_initializers/experiments", {"size": "small", "epochs": 0}),
    ):
        key = {"Idempotency-Key": path}
        first = api.post(path, json=spec, headers=key)
        with lab.sessions.begin() as session:
            stored = session.scalars(select(IdempotencyKey).where(IdempotencyKey.key == path)).one()
            stored.response = first.content
        again = api.post(path, json=spec, headers=key)
        assert again.headers["idempotency-replayed"] == "true"
        no_forecast = {"eta_seconds": None, "eta_range": None, "waits": None}
        assert again.json() == first.json() | no_forecast
