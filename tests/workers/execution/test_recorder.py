"""The recorder between two epochs, and what it does with an epoch that it is given twice."""

import time

import pytest
from structlog.testing import capture_logs

from service.database.engine import create_database_engine, session_factory
from service.runs import endings
from service.runs.recording import EpochRecord
from workers.execution.recorder import NoneLeftError, Progress, Recorder, WorkerStoppingError

METRICS = {
    "loss": 1.0,
    "accuracy": 0.5,
    "val_loss": 1.5,
    "val_accuracy": 0.25,
    "epoch_seconds": 0.1,
}


@pytest.fixture
def recorder(sessions, settings, submitted, claim):
    """A recorder of a fresh claim on a run of three epochs, and the claim."""

    def recorder(stopping=lambda: False, sessions=sessions, **changed):
        submitted(epochs=3)
        claimed = claim()
        changed = settings.model_copy(update=changed)
        return Recorder(sessions, [claimed], changed, stopping), claimed

    return recorder


def test_the_lease_is_renewed_at_most_every_renew_seconds(recorder, look):
    recorder, claim = recorder(renew_seconds=0.2)
    at_claim = look.run(claim.run_id).lease_expires_at
    recorder.pulse({claim.run_id: Progress(1, 0.1)})
    assert look.run(claim.run_id).lease_expires_at == at_claim
    time.sleep(0.2)
    recorder.pulse({claim.run_id: Progress(1, 0.2)})
    renewed = look.run(claim.run_id).lease_expires_at
    assert renewed > at_claim
    recorder.pulse({claim.run_id: Progress(1, 0.3)})
    assert look.run(claim.run_id).lease_expires_at == renewed


def test_an_epoch_renews_the_lease_too(recorder, look):
    recorder, claim = recorder(renew_seconds=60)
    at_claim = look.run(claim.run_id).lease_expires_at
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    assert look.run(claim.run_id).lease_expires_at > at_claim


def test_a_cancel_is_noticed_by_pulse_and_epoch(recorder, session):
    by_pulse, claim = recorder(renew_seconds=0.0)
    endings.cancel(session, claim.run_id)
    with pytest.raises(NoneLeftError):
        by_pulse.pulse({claim.run_id: Progress(1, 0.5)})
    by_epoch, claim = recorder(renew_seconds=60)
    endings.cancel(session, claim.run_id)
    with pytest.raises(NoneLeftError):
        by_epoch.record_epochs([EpochRecord(claim, 1, METRICS)])


def test_a_cancel_that_comes_with_the_last_epoch_is_too_late(recorder, session, look):
    recorder, claim = recorder()
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    recorder.record_epochs([EpochRecord(claim, 2, METRICS)])
    endings.cancel(session, claim.run_id)
    recorder.record_epochs([EpochRecord(claim, 3, METRICS, "completed")])
    assert look.run(claim.run_id).status == "completed"


def test_a_stop_lets_an_epoch_be_recorded_first(recorder, look):
    recorder, claim = recorder(stopping=lambda: True)
    with pytest.raises(WorkerStoppingError):
        recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    assert look.run(claim.run_id).epoch == 1
    with pytest.raises(WorkerStoppingError):
        recorder.pulse({claim.run_id: Progress(2, 0.5)})


def test_an_epoch_recorded_twice_by_its_attempt_is_recorded_once(recorder, look):
    recorder, claim = recorder()
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    assert [row[0] for row in look.history(claim.run_id)] == [1]
    assert look.events(claim.run_id) == ["run.started", "run.epoch"]


def test_a_repeated_epoch_still_tells_of_a_cancel(recorder, session):
    recorder, claim = recorder(renew_seconds=60)
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    endings.cancel(session, claim.run_id)
    with pytest.raises(NoneLeftError):
        recorder.record_epochs([EpochRecord(claim, 1, METRICS)])


def test_a_repeated_epoch_of_a_run_taken_back_is_lost(recorder, session, settings):
    recorder, claim = recorder()
    recorder.record_epochs([EpochRecord(claim, 1, METRICS)])
    endings.release(session, [claim], "It was given back.", settings)
    with pytest.raises(NoneLeftError):
        recorder.record_epochs([EpochRecord(claim, 1, METRICS)])


def test_an_epoch_out_of_order_is_refused(recorder, look):
    recorder, claim = recorder()
    with pytest.raises(NoneLeftError):
        recorder.record_epochs([EpochRecord(claim, 2, METRICS)])
    assert look.history(claim.run_id) == []


@pytest.fixture
def away(settings):
    """An engine on a Postgres that does not answer."""
    engine = create_database_engine(
        settings.model_copy(update={"database_url": "postgresql://postgres@127.0.0.1:1/none"})
    )
    yield engine
    engine.dispose()


def test_a_pulse_does_not_wait_for_postgres(recorder, away, look):
    sessions = session_factory(away)
    recorder, claim = recorder(sessions=sessions, renew_seconds=0.0)
    with capture_logs() as logs:
        recorder.pulse({claim.run_id: Progress(1, 0.1)})
        recorder.pulse({claim.run_id: Progress(1, 0.2)})
    assert [line["event"] for line in logs] == ["Postgres is away; trying again until it is back"]
    assert look.run(claim.run_id).status == "running"


def test_an_epoch_waits_until_postgres_is_back(recorder, away, engine, look):
    sessions, tries = session_factory(away), []

    def comes_back():
        tries.append(look.history(claim.run_id))
        if len(tries) == 3:
            sessions.configure(bind=engine)
        return False

    recorder, claim = recorder(sessions=sessions, stopping=comes_back)
    recorder.record_epochs([EpochRecord(claim, 1, METRICS, "completed")])
    assert tries == [[], [], []]
    assert [row[0] for row in look.history(claim.run_id)] == [1]
