"""The scheduler's turns on a real Postgres and a real Redis."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
import redis
from sqlalchemy import func, insert, select, update
from structlog.testing import capture_logs

from service.database.tables import Event, IdempotencyKey, Worker
from service.liveness import mark_alive
from service.operations.scheduler import Scheduler
from service.runs.doorbell import queue_name
from tests.support.paths import ROOT
from tests.support.processes import environment


@pytest.fixture
def scheduler(settings):
    """A scheduler that takes turns when asked to."""
    created = Scheduler(settings)
    yield created
    created.close()


@pytest.fixture
def messages(settings):
    """Count the messages that wait for CPU workers."""
    with redis.Redis.from_url(settings.redis_url) as client:
        yield lambda: client.llen(queue_name("cpu"))


def test_a_lost_run_is_requeued_and_its_worker_woken(scheduler, lab, messages):
    lab.submit()
    claim = lab.taken("one")
    scheduler.turn()
    assert lab.run(claim.run_id).status == "running"
    assert messages() == 0
    lab.expire(claim)
    scheduler.turn()
    run = lab.run(claim.run_id)
    assert (run.status, run.failures) == ("queued", 1)
    assert lab.attempts(run.id) == [(1, "lost", "Worker one gave no sign of life for 4 s.")]
    assert messages() == 1


def test_ringing_again_and_again_leaves_one_message(scheduler, lab, messages):
    lab.submit()
    for _ in range(3):
        scheduler.turn()
    assert messages() == 1


def test_a_flushed_redis_is_rung_again(scheduler, lab, messages, settings):
    lab.submit()
    scheduler.turn()
    with redis.Redis.from_url(settings.redis_url) as client:
        client.flushall()
    scheduler.turn()
    assert messages() == 1


def test_many_schedulers_take_a_run_back_once(settings, lab):
    experiment_id = lab.submit(seeds=5)
    claims = [lab.taken() for _ in range(5)]
    for claim in claims:
        lab.expire(claim)
    together = threading.Barrier(4)
    failures = []

    def take_turn():
        scheduler = Scheduler(settings)
        together.wait()
        try:
            scheduler.turn()
        except Exception as error:  # it shall fail the test, not the thread
            failures.append(error)
        scheduler.close()

    threads = [threading.Thread(target=take_turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    events = lab.events(experiment_id)
    for claim in claims:
        assert lab.run(claim.run_id).failures == 1
        assert [outcome for _, outcome, _ in lab.attempts(claim.run_id)] == ["lost"]
        assert events.count(("run.requeued", claim.run_id)) == 1


def test_old_events_go_where_nothing_happens_any_more(scheduler, lab, session, settings):
    ended = lab.submit(epochs=1)
    lab.train_all()
    waiting = lab.submit(activation="tanh")
    with session.begin():
        long_ago = func.now() - timedelta(days=settings.event_retention_days + 1)
        session.execute(update(Event).values(created_at=long_ago))
        session.execute(insert(Event).values(experiment_id=ended, type="recent", data={}))
    scheduler.turn()
    kept = {(event.experiment_id, event.type) for event in session.scalars(select(Event)).all()}
    assert kept == {(ended, "recent"), (waiting, "experiment.created")}


def test_expired_keys_and_vanished_workers_are_deleted(scheduler, session):
    with session.begin():
        for name, days in (("old", 2), ("new", 0)):
            seen = func.now() - timedelta(days=days)
            session.execute(insert(Worker).values(name=name, device="cpu", seen_at=seen))
            session.execute(
                insert(IdempotencyKey).values(
                    caller="test",
                    key=name,
                    fingerprint=b"",
                    experiment_id=func.gen_random_uuid(),
                    response=b"",
                    expires_at=seen + timedelta(hours=1),
                )
            )
    scheduler.turn()
    assert session.scalars(select(Worker.name)).all() == ["new"]
    assert session.scalars(select(IdempotencyKey.key)).all() == ["new"]


def test_an_outage_is_logged_once_and_waited_out(settings):
    """Nothing answers at this address; the loop continues and logs it once."""
    nowhere = settings.model_copy(
        update={
            "database_url": "postgresql://postgres@127.0.0.1:1/none",
            "sweep_seconds": 0.01,
        }
    )
    scheduler, stop, sign = Scheduler(nowhere), threading.Event(), nowhere.home / "alive/scheduler"
    with capture_logs() as logs:
        thread = threading.Thread(target=scheduler.run, args=(stop,))
        thread.start()
        marks = set()
        deadline = time.monotonic() + 20
        while len(marks) < 4 and time.monotonic() < deadline:
            if sign.exists():
                marks.add(sign.stat().st_mtime_ns)
        stop.set()
        thread.join()
    scheduler.close()
    assert len(marks) == 4  # the loop continues
    assert [entry["event"] for entry in logs] == ["Postgres is away; trying again until it is back"]


def test_redis_away_does_not_keep_runs_from_being_taken_back(settings, lab):
    lab.submit()
    claim = lab.taken()
    lab.expire(claim)
    scheduler = Scheduler(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    with capture_logs() as logs:
        scheduler.turn()
        scheduler.turn()
    scheduler.close()
    assert lab.run(claim.run_id).status == "queued"
    assert sum("Redis is away" in entry["event"] for entry in logs) == 1


def test_a_health_check_distinguishes_a_living_scheduler_from_a_dead_one(settings):
    def check():
        command = [sys.executable, "-m", "service.operations.scheduler", "--check"]
        return subprocess.run(
            command, cwd=ROOT, env=environment(settings), capture_output=True, check=False
        ).returncode

    assert check() == 1
    mark_alive(settings, "scheduler")
    assert check() == 0
