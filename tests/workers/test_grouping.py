"""Epochs that share a transaction: when they wait, and that it can be seen in nothing else."""

import math
from itertools import pairwise
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, update
from structlog.testing import capture_logs

from service import claiming, runs, sweep
from service.holding import Claim
from service.models import Epoch, Event, Layers, Run
from service.recording import EpochRecord
from tests.service.layer_samples import SICK, insight
from tests.submissions import submit
from workers import grouping
from workers.grouping import Group
from workers.recorder import DatabaseRecorder, NoneLeftError, Place, Row, WorkerStoppingError

MLP = {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [8]}}

#: Epochs of next to no time, of a run that is packed.
BRIEF = MLP | {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "epochs": 12,
    "layer_statistics": {"every": 3, "samples": 32},
}

HELD = Claim(UUID(int=1), UUID(int=2), 1, {}, 0, 100, 0, {})


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
    monkeypatch.setattr(grouping, "GROUP_SECONDS", 3600.0)


@pytest.fixture
def recorder(session, sessions, settings):
    """A recorder of fresh claims on a pack of so many runs, and the claims."""

    def recorder(members=1, stopping=lambda: False, **changed):
        submit(session, settings, **MLP, seeds=members, epochs=9)
        engine = {"device": "cpu", "torch": "2.13.0", "numpy": "2.4.0"}
        with sessions() as own:
            pack = claiming.claim(own, worker="one", engine=engine, settings=settings)
        changed = settings.model_copy(update={"renew_seconds": 60} | changed)
        return DatabaseRecorder(sessions, pack, changed, stopping), pack

    return recorder


def lose(sessions, settings, run_id):
    """Let the lease of a first attempt run out and the scheduler take the run back."""
    with sessions() as session:
        with session.begin():
            session.execute(update(Run).where(Run.id == run_id).values(lease_expires_at=func.now()))
        assert sweep.recover(session, run_id, 1, settings)


class Clock:
    """Stands in for the process's clock."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(grouping, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(grouping, "GROUP_SECONDS", 0.2)
        self.group = Group()

    def transactions(self, epochs, seconds, commit=0.005):
        """Train some epochs; return after which there was a transaction, and when it ended."""
        found = []
        for epoch in range(1, epochs + 1):
            self.now += seconds
            self.group.add([EpochRecord(HELD, epoch, {})])
            if self.group.due:
                self.group.take()
                self.now += commit
                self.group.recorded()
                found.append((epoch, self.now))
        return found


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize("seconds", [0.2, 0.3, 5.0])
def test_an_epoch_that_takes_long_never_waits(clock, seconds):
    assert [epoch for epoch, _ in clock.transactions(5, seconds)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("commit", [0.005, 0.5])
@pytest.mark.parametrize("seconds", [0.001, 0.003, 0.03, 0.09])
def test_short_epochs_share_transactions_and_none_waits_long(clock, seconds, commit):
    """However long a transaction takes: then it matters most that there are few."""
    count = math.ceil(10 / seconds)
    found = clock.transactions(count, seconds, commit)
    assert found[0][0] == 1
    pauses = [after[1] - commit - before[1] for before, after in pairwise(found)]
    assert max(pauses) <= 0.2 + 1e-6
    assert min(pauses) >= 0.2 - seconds - 1e-6
    assert count - found[-1][0] <= 0.2 / seconds


def test_an_epoch_that_takes_longer_than_those_before_waits_no_more(clock):
    clock.transactions(3, 0.001)
    assert [epoch for epoch, _ in clock.transactions(3, 0.25)] == [1, 2, 3]


def test_what_waits_stays_small(clock):
    clock.transactions(1, 0.001)
    many = [EpochRecord(HELD, epoch, {}) for epoch in range(999)]
    clock.group.add(many)
    assert not clock.group.due
    clock.group.add(many[:1])
    assert clock.group.due
    assert len(clock.group.take()) == 1000
    clock.group.recorded()
    clock.group.add([EpochRecord(HELD, epoch, {}, insight=insight()) for epoch in range(50)])
    assert clock.group.due


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
        monkeypatch.setattr(grouping, "GROUP_SECONDS", seconds)
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
    runs.cancel(session, pack[0].run_id)
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
    monkeypatch.setattr("workers.training.trainer.PULSE_SECONDS", 3600.0)
    if checkpoints:
        # After the first epoch, and now and then.
        monkeypatch.setattr("workers.checkpoints._SHORTEST_SECONDS", 0.0)
        monkeypatch.setattr("workers.checkpoints._SHARE", 0.5)
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


def layers_of(sessions, run_id):
    wanted = select(Layers.epoch, Layers.payload).where(Layers.run_id == run_id)
    with sessions() as session:
        return session.execute(wanted.order_by(Layers.epoch)).all()
