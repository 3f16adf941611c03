"""Epochs that share a transaction: that it can be seen in nothing else, whatever happens."""

import math
from types import SimpleNamespace

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from service.database.engine import create_database_engine, session_factory
from service.database.tables import Epoch, Event, Layers, Run
from service.runs import claims, endings, leases
from tests.support.layer_samples import SICK, insight
from tests.support.small_experiments import submit
from workers.execution import group_commit
from workers.execution.recorder import (
    DatabaseRecorder,
    NoneLeftError,
    Place,
    Row,
    WorkerStoppingError,
)

MLP = {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [8]}}

#: Epochs of next to no time, of a run that is packed.
BRIEF = MLP | {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "epochs": 12,
    "layer_statistics": {"every": 3, "samples": 32},
}


def metrics(epoch, member=0):
    return {
        "loss": 1 / epoch,
        "accuracy": 0.5,
        "val_loss": 1.5 + member,
        "val_accuracy": [0.3, math.nan, 0.7, 0.7, 0.2][epoch % 5] + member,
    }


@pytest.fixture
def patient(monkeypatch):
    """Let epochs wait for as long as they may."""
    monkeypatch.setattr(group_commit, "GROUP_SECONDS", 3600.0)


@pytest.fixture
def recorder(session, sessions, settings):
    """A recorder of fresh claims on a pack of so many new runs or what waits, and the claims."""

    def recorder(members=1, stopping=lambda: False, by=sessions, **changed):
        if members:
            submit(session, settings, **MLP, seeds=members, epochs=9)
        engine = {"device": "cpu", "torch": "2.13.0", "numpy": "2.4.0"}
        with sessions() as own:
            pack = claims.claim(own, worker="one", engine=engine, settings=settings)
        changed = settings.model_copy(update={"renew_seconds": 60} | changed)
        return DatabaseRecorder(by, pack, changed, stopping), pack

    return recorder


def lose(sessions, settings, run_id):
    """Let the lease of a first attempt run out and the scheduler take the run back."""
    with sessions() as session:
        with session.begin():
            session.execute(update(Run).where(Run.id == run_id).values(lease_expires_at=func.now()))
        assert leases.recover(session, run_id, 1, settings)


def told(sessions, pack):
    """All that is stored of some runs and can be compared between two experiments."""
    places = {held.run_id: member for member, held in enumerate(pack)}
    times = {"created_at", "started_at", "finished_at", "lease_expires_at"}
    left_out = {"id", "experiment_id"} | times

    def stored(session, table, *order):
        rows = session.scalars(select(table).where(table.run_id.in_(places)).order_by(*order)).all()
        names = [each.key for each in table.__table__.columns if each.key not in left_out]
        return [
            [places[row.run_id], *(repr(getattr(row, name)) for name in names if name != "run_id")]
            for row in rows
        ]

    with sessions() as session:
        of_runs = [
            {
                each.key: repr(getattr(session.get(Run, held.run_id), each.key))
                for each in Run.__table__.columns
                if each.key not in left_out
            }
            for held in pack
        ]
        tables = [stored(session, each, each.run_id, each.epoch) for each in (Epoch, Layers)]
        return of_runs, tables, stored(session, Event, Event.id)


def test_what_is_recorded_together_is_what_is_recorded_singly(
    recorder, sessions, monkeypatch, engine
):
    """Rows, layer statistics, diagnoses, the runs' own columns, and events in their order."""
    found, transactions, inserted = [], [], []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO epochs"):
            inserted.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    for seconds in (0.0, 3600.0):
        monkeypatch.setattr(group_commit, "GROUP_SECONDS", seconds)
        by, pack = recorder(3)
        inserted.clear()
        for epoch in range(1, 10):
            rows = {0: Row(epoch, metrics(epoch), "completed" if epoch == 9 else None)}
            if epoch <= 6:
                ending = "diverged" if epoch == 6 else None
                rows[1] = Row(epoch, metrics(epoch, 1), ending, insight(epoch))
            sick = insight(diagnosis=SICK) if epoch == 3 else insight()
            rows[2] = Row(epoch, metrics(epoch, -1), "completed" if epoch == 9 else None, sick)
            by.epochs(rows)
        assert by.outcomes == {0: "completed", 1: "diverged", 2: "completed"}
        found.append(told(sessions, pack))
        transactions.append(len(inserted))
    assert found[0] == found[1]
    assert [len(each) for each in found[0][1]] == [24, 15]
    # The first epoch, up to the end of one member, and up to that of the others.
    assert transactions == [9, 3]


def test_a_pulse_records_what_waits(patient, recorder, look):
    by, (held,) = recorder()
    for epoch in (1, 2, 3):
        by.epochs({0: Row(epoch, metrics(epoch), None)})
    assert look.run(held.run_id).epoch == 1
    by.pulse({0: Place(4, 0.5)})
    assert look.run(held.run_id).epoch == 3
    assert [row[0] for row in look.history(held.run_id)] == [1, 2, 3]


def test_an_epoch_with_a_checkpoint_is_recorded_at_once(patient, recorder, look):
    by, (held,) = recorder()
    by.epochs({0: Row(1, metrics(1), None)})
    by.epochs({0: Row(2, metrics(2), None)})
    by.epochs({0: Row(3, metrics(3), None, saved=True)})
    assert look.run(held.run_id).epoch == 3


def test_what_waits_is_recorded_before_a_worker_stops(patient, recorder, look):
    stop = iter([False, False, True])
    by, (held,) = recorder(stopping=lambda: next(stop))
    by.epochs({0: Row(1, metrics(1), None)})
    by.epochs({0: Row(2, metrics(2), None)})
    with pytest.raises(WorkerStoppingError):
        by.epochs({0: Row(3, metrics(3), None)})
    assert look.run(held.run_id).epoch == 3


@pytest.fixture
def away(settings):
    """An engine on a Postgres that does not answer."""
    url = "postgresql://postgres@127.0.0.1:1/none"
    engine = create_database_engine(settings.model_copy(update={"database_url": url}))
    yield engine
    engine.dispose()


def test_what_waits_when_postgres_goes_away_is_recorded_when_it_is_back(
    patient, recorder, look, engine, away
):
    by_engine, tries = session_factory(engine), []

    def comes_back():
        tries.append(None)
        if len(tries) == 6:
            by_engine.configure(bind=engine)
        return False

    by, (held,) = recorder(stopping=comes_back, by=by_engine)
    for epoch in (1, 2, 3):
        by.epochs({0: Row(epoch, metrics(epoch), None)})
    by_engine.configure(bind=away)
    by.pulse({0: Place(4, 0.1)})
    assert len(tries) == 6
    by.epochs({0: Row(4, metrics(4), "completed")})
    assert [row[0] for row in look.history(held.run_id)] == [1, 2, 3, 4]


def test_a_worker_that_stops_while_postgres_is_away_does_not_wait_for_ever(
    patient, recorder, look, session, sessions, settings, engine, away
):
    by_engine, stopping = session_factory(engine), iter([False] * 3)
    by, (held,) = recorder(
        stopping=lambda: next(stopping, True), by=by_engine, soft_shutdown_seconds=0.1
    )
    for epoch in (1, 2, 3):
        by.epochs({0: Row(epoch, metrics(epoch), None)})
    by_engine.configure(bind=away)
    with pytest.raises(OperationalError):
        by.pulse({0: Place(4, 0.1)})
    assert look.run(held.run_id).epoch == 1
    lose(sessions, settings, held.run_id)
    again, (held,) = recorder(members=0)
    assert (held.attempt, held.recorded_epochs) == (2, 1)
    again.epochs({0: Row(1, metrics(1), None)})
    for epoch in (2, 3):
        again.epochs({0: Row(epoch, metrics(epoch), None)})
    by_engine.configure(bind=engine)
    with pytest.raises(NoneLeftError):
        by.epochs({0: Row(4, metrics(4), None)})
    again.epochs({0: Row(4, metrics(4), "completed")})
    assert [row[0] for row in look.history(held.run_id)] == [1, 2, 3, 4]
    assert look.events(held.run_id).count("run.epoch") == 4


def test_a_member_that_lives_epochs_again_keeps_its_lease_beside_one_that_is_new(
    recorder, look, session, monkeypatch
):
    """What is recorded of the others is no sign of life of it."""
    first, (old,) = recorder()
    for epoch in (1, 2, 3):
        first.epochs({0: Row(epoch, metrics(epoch), None)})
    first.release("It was given back.")
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr("workers.execution.recorder.time", clock)
    by, pack = recorder(renew_seconds=1)
    assert [held.recorded_epochs for held in pack] == [3, 0]
    leases = [look.run(old.run_id).lease_expires_at]
    for epoch in (1, 2):
        clock.now += 0.6
        by.epochs({member: Row(epoch, metrics(epoch), None) for member in (0, 1)})
        leases.append(look.run(old.run_id).lease_expires_at)
    assert leases[0] == leases[1] < leases[2]
    endings.cancel(session, old.run_id)
    clock.now += 1.0
    by.epochs({member: Row(3, metrics(3), None) for member in (0, 1)})
    assert by.leaving() == {0}
    assert [look.run(held.run_id).epoch for held in pack] == [3, 3]


def test_what_waits_is_recorded_before_a_failure(patient, recorder, look):
    by, (held,) = recorder()
    by.epochs({0: Row(1, metrics(1), None)})
    by.epochs({0: Row(2, metrics(2), None)})
    by.fail("Out of luck.")
    assert (look.run(held.run_id).status, look.run(held.run_id).epoch) == ("queued", 2)
    assert by.outcomes == {0: "error"}


def test_a_cancel_finds_what_waits(patient, recorder, look, session):
    by, pack = recorder(2)
    for epoch in (1, 2, 3):
        by.epochs({member: Row(epoch, metrics(epoch), None) for member in (0, 1)})
    endings.cancel(session, pack[0].run_id)
    by.pulse({member: Place(4, 0.1) for member in (0, 1)})
    assert by.leaving() == {0}
    assert by.outcomes == {0: "cancelled"}
    run = look.run(pack[0].run_id)
    assert (run.status, run.epoch, len(look.history(run.id))) == ("cancelled", 3, 3)
    by.epochs({member: Row(4, metrics(4), None) for member in (0, 1)})
    by.epochs({1: Row(5, metrics(5), "completed")})
    assert (look.run(run.id).epoch, look.run(pack[1].run_id).epoch) == (3, 5)


def test_epochs_that_wait_for_a_run_that_is_another_s_are_not_written(
    patient, recorder, look, sessions, settings
):
    by, pack = recorder(2)
    for epoch in (1, 2, 3):
        by.epochs({member: Row(epoch, metrics(epoch), None) for member in (0, 1)})
    lose(sessions, settings, pack[0].run_id)
    by.pulse({member: Place(4, 0.1) for member in (0, 1)})
    assert by.leaving() == {0}
    assert by.outcomes == {0: "lost"}
    assert [look.run(held.run_id).epoch for held in pack] == [1, 3]
    assert [len(look.history(held.run_id)) for held in pack] == [1, 3]
    assert look.events(pack[0].run_id).count("run.epoch") == 1
    lose(sessions, settings, pack[1].run_id)
    by.epochs({1: Row(4, metrics(4), None)})
    with pytest.raises(NoneLeftError):
        by.epochs({1: Row(5, metrics(5), "completed")})
    assert look.run(pack[1].run_id).status == "queued"
    assert len(look.history(pack[1].run_id)) == 3


class Killed(BaseException):
    """Ends a worker with nothing written and nothing given back, as kill -9 does."""


@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_worker_that_dies_while_epochs_wait_costs_a_run_nothing(
    patient, submitted, train, look, sessions, settings, monkeypatch, checkpoints
):
    twin = submitted(**BRIEF)
    assert train() == "completed"
    monkeypatch.setattr("workers.training.solo.PULSE_SECONDS", 3600.0)
    if checkpoints:
        # After the first epoch, and now and then.
        monkeypatch.setattr("workers.execution.checkpoints._SHORTEST_SECONDS", 0.0)
        monkeypatch.setattr("workers.execution.checkpoints._SHARE", 0.5)
    run_id = submitted(**BRIEF)
    looks = iter(range(100))

    def dies():
        if next(looks) == 10:
            raise Killed
        return False

    with pytest.raises(Killed):
        train(stopping=dies)
    begun = look.history(run_id)
    assert 1 <= len(begun) < 10 if checkpoints else len(begun) == 1
    lose(sessions, settings, run_id)
    with capture_logs() as logs:
        assert train() == "completed"
    went_on = [each["epoch"] for each in logs if each["event"] == "Went on from a checkpoint"]
    assert went_on == ([len(begun) + 1] if checkpoints else [])
    assert look.history(run_id)[: len(begun)] == begun
    assert look.history(run_id) == look.history(twin)
    assert look.events(run_id).count("run.epoch") == 12
    assert look.outcomes(run_id) == ["lost", "completed"]
    assert layers_of(sessions, run_id) == layers_of(sessions, twin)
    assert [epoch for epoch, _ in layers_of(sessions, twin)] == [0, 3, 6, 9, 12]


def test_a_worker_that_stops_while_epochs_wait_gives_the_run_back_as_far_as_it_is(
    patient, submitted, train, look, monkeypatch
):
    twin = submitted(**BRIEF)
    assert train() == "completed"
    monkeypatch.setattr("workers.training.solo.PULSE_SECONDS", 3600.0)
    run_id, looks = submitted(**BRIEF), iter([False] * 9)
    assert train(stopping=lambda: next(looks, True)) == "released"
    begun = look.history(run_id)
    assert 1 < len(begun) == look.run(run_id).epoch < 12
    with capture_logs() as logs:
        assert train() == "completed"
    went_on = [each["epoch"] for each in logs if each["event"] == "Went on from a checkpoint"]
    assert went_on == [len(begun) + 1]
    assert look.history(run_id) == look.history(twin)
    assert look.events(run_id).count("run.epoch") == 12
    assert look.outcomes(run_id) == ["released", "completed"]


def layers_of(sessions, run_id):
    wanted = select(Layers.epoch, Layers.payload).where(Layers.run_id == run_id)
    with sessions() as session:
        return session.execute(wanted.order_by(Layers.epoch)).all()
