"""What a job took is noted when all of it was trained, and only then."""

from sqlalchemy import select

from service.database.tables import Pace
from service.runs.paces import JobKind, Paces
from service.specs.durations import workload_of
from workers.execution.job_clock import JobClock


def test_a_job_notes_what_it_took(submitted, train, sessions, look):
    run_id = submitted(epochs=3)
    assert train() == "completed"
    run = look.run(run_id)
    kind = JobKind(workload_of(run.config), run.engine["form"], run.engine["device"])
    with sessions() as session, session.begin():
        paces = {pace.key: (pace.jobs, pace.runs) for pace in session.scalars(select(Pace))}
        expected = Paces.read(session, [kind]).expected(kind, 1)
    assert paces == dict.fromkeys(kind.levels, (1, 1))
    assert (expected.basis, expected.runs, expected.epochs) == ("measured", 1, 3.0)
    took = (run.finished_at - run.started_at).total_seconds()
    assert 0.3 * took < expected.seconds < 3 * took


def test_a_job_that_was_not_trained_to_its_end_notes_nothing(submitted, train, sessions, look):
    run_id = submitted(epochs=9)
    assert train(stopping=lambda: look.run(run_id).epoch >= 1) == "released"
    with sessions() as session:
        assert session.scalars(select(Pace)).all() == []
    # What goes on from a later epoch is not comparable.
    assert train() == "completed"
    with sessions() as session:
        assert session.scalars(select(Pace)).all() == []


def test_the_clock_tells_epochs_from_what_is_beside_them():
    clock = JobClock()
    assert clock.times().epochs == 0
    clock.epoch_ended([0.0, 0.0])
    clock.epoch_recorded()
    clock.epoch_ended([5.0])
    clock.epoch_recorded()
    times = clock.times()
    assert times.epochs == 2
    assert 0 <= times.epoch_seconds <= times.seconds < 60
