"""Cancel: prompt and final, whatever it races with."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import NotFoundError
from service.experiments import lifecycle
from service.runs import endings
from service.runs.endings import recover
from service.runs.fencing import RunsToLeave
from tests.support.scripted_worker import Lab

NOTHING = RunsToLeave(frozenset(), frozenset())


def cancel(lab, run_id):
    with lab.sessions() as session:
        return endings.cancel(session, run_id)


def cancel_experiment(lab, experiment_id):
    with lab.sessions() as session:
        return lifecycle.cancel(session, experiment_id)


def test_a_waiting_run_is_cancelled_at_once(lab):
    experiment_id = lab.submit(seeds=2)
    first, second = lab.runs(experiment_id)
    cancelled = cancel(lab, first.id)
    assert (cancelled.status, lab.run(first.id).status) == ("cancelled", "cancelled")
    assert lab.run(first.id).finished_at is not None
    assert lab.taken().run_id == second.id
    assert ("run.finished", first.id) in lab.events(experiment_id)


def test_a_training_run_is_told_and_then_ends(lab):
    lab.submit(epochs=5)
    claim = lab.taken()
    assert lab.renew(claim) == lab.epoch(claim, 1) == NOTHING
    assert cancel(lab, claim.run_id).status == "running"
    told = RunsToLeave(frozenset({claim.run_id}), frozenset())
    assert lab.renew(claim) == lab.epoch(claim, 2) == told
    assert lab.confirm_cancel(claim) == NOTHING
    run = lab.run(claim.run_id)
    assert (run.status, run.epoch, run.lease_expires_at) == ("cancelled", 2, None)
    assert lab.attempts(claim.run_id) == [(1, "cancelled", None)]
    assert lab.epoch(claim, 3, "completed").lost == {claim.run_id}
    assert lab.run(claim.run_id).status == "cancelled"


@pytest.mark.parametrize("ending", ["completed", "diverged"])
def test_an_ended_run_stays_as_it_is(lab, ending):
    experiment_id = lab.submit()
    claim = lab.taken()
    lab.train(claim, ending)
    before = lab.snapshot(claim.run_id)
    assert cancel(lab, claim.run_id).status == ending
    assert cancel_experiment(lab, experiment_id).status == "completed"
    assert lab.snapshot(claim.run_id) == before
    assert lab.progress(experiment_id).cancelled_at is None


def test_cancelling_twice_is_cancelling_once(lab):
    experiment_id = lab.submit()
    claim = lab.taken()
    cancel(lab, claim.run_id)
    asked = lab.run(claim.run_id).cancel_requested_at
    cancel(lab, claim.run_id)
    assert lab.run(claim.run_id).cancel_requested_at == asked
    assert [kind for kind, _ in lab.events(experiment_id)].count("run.finished") == 0


def _lose(lab, claim):
    lab.expire(claim)
    with lab.sessions() as session:
        assert recover(session, claim.run_id, claim.attempt, lab.settings)


@pytest.mark.parametrize("give_back", [Lab.fail, Lab.release, _lose])
def test_a_run_that_comes_back_after_its_cancel_is_not_queued_again(lab, give_back):
    experiment_id = lab.submit()
    claim = lab.taken()
    cancel(lab, claim.run_id)
    give_back(lab, claim)
    run = lab.run(claim.run_id)
    assert (run.status, run.error) == ("cancelled", None)
    assert lab.claim() is None
    assert [kind for kind, _ in lab.events(experiment_id)][-2:] == [
        "run.finished",
        "experiment.finished",
    ]


def test_a_cancel_that_races_with_the_end_is_one_or_the_other(lab):
    for _ in range(10):
        experiment_id = lab.submit(epochs=1, reuse=False)
        claim = lab.taken()
        together = threading.Barrier(2)

        def end(claim=claim, together=together):
            together.wait()
            lab.epoch(claim, 1, "completed")

        def ask(claim=claim, together=together):
            together.wait()
            return cancel(lab, claim.run_id).status

        with ThreadPoolExecutor(2) as pool:
            ended, asked = pool.submit(end), pool.submit(ask)
            ended.result()
        # The run was told of too late, or had ended before: completed either way, and once.
        assert asked.result() in {"running", "completed"}
        assert lab.run(claim.run_id).status == "completed"
        kinds = [kind for kind, _ in lab.events(experiment_id)]
        assert kinds.count("run.finished") == kinds.count("experiment.finished") == 1


def test_a_cancel_that_races_with_a_claim_is_never_lost(lab):
    for _ in range(10):
        experiment_id = lab.submit(reuse=False)
        (run,) = lab.runs(experiment_id)
        together = threading.Barrier(2)

        def take(together=together):
            together.wait()
            return lab.claim()

        def ask(run=run, together=together):
            together.wait()
            return cancel(lab, run.id).status

        with ThreadPoolExecutor(2) as pool:
            taken, asked = pool.submit(take), pool.submit(ask)
            claim = taken.result()
        assert asked.result() == ("running" if claim else "cancelled")
        if claim:
            assert lab.renew(claim).cancelled == {claim.run_id}
            lab.confirm_cancel(claim)
        assert lab.run(run.id).status == "cancelled"


def test_cancelling_an_experiment_cancels_what_is_left(lab):
    experiment_id = lab.submit(seeds=4)
    done, training = lab.taken(), None
    lab.train(done)
    training = lab.taken()
    progress = cancel_experiment(lab, experiment_id)
    assert progress.status == "running"
    assert progress.cancelled_at is not None
    assert progress.runs == {
        "total": 4,
        "queued": 0,
        "running": 1,
        "completed": 1,
        "diverged": 0,
        "failed": 0,
        "cancelled": 2,
    }
    lab.confirm_cancel(training)
    assert lab.progress(experiment_id).status == "cancelled"
    kinds = [kind for kind, _ in lab.events(experiment_id)]
    assert kinds.count("run.finished") == 4
    assert kinds.count("experiment.finished") == 1


def test_cancelling_what_is_not_there(lab):
    with pytest.raises(NotFoundError):
        cancel(lab, uuid.uuid4())
    with pytest.raises(NotFoundError):
        cancel_experiment(lab, uuid.uuid4())
