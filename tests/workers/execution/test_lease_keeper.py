"""Steps that take longer than a lease: the run is kept, a cancel is heard, a hang is not kept."""

import threading
import time

import pytest
from sqlalchemy import text

from service.runs import endings, leases
from tests.support.processes import wait_for
from workers.execution import lease_keeper
from workers.execution.lease_keeper import LeaseKeeper
from workers.execution.recorder import NoneLeftError, Progress, Recorder
from workers.training.solo import SoloTraining

#: A lease that a busy machine does not let run out by itself.
QUICK = {"lease_seconds": 4.0, "renew_seconds": 0.1}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(lease_keeper, "_LATE_SECONDS", 0.1)


@pytest.fixture
def silent(sessions, settings, submitted, claim):
    """A recorder whose training is silent from now on, its claim, and its settings."""

    def silent(**changed):
        submitted(epochs=3)
        claimed = claim()
        quick = settings.model_copy(update={**QUICK, **changed})
        recorder = Recorder(sessions, [claimed], quick, lambda: False)
        recorder.pulse({claimed.run_id: Progress(2, 0.25)})
        return recorder, claimed, quick

    return silent


def test_a_lease_is_kept_while_the_training_is_silent(silent, sessions, look):
    recorder, claim, settings = silent()
    with LeaseKeeper(sessions, recorder, settings, None):
        until = time.monotonic() + 1.5 * settings.lease_seconds
        while time.monotonic() < until:
            with sessions() as session:
                assert leases.expired(session) == []
            time.sleep(0.05)
    kept = look.run(claim.run_id).lease_expires_at
    time.sleep(0.5)
    assert look.run(claim.run_id).lease_expires_at == kept, "nothing is kept after the end"


def test_a_run_with_steps_longer_than_its_lease_is_trained(
    submitted, train, look, monkeypatch, sessions
):
    """Such a run was lost three times, and had failed, while it trained."""
    step = SoloTraining.train_step
    expired = []

    def slow_step(training, samples):
        step(training, samples)
        time.sleep(QUICK["lease_seconds"] + 1.0)
        with sessions() as session:
            expired.extend(leases.expired(session))

    monkeypatch.setattr(SoloTraining, "train_step", slow_step)
    small = {"name": "digits", "train_size": 64, "test_size": 32}
    run_id = submitted(epochs=1, dataset=small, batch_size=32)
    assert train(**QUICK) == "completed"
    assert expired == []
    assert look.outcomes(run_id) == ["completed"]


def test_a_cancel_is_heard_during_a_step(silent, sessions, session, look):
    recorder, claim, settings = silent()
    with LeaseKeeper(sessions, recorder, settings, None):
        endings.cancel(session, claim.run_id)
        wait_for(lambda: look.run(claim.run_id).status == "cancelled", what="it is cancelled")
        with pytest.raises(NoneLeftError):
            recorder.pulse({claim.run_id: Progress(2, 0.5)})
    assert recorder.outcomes == {claim.run_id: "cancelled"}
    assert look.outcomes(claim.run_id) == ["cancelled"]


def test_a_step_whose_runs_were_all_cancelled_ends_with_its_process(
    silent, sessions, session, monkeypatch
):
    monkeypatch.setattr(lease_keeper, "_USELESS_SECONDS", 0.5)
    recorder, claim, settings = silent()
    abandoned = threading.Event()
    with LeaseKeeper(sessions, recorder, settings, abandoned.set):
        assert not abandoned.wait(1.0), "its run still trains"
        endings.cancel(session, claim.run_id)
        assert abandoned.wait(20)


def test_a_training_that_hangs_is_given_back(silent, sessions, look):
    recorder, claim, settings = silent(step_seconds=0.5)
    abandoned = threading.Event()
    with LeaseKeeper(sessions, recorder, settings, abandoned.set):
        assert abandoned.wait(20)
    run = look.run(claim.run_id)
    assert (run.status, run.failures, run.lease_expires_at) == ("queued", 1, None)
    assert look.outcomes(claim.run_id) == ["error"]
    (attempt,) = look.attempts(claim.run_id)
    assert "took longer than 0.5 s (ACTINIUM_STEP_SECONDS)" in attempt.reason


def test_a_training_that_waits_for_postgres_does_not_hang(silent, sessions, look):
    recorder, claim, settings = silent(step_seconds=1.0)
    abandoned = threading.Event()
    with sessions() as other, LeaseKeeper(sessions, recorder, settings, abandoned.set):
        other.execute(text("SELECT FROM runs WHERE id = :id FOR UPDATE"), {"id": claim.run_id})
        threading.Timer(3.0, other.rollback).start()
        time.sleep(settings.renew_seconds)
        began = time.monotonic()
        recorder.pulse({claim.run_id: Progress(2, 0.5)})
        assert time.monotonic() - began > 2, "it waited for the row"
        assert not abandoned.is_set()
    assert look.run(claim.run_id).status == "running"
