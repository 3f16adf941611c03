"""What the client asks again, what it does not, and what that never does twice."""

import time
import uuid

import pytest
from sqlalchemy import func, select

from actinium import ApiError, Client, Retries, UnreachableError
from service.database.tables import Experiment
from tests.support.http_peers import Answer, Relay, Scripted

PROBLEM = {"Content-Type": "application/problem+json"}
AWAY = Answer(503, b'{"title": "Temporarily unavailable", "detail": "Away."}', PROBLEM)
QUICK = Retries(first_pause=0.02, longest_pause=0.05)


def _count(lab) -> int:
    with lab.sessions() as session:
        return session.scalar(select(func.count()).select_from(Experiment))


def test_an_answer_that_is_away_for_a_moment_is_asked_for_again():
    with (
        Scripted([AWAY, AWAY, Answer(200, b'{"id": "x"}')]) as server,
        Client(server.url, retries=QUICK) as client,
    ):
        assert client.experiment("x") == {"id": "x"}
    assert [path for _, path, _ in server.asked] == ["/v1/experiments/x"] * 3


def test_retry_after_is_honoured():
    answers = [Answer(429, b"{}", {"Retry-After": "1"}), Answer(200, b'{"id": "x"}')]
    with Scripted(answers) as server, Client(server.url, retries=QUICK) as client:
        began = time.monotonic()
        client.experiment("x")
        assert time.monotonic() - began >= 1.0


def test_a_long_retry_after_is_left_to_the_user():
    limited = Answer(429, b'{"detail": "Wait 3600 s."}', {"Retry-After": "3600"})
    with Scripted([limited]) as server, Client(server.url, retries=QUICK) as client:
        with pytest.raises(ApiError, match="Wait 3600 s"):
            client.experiment("x")
        assert len(server.asked) == 1


def test_attempts_end_and_the_last_answer_is_told():
    with Scripted([AWAY]) as server, Client(server.url, retries=QUICK) as client:
        with pytest.raises(ApiError, match="Away") as failure:
            client.experiment("x")
        assert failure.value.status == 503
        assert len(server.asked) == QUICK.attempts


def test_a_request_that_might_be_done_twice_is_sent_once():
    with Scripted([AWAY]) as server, Client(server.url, retries=QUICK) as client:
        with pytest.raises(ApiError):
            client.retry("x")
        assert len(server.asked) == 1


def test_a_refusal_is_not_asked_for_again():
    with Scripted([Answer(404)]) as server, Client(server.url, retries=QUICK) as client:
        with pytest.raises(ApiError, match="answered 404"):
            client.experiment("x")
        assert len(server.asked) == 1


def test_something_else_at_the_address_is_told():
    page = Answer(200, b"<html>", {"Content-Type": "text/html"})
    with (
        Scripted([page]) as server,
        Client(server.url) as client,
        pytest.raises(Exception, match="is Actinium there"),
    ):
        client.experiment("x")


def test_a_redirect_is_told_with_where_it_leads():
    moved = Answer(301, b"", {"Location": "https://actinium.example/"})
    with (
        Scripted([moved]) as server,
        Client(server.url) as client,
        pytest.raises(ApiError, match=r"leads to https://actinium\.example/; give the address"),
    ):
        client.experiment("x")


@pytest.mark.parametrize("body", [b'{"errors": ["no"]}', b'{"errors": {"a": 1}}', b'["no"]', b"no"])
def test_an_error_of_something_else_is_an_error_all_the_same(body):
    with Scripted([Answer(403, body)]) as server, Client(server.url) as client:
        with pytest.raises(ApiError, match="answered 403 without") as refused:
            client.experiment("x")
        assert refused.value.errors == []


def test_every_submission_has_a_key_of_its_own_that_its_repetitions_share():
    with (
        Scripted([AWAY, Answer(201, b'{"id": "x"}')]) as server,
        Client(server.url, retries=QUICK) as client,
    ):
        client.submit(activation="relu")
        client.submit(activation="relu")
        client.submit(activation="relu", idempotency_key="mine")
    keys = [headers["idempotency-key"] for _, _, headers in server.asked]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == "mine"
    assert uuid.UUID(keys[2])


def test_a_submission_whose_answer_is_lost_is_made_once(served, lab):
    with Relay(served.url) as relay, Client(relay.url, retries=QUICK) as client:
        relay.swallow = 2
        made = client.submit(activation="relu", epochs=1, seeds=3)
        assert relay.swallow == 0
    assert _count(lab) == 1
    assert lab.progress(uuid.UUID(made["id"])).runs["total"] == 3


def test_a_cut_connection_is_no_answer_in_the_end(served):
    with (
        Relay(served.url) as relay,
        Client(relay.url, retries=Retries(attempts=2, first_pause=0.01)) as client,
    ):
        relay.swallow = 100
        with pytest.raises(UnreachableError, match="No answer from"):
            client.experiment(uuid.uuid4())
        assert relay.swallow == 98


def test_a_download_that_breaks_off_begins_again_and_leaves_no_half(tmp_path):
    short = Answer(200, b"run_id,epoch\nhalf", {"Content-Length": "1000"})
    whole = Answer(200, b"run_id,epoch\nwhole,1\n")
    with Scripted([short, whole]) as server, Client(server.url, retries=QUICK) as client:
        path = client.export("x", tmp_path / "histories.csv")
        assert path.read_bytes() == whole.body
    with (
        Scripted([short]) as server,
        Client(server.url, retries=QUICK) as client,
        pytest.raises(UnreachableError),
    ):
        client.export("x", tmp_path / "other.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["histories.csv"]


def test_a_wait_outlives_a_service_that_is_away_for_longer():
    running = b'{"id": "x", "status": "running"}'
    answers = [
        Answer(200, running),
        *[AWAY] * 10,
        Answer(200, running.replace(b"running", b"failed")),
    ]
    with Scripted(answers) as server, Client(server.url, retries=QUICK) as client:
        assert client.wait("x", progress=False)["status"] == "failed"
    assert len(server.asked) == 12
    prefer = [headers.get("prefer") for _, _, headers in server.asked]
    assert prefer[0] is None
    assert prefer[1].startswith("wait=")
