"""Epochs that share a transaction: nothing else shows that they do, whatever happens."""

import math
from types import SimpleNamespace

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from service.database.engine import create_database_engine, session_factory
from service.database.tables import Epoch, Event, Layers, Run
from service.runs import claims, endings
from service.runs.recording import EpochRecord
from tests.support.layer_samples import SICK, insight
from tests.support.small_experiments import submit
from workers.execution import group_commit
from workers.execution.recorder import NoneLeftError, Progress, Recorder, WorkerStoppingError

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
        "epoch_seconds": 0.1,
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
        return Recorder(by, pack, changed, stopping), pack

    return recorder


def lose(sessions, settings, run_id):
    """Let the lease of a first attempt run out and the scheduler take the run back."""
    with sessions() as session:
        with session.begin():
            session.execute(update(Run).where(Run.id == run_id).values(lease_expires_at=func.now()))
        assert endings.recover(session, run_id, 1, settings)


def stored_of(sessions, pack):
    """All that is stored of some runs and can be compared between two experiments."""
    places = {claim.run_id: member for member, claim in enumerate(pack)}
    times = {"created_at", "started_at", "finished_at", "lease_expires_at"}
    left_out = {"id", "experiment_id"} | times

    def stored(session, table, *order):
        rows = session.scalars(select(table).where(table.run_id.in_(places)).order_by(*order)).all()
        names = [column.key for column in table.__table__.columns if column.key not in left_out]
        return [
            [places[row.run_id], *(repr(getattr(row, name)) for name in names if name != "run_id")]
            for row in rows
        ]

    with sessions() as session:
        of_runs = [
            {
                column.key: repr(getattr(session.get(Run, claim.run_id), column.key))
                for column in Run.__table__.columns
                if column.key not in left_out
            }
            for claim in pack
        ]
        tables = [stored(session, table, table.run_id, table.epoch) for table in (Epoch, Layers)]
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
            ending = "completed" if epoch == 9 else None
            records = [EpochRecord(pack[0], epoch, metrics(epoch), ending)]
            if epoch <= 6:
                diverged = "diverged" if epoch == 6 else None
                records.append(
                    EpochRecord(pack[1], epoch, metrics(epoch, 1), diverged, insight(epoch))
                )
            sick = insight(diagnosis=SICK) if epoch == 3 else insight()
            records.append(EpochRecord(pack[2], epoch, metrics(epoch, -1), ending, sick))
            by.record_epochs(records)
        assert [by.outcomes[claim.run_id] for claim in pack] == [
            "completed",
            "diverged",
            "completed",
        ]
        found.append(stored_of(sessions, pack))
        transactions.append(len(inserted))
    assert found[0] == found[1]
    assert [len(rows) for rows in found[0][1]] == [24, 15]
    # The first epoch, up to the end of one member, and up to that of the others.
    assert transactions == [9, 3]


def test_a_pulse_records_what_waits(patient, recorder, look):
    by, (claim,) = recorder()
    for epoch in (1, 2, 3):
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch))])
    assert look.run(claim.run_id).epoch == 1
    by.pulse({claim.run_id: Progress(4, 0.5)})
    assert look.run(claim.run_id).epoch == 3
    assert [row[0] for row in look.history(claim.run_id)] == [1, 2, 3]


def test_an_epoch_with_a_checkpoint_is_recorded_at_once(patient, recorder, look):
    by, (claim,) = recorder()
    by.record_epochs([EpochRecord(claim, 1, metrics(1))])
    by.record_epochs([EpochRecord(claim, 2, metrics(2))])
    by.record_epochs([EpochRecord(claim, 3, metrics(3))], checkpointed=True)
    assert look.run(claim.run_id).epoch == 3


def test_what_waits_is_recorded_before_a_worker_stops(patient, recorder, look):
    stop = iter([False, False, True])
    by, (claim,) = recorder(stopping=lambda: next(stop))
    by.record_epochs([EpochRecord(claim, 1, metrics(1))])
    by.record_epochs([EpochRecord(claim, 2, metrics(2))])
    with pytest.raises(WorkerStoppingError):
        by.record_epochs([EpochRecord(claim, 3, metrics(3))])
    assert look.run(claim.run_id).epoch == 3


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

    by, (claim,) = recorder(stopping=comes_back, by=by_engine)
    for epoch in (1, 2, 3):
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch))])
    by_engine.configure(bind=away)
    by.pulse({claim.run_id: Progress(4, 0.1)})
    assert len(tries) == 6
    by.record_epochs([EpochRecord(claim, 4, metrics(4), "completed")])
    assert [row[0] for row in look.history(claim.run_id)] == [1, 2, 3, 4]


def test_a_worker_that_stops_while_postgres_is_away_does_not_wait_for_ever(
    patient, recorder, look, session, sessions, settings, engine, away
):
    by_engine, stopping = session_factory(engine), iter([False] * 3)
    by, (claim,) = recorder(
        stopping=lambda: next(stopping, True), by=by_engine, soft_shutdown_seconds=0.1
    )
    for epoch in (1, 2, 3):
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch))])
    by_engine.configure(bind=away)
    with pytest.raises(OperationalError):
        by.pulse({claim.run_id: Progress(4, 0.1)})
    assert look.run(claim.run_id).epoch == 1
    lose(sessions, settings, claim.run_id)
    again, (claim,) = recorder(members=0)
    assert (claim.attempt, claim.recorded_epochs) == (2, 1)
    again.record_epochs([EpochRecord(claim, 1, metrics(1))])
    for epoch in (2, 3):
        again.record_epochs([EpochRecord(claim, epoch, metrics(epoch))])
    by_engine.configure(bind=engine)
    with pytest.raises(NoneLeftError):
        by.record_epochs([EpochRecord(claim, 4, metrics(4))])
    again.record_epochs([EpochRecord(claim, 4, metrics(4), "completed")])
    assert [row[0] for row in look.history(claim.run_id)] == [1, 2, 3, 4]
    assert look.events(claim.run_id).count("run.epoch") == 4


def test_a_member_that_is_retrained_keeps_its_lease_beside_one_that_is_new(
    recorder, look, session, monkeypatch
):
    """An epoch recorded of the other member does not renew its lease."""
    first, (old,) = recorder()
    for epoch in (1, 2, 3):
        first.record_epochs([EpochRecord(old, epoch, metrics(epoch))])
    first.release("It was given back.")
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr("workers.execution.recorder.time", clock)
    by, pack = recorder(renew_seconds=1)
    assert [claim.recorded_epochs for claim in pack] == [3, 0]
    leases = [look.run(old.run_id).lease_expires_at]
    for epoch in (1, 2):
        clock.now += 0.6
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch)) for claim in pack])
        leases.append(look.run(old.run_id).lease_expires_at)
    assert leases[0] == leases[1] < leases[2]
    endings.cancel(session, old.run_id)
    clock.now += 1.0
    by.record_epochs([EpochRecord(claim, 3, metrics(3)) for claim in pack])
    assert by.leaving() == {pack[0].run_id}
    assert [look.run(claim.run_id).epoch for claim in pack] == [3, 3]


def test_what_waits_is_recorded_before_a_failure(patient, recorder, look):
    by, (claim,) = recorder()
    by.record_epochs([EpochRecord(claim, 1, metrics(1))])
    by.record_epochs([EpochRecord(claim, 2, metrics(2))])
    by.fail("Out of luck.")
    assert (look.run(claim.run_id).status, look.run(claim.run_id).epoch) == ("queued", 2)
    assert by.outcomes == {claim.run_id: "error"}


def test_a_cancel_finds_what_waits(patient, recorder, look, session):
    by, pack = recorder(2)
    for epoch in (1, 2, 3):
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch)) for claim in pack])
    endings.cancel(session, pack[0].run_id)
    by.pulse({claim.run_id: Progress(4, 0.1) for claim in pack})
    assert by.leaving() == {pack[0].run_id}
    assert by.outcomes == {pack[0].run_id: "cancelled"}
    run = look.run(pack[0].run_id)
    assert (run.status, run.epoch, len(look.history(run.id))) == ("cancelled", 3, 3)
    by.record_epochs([EpochRecord(claim, 4, metrics(4)) for claim in pack])
    by.record_epochs([EpochRecord(pack[1], 5, metrics(5), "completed")])
    assert (look.run(run.id).epoch, look.run(pack[1].run_id).epoch) == (3, 5)


def test_epochs_that_wait_for_a_run_that_is_another_s_are_not_written(
    patient, recorder, look, sessions, settings
):
    by, pack = recorder(2)
    for epoch in (1, 2, 3):
        by.record_epochs([EpochRecord(claim, epoch, metrics(epoch)) for claim in pack])
    lose(sessions, settings, pack[0].run_id)
    by.pulse({claim.run_id: Progress(4, 0.1) for claim in pack})
    assert by.leaving() == {pack[0].run_id}
    assert by.outcomes == {pack[0].run_id: "lost"}
    assert [look.run(claim.run_id).epoch for claim in pack] == [1, 3]
    assert [len(look.history(claim.run_id)) for claim in pack] == [1, 3]
    assert look.events(pack[0].run_id).count("run.epoch") == 1
    lose(sessions, settings, pack[1].run_id)
    by.record_epochs([EpochRecord(pack[1], 4, metrics(4))])
    with pytest.raises(NoneLeftError):
        by.record_epochs([EpochRecord(pack[1], 5, metrics(5), "completed")])
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
        monkeypatch.setattr("workers.execution.checkpoints.SHORTEST_PAUSE_SECONDS", 0.0)
        monkeypatch.setattr("workers.execution.checkpoints.TIME_SHARE", 0.5)
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
    resumed = [line["epoch"] for line in logs if line["event"] == "Went on from a checkpoint"]
    assert resumed == ([len(begun) + 1] if checkpoints else [])
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
    resumed = [line["epoch"] for line in logs if line["event"] == "Went on from a checkpoint"]
    assert resumed == [len(begun) + 1]
    assert look.history(run_id) == look.history(twin)
    assert look.events(run_id).count("run.epoch") == 12
    assert look.outcomes(run_id) == ["released", "completed"]


def layers_of(sessions, run_id):
    wanted = select(Layers.epoch, Layers.payload).where(Layers.run_id == run_id)
    with sessions() as session:
        return session.execute(wanted.order_by(Layers.epoch)).all()
