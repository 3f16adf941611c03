"""The database recorder between two epochs, and what it does with a word that comes twice."""

import time

import pytest
from structlog.testing import capture_logs

from service.database.engine import create_database_engine, session_factory
from service.runs import endings
from workers.execution.recorder import (
    DatabaseRecorder,
    NoneLeftError,
    Place,
    Row,
    WorkerStoppingError,
)

METRICS = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.25}


@pytest.fixture
def recorder(sessions, settings, submitted, claim):
    """A recorder of a fresh claim on a run of three epochs, and the claim."""

    def recorder(stopping=lambda: False, sessions=sessions, **changed):
        submitted(epochs=3)
        held = claim()
        changed = settings.model_copy(update=changed)
        return DatabaseRecorder(sessions, [held], changed, stopping), held

    return recorder


def test_the_lease_is_renewed_at_most_every_renew_seconds(recorder, look):
    recorder, held = recorder(renew_seconds=0.2)
    claimed = look.run(held.run_id).lease_expires_at
    recorder.pulse({0: Place(1, 0.1)})
    assert look.run(held.run_id).lease_expires_at == claimed
    time.sleep(0.2)
    recorder.pulse({0: Place(1, 0.2)})
    renewed = look.run(held.run_id).lease_expires_at
    assert renewed > claimed
    recorder.pulse({0: Place(1, 0.3)})
    assert look.run(held.run_id).lease_expires_at == renewed


def test_an_epoch_renews_the_lease_too(recorder, look):
    recorder, held = recorder(renew_seconds=60)
    claimed = look.run(held.run_id).lease_expires_at
    recorder.epochs({0: Row(1, METRICS, None)})
    assert look.run(held.run_id).lease_expires_at > claimed


def test_a_cancel_is_noticed_by_pulse_and_epoch(recorder, session):
    by_pulse, held = recorder(renew_seconds=0.0)
    endings.cancel(session, held.run_id)
    with pytest.raises(NoneLeftError):
        by_pulse.pulse({0: Place(1, 0.5)})
    by_epoch, held = recorder(renew_seconds=60)
    endings.cancel(session, held.run_id)
    with pytest.raises(NoneLeftError):
        by_epoch.epochs({0: Row(1, METRICS, None)})


def test_a_cancel_that_comes_with_the_last_epoch_is_too_late(recorder, session, look):
    recorder, held = recorder()
    recorder.epochs({0: Row(1, METRICS, None)})
    recorder.epochs({0: Row(2, METRICS, None)})
    endings.cancel(session, held.run_id)
    recorder.epochs({0: Row(3, METRICS, "completed")})
    assert look.run(held.run_id).status == "completed"


def test_a_stop_lets_an_epoch_be_recorded_first(recorder, look):
    recorder, held = recorder(stopping=lambda: True)
    with pytest.raises(WorkerStoppingError):
        recorder.epochs({0: Row(1, METRICS, None)})
    assert look.run(held.run_id).epoch == 1
    with pytest.raises(WorkerStoppingError):
        recorder.pulse({0: Place(2, 0.5)})


def test_an_epoch_recorded_twice_by_its_attempt_is_recorded_once(recorder, look):
    recorder, held = recorder()
    recorder.epochs({0: Row(1, METRICS, None)})
    recorder.epochs({0: Row(1, METRICS, None)})
    assert [row[0] for row in look.history(held.run_id)] == [1]
    assert look.events(held.run_id) == ["run.started", "run.epoch"]


def test_a_repeated_epoch_still_tells_of_a_cancel(recorder, session):
    recorder, held = recorder(renew_seconds=60)
    recorder.epochs({0: Row(1, METRICS, None)})
    endings.cancel(session, held.run_id)
    with pytest.raises(NoneLeftError):
        recorder.epochs({0: Row(1, METRICS, None)})


def test_a_repeated_epoch_of_a_run_taken_back_is_lost(recorder, session, settings):
    recorder, held = recorder()
    recorder.epochs({0: Row(1, METRICS, None)})
    endings.release(session, [held], "It was given back.", settings)
    with pytest.raises(NoneLeftError):
        recorder.epochs({0: Row(1, METRICS, None)})


def test_an_epoch_out_of_order_is_refused(recorder, look):
    recorder, held = recorder()
    with pytest.raises(NoneLeftError):
        recorder.epochs({0: Row(2, METRICS, None)})
    assert look.history(held.run_id) == []


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
    recorder, held = recorder(sessions=sessions, renew_seconds=0.0)
    with capture_logs() as logs:
        recorder.pulse({0: Place(1, 0.1)})
        recorder.pulse({0: Place(1, 0.2)})
    assert [each["event"] for each in logs] == ["Postgres is away; trying again until it is back"]
    assert look.run(held.run_id).status == "running"


def test_an_epoch_waits_until_postgres_is_back(recorder, away, engine, look):
    sessions, tries = session_factory(away), []

    def comes_back():
        tries.append(look.history(held.run_id))
        if len(tries) == 3:
            sessions.configure(bind=engine)
        return False

    recorder, held = recorder(sessions=sessions, stopping=comes_back)
    recorder.epochs({0: Row(1, METRICS, "completed")})
    assert tries == [[], [], []]
    assert [row[0] for row in look.history(held.run_id)] == [1]
