"""``Prefer: wait=N``: an answer once it has finished, or when the time is over."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session, sessionmaker

from service.api.web import waiting as waiting_module
from service.api.web.waiting import preferred_wait
from service.events import hub
from service.runs import claims, endings, recording
from service.runs.recording import EpochRecord
from service.settings import Settings
from tests.support.processes import wait_for
from tests.support.served_api import Served, serving
from tests.support.small_experiments import submit

METRICS = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7}


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=0", 0),
        ("wait=17", 17),
        ("wait=61", 60),
        ("respond-async, wait=3", 3),
        ('wait="3"; foo=bar', 3),
        ("WAIT = 3", 3),
        ("wait=3, wait=4", 3),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=1e3", None),
        ("wait=\u0663", None),
        ("wait", None),
        ("waiting=5", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_well_formed_wait_counts(prefer: str | None, seconds: float | None) -> None:
    assert preferred_wait(prefer) == seconds


def _checked_out(served: Served) -> int:
    return int(served.app.state.engine.pool.checkedout())


def test_waiting_ends_promptly_and_holds_no_connection(
    session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    run_ids = submit(session, settings, epochs=1)
    with serving(settings) as served, ThreadPoolExecutor(60) as pool:
        began = time.monotonic()
        waiting = [
            pool.submit(served.client.get, f"/v1/runs/{run_ids[0]}", headers={"Prefer": "wait=30"})
            for _ in range(60)  # more than there are threads or connections
        ]
        wait_for(lambda: _followers(served) == 60, what="all wait")
        wait_for(lambda: _checked_out(served) == 0, what="nobody holds a connection")
        assert served.client.get("/v1/experiments").status_code == 200
        with sessions() as writer:
            engine = {"device": "cpu"}
            (claim,) = claims.claim(writer, worker="w", engine=engine, settings=settings)
            recording.record_epochs(writer, [EpochRecord(claim, 1, METRICS, "completed")], settings)
        answers = [future.result() for future in waiting]
        assert time.monotonic() - began < 25
    assert {answer.json()["status"] for answer in answers} == {"completed"}
    assert {answer.headers["preference-applied"] for answer in answers} == {"wait=30"}


def _followers(served: Served) -> int:
    return served.app.state.hub.count_followers()


def test_a_wake_up_ends_a_wait_and_not_the_next_look(
    session: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 600.0)
    monkeypatch.setattr(waiting_module, "RECHECK_SECONDS", 600.0)
    with serving(settings) as served, ThreadPoolExecutor() as pool:
        for _ in range(3):
            (run_id,) = submit(session, settings, epochs=1)
            waiting = pool.submit(
                served.client.get, f"/v1/runs/{run_id}", headers={"Prefer": "wait=30"}
            )
            wait_for(lambda: _followers(served) == 1, what="it waits")
            endings.cancel(session, run_id)
            # Without a wake-up the wait lasts its 30 seconds.
            assert waiting.result(timeout=20).json()["status"] == "cancelled"


def test_waiting_ends_when_its_time_is_over(session: Session, settings: Settings) -> None:
    (run_id,) = submit(session, settings, epochs=1)
    with serving(settings) as served:
        began = time.monotonic()
        response = served.client.get(f"/v1/runs/{run_id}", headers={"Prefer": "wait=1"})
        seconds = time.monotonic() - began
        absent = served.client.get(f"/v1/runs/{uuid.uuid4()}", headers={"Prefer": "wait=30"})
    assert response.json()["status"] == "queued"
    assert 1 <= seconds < 20
    assert absent.status_code == 404
