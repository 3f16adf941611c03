"""Claims: one owner at a time, and the fencing that keeps a loser from writing."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from service.database.tables import Attempt
from service.runs import endings
from service.runs.endings import recover
from service.runs.fencing import RunsToLeave
from service.runs.leases import expired
from tests.support.layer_samples import SICK, insight


def test_eight_workers_at_once_never_get_one_run_twice(lab):
    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=20)
    together = threading.Barrier(8)

    def work(number):
        together.wait()
        taken = []
        while claim := lab.claim(f"worker-{number}"):
            taken.append(claim)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [claim for each in pool.map(work, range(8)) for claim in each]
    assert sorted(claim.run_id for claim in taken) == [each.id for each in lab.runs(experiment_id)]
    assert {claim.attempt for claim in taken} == {1}
    for run in lab.runs(experiment_id):
        assert lab.attempts(run.id) == [(1, None, None)]


def test_a_higher_priority_is_taken_first_and_then_the_older(lab):
    low = lab.submit(seeds=2)
    high = lab.submit(priority=5, seeds=2, activation="tanh")
    order = [lab.taken().run_id for _ in range(4)]
    assert order == [each.id for each in (*lab.runs(high), *lab.runs(low))]
    assert lab.claim() is None


def test_a_worker_takes_what_its_device_may_train(lab):
    on_gpu = lab.submit(device="cuda")
    on_cpu = lab.submit(device="cpu", activation="tanh")
    anywhere = lab.submit(activation="elu")
    taken = [lab.taken(device="cuda").experiment_id for _ in range(2)]
    assert taken == [on_gpu, anywhere]
    assert lab.claim(device="cuda") is None
    assert lab.taken(device="cpu").experiment_id == on_cpu


def test_a_claim_says_all_that_training_needs(lab):
    experiment_id = lab.submit(seeds=[7], epochs=3)
    claim = lab.taken("worker-1")
    (run,) = lab.runs(experiment_id)
    assert (claim.run_id, claim.experiment_id, claim.attempt) == (run.id, experiment_id, 1)
    assert (claim.config, claim.seed, claim.epochs, claim.recorded_epochs) == (run.config, 7, 3, 0)
    assert (run.status, run.worker, run.engine["device"]) == ("running", "worker-1", "cpu")
    assert run.started_at is not None


def test_a_run_whose_twin_is_in_training_waits_for_it(lab):
    lab.submit(seeds=[1])
    second = lab.submit(seeds=[1])
    claim = lab.taken()
    assert lab.claim() is None
    lab.train(claim)
    assert lab.claim() is None
    (run,) = lab.runs(second)
    assert (run.status, run.reused_from, run.attempt) == ("completed", claim.run_id, 0)
    assert [kind for kind, _ in lab.events(second)] == [
        "experiment.created",
        "run.finished",
        "experiment.finished",
    ]


def test_a_twin_that_must_train_again_does_not_wait(lab):
    first = lab.submit(seeds=[1])
    second = lab.submit(seeds=[1], reuse=False)
    assert {lab.taken().experiment_id for _ in range(2)} == {first, second}


def _with(lab, act):
    with lab.sessions() as session:
        return act(session)


def _writes(lab, claim):
    """Every write of a worker, with this claim."""
    return {
        "record_epoch": lambda: lab.epoch(claim, 1),
        "record_last_epoch": lambda: lab.epoch(claim, 1, ending="completed"),
        "renew": lambda: lab.renew(claim),
        "record_start": lambda: lab.start(claim, insight(diagnosis=SICK)),
        "finish": lambda: lab.finish(claim),
        "confirm_cancels": lambda: lab.confirm_cancel(claim),
        "release": lambda: lab.release(claim),
        "fail_attempts": lambda: lab.fail(claim),
    }


def _lose(lab, claim):
    lab.expire(claim)
    with lab.sessions() as session:
        assert recover(session, claim.run_id, claim.attempt, lab.settings)


@pytest.mark.parametrize("state", ["queued", "claimed", "completed", "cancelled"])
def test_a_worker_that_lost_its_run_changes_nothing(lab, state):
    lab.submit()
    stale = lab.taken("slow")
    _lose(lab, stale)
    if state == "cancelled":
        _with(lab, lambda session: endings.cancel(session, stale.run_id))
    elif state in {"claimed", "completed"}:
        owner = lab.taken("other")
        assert owner.attempt == 2
        if state == "completed":
            lab.train(owner)
    before = lab.snapshot(stale.run_id)
    lost = RunsToLeave(frozenset(), frozenset({stale.run_id}))
    for write in _writes(lab, stale).values():
        assert write() == lost
        assert lab.snapshot(stale.run_id) == before


def test_a_worker_whose_run_was_deleted_stops(lab):
    experiment_id = lab.submit()
    claim = lab.taken()
    lab.execute("DELETE FROM experiments WHERE id = :id", id=experiment_id)
    for write in _writes(lab, claim).values():
        assert write().lost == {claim.run_id}


def test_an_epoch_is_written_once_and_in_order(lab):
    lab.submit(epochs=3)
    claim = lab.taken()
    lab.epoch(claim, 1, loss=0.5)
    lab.epoch(claim, 2, loss=0.25)
    before = lab.snapshot(claim.run_id)
    # As after a commit whose answer was lost.
    assert lab.epoch(claim, 2, loss=0.1) == RunsToLeave(frozenset(), frozenset())
    for epoch in (1, 4):
        assert lab.epoch(claim, epoch).lost == {claim.run_id}
    assert lab.snapshot(claim.run_id) == before


def test_an_epoch_is_stored_with_the_runs_progress(lab):
    experiment_id = lab.submit(epochs=3)
    claim = lab.taken()
    lab.epoch(claim, 1, val_accuracy=0.5, loss=2.0)
    lab.epoch(claim, 2, val_accuracy=0.75, loss=1.0)
    run = lab.run(claim.run_id)
    assert (run.status, run.epoch, run.loss, run.val_accuracy) == ("running", 2, 1.0, 0.75)
    lab.epoch(claim, 3, "completed", val_accuracy=0.75, loss=0.5, test_loss=0.7, test_accuracy=0.6)
    run = lab.run(claim.run_id)
    assert (run.status, run.epoch, run.loss, run.val_accuracy) == ("completed", 3, 0.5, 0.75)
    assert (run.best_epoch, run.best_val_accuracy) == (2, 0.75)
    assert (run.test_loss, run.test_accuracy) == (0.7, 0.6)
    assert run.lease_expires_at is None
    assert run.finished_at is not None
    assert [row["loss"] for row in lab.history(claim.run_id)] == [2.0, 1.0, 0.5]
    assert lab.attempts(claim.run_id) == [(1, "completed", None)]
    assert [kind for kind, _ in lab.events(experiment_id)] == [
        "experiment.created",
        "run.started",
        "run.epoch",
        "run.epoch",
        "run.epoch",
        "run.finished",
        "experiment.finished",
    ]


def test_a_diverged_run_keeps_its_history(lab):
    lab.submit(epochs=5)
    claim = lab.taken()
    lab.epoch(claim, 1, val_accuracy=0.5)
    lab.epoch(claim, 2, "diverged", loss=math.nan, val_loss=math.inf, val_accuracy=math.nan)
    run = lab.run(claim.run_id)
    assert (run.status, run.epoch, run.val_loss) == ("diverged", 2, math.inf)
    assert math.isnan(run.loss)
    assert (run.best_epoch, run.best_val_accuracy) == (1, 0.5)
    first, second = lab.history(claim.run_id)
    assert first["loss"] == 1.0
    assert math.isnan(second["loss"])


def test_a_run_of_no_epochs_can_be_finished(lab):
    lab.submit(epochs=0)
    claim = lab.taken()
    lab.finish(claim)
    assert lab.run(claim.run_id).status == "completed"


def test_a_lease_renewed_is_not_expired(lab):
    lab.submit()
    claim = lab.taken()
    lab.expire(claim)
    with lab.sessions() as session:
        assert expired(session) == [(claim.run_id, 1)]
        assert lab.renew(claim) == RunsToLeave(frozenset(), frozenset())
        assert expired(session) == []
        assert recover(session, claim.run_id, 1, lab.settings) is False
    assert lab.run(claim.run_id).status == "running"


def test_an_epoch_recorded_renews_the_lease(lab):
    lab.submit()
    claim = lab.taken()
    lab.expire(claim)
    lab.epoch(claim, 1)
    with lab.sessions() as session:
        assert expired(session) == []


def test_a_lost_run_goes_back_and_keeps_its_epochs(lab):
    experiment_id = lab.submit(epochs=3)
    claim = lab.taken("first")
    lab.epoch(claim, 1)
    _lose(lab, claim)
    run = lab.run(claim.run_id)
    assert (run.status, run.failures, run.epoch) == ("queued", 1, 1)
    again = lab.taken("second")
    assert (again.run_id, again.attempt, again.recorded_epochs) == (claim.run_id, 2, 1)
    lab.train(again)
    assert [row["epoch"] for row in lab.history(claim.run_id)] == [1, 2, 3]
    reason = "Worker first gave no sign of life for 4 s."
    assert lab.attempts(claim.run_id) == [(1, "lost", reason), (2, "completed", None)]
    kinds = [kind for kind, _ in lab.events(experiment_id)]
    assert kinds.count("run.requeued") == 1


def test_another_engine_starts_the_history_over(lab):
    lab.submit(epochs=3)
    claim = lab.taken()
    lab.epoch(claim, 1, val_accuracy=0.9)
    _lose(lab, claim)
    lab.settings = lab.settings.model_copy(update={"training_threads": 2})
    again = lab.taken(torch="2.14.0")
    assert (again.recorded_epochs, again.engine["threads"]) == (0, 2)
    assert lab.history(claim.run_id) == []
    run = lab.run(claim.run_id)
    assert (run.epoch, run.loss, run.best_epoch, run.best_val_accuracy) == (0, None, None, None)
    lab.train(again)
    assert lab.run(claim.run_id).best_val_accuracy == 0.25


def test_a_run_records_its_precision_and_how_its_worker_multiplies_it(lab):
    lab.submit(precision=["float32", "bfloat16"])
    worker = {"bfloat16": "native", "products": "numpy"}
    plain, narrow = (lab.taken(**worker).engine for _ in range(2))
    assert (plain["precision"], narrow["precision"]) == ("float32", "bfloat16")
    assert (plain["products"], narrow["bfloat16"]) == ("numpy", "native")
    assert "bfloat16" not in plain
    assert "products" not in narrow


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("of", "first", "then"),
    [
        ("bfloat16", {"bfloat16": "native"}, {"bfloat16": "emulated"}),
        ("float32", {"products": "numpy"}, {}),
    ],
)
def test_another_way_to_multiply_restarts_the_runs_of_its_precision_alone(
    lab, precision, of, first, then
):
    lab.submit(epochs=3, precision=precision)
    claim = lab.taken(**first)
    lab.epoch(claim, 1)
    _lose(lab, claim)
    assert lab.taken(**then).recorded_epochs == (0 if precision == of else 1)


def test_another_number_of_threads_is_no_other_engine(lab):
    lab.submit(epochs=3)
    claim = lab.taken()
    lab.epoch(claim, 1)
    _lose(lab, claim)
    lab.settings = lab.settings.model_copy(update={"training_threads": 2})
    again = lab.taken()
    assert (again.recorded_epochs, again.engine) == (1, claim.engine)
    assert lab.run(claim.run_id).engine["threads"] == 1


def test_a_run_that_is_lost_too_often_has_failed(lab):
    experiment_id = lab.submit(max_attempts=2)
    for worker in ("first", "second"):
        _lose(lab, lab.taken(worker))
    (run,) = lab.runs(experiment_id)
    assert (run.status, run.failures, run.attempt) == ("failed", 2, 2)
    assert run.error == "Worker second gave no sign of life for 4 s."
    assert lab.claim() is None
    assert [outcome for _, outcome, _ in lab.attempts(run.id)] == ["lost", "lost"]
    assert [kind for kind, _ in lab.events(experiment_id)][-2:] == [
        "run.finished",
        "experiment.finished",
    ]


def test_our_failure_is_tried_again_after_a_pause_that_doubles(lab):
    # Pauses that no slow machine can wait out between a failure and the look at it.
    patient = lab.settings.model_copy(update={"retry_backoff_seconds": 60})
    lab.submit(max_attempts=3)
    pauses = []
    for _ in range(2):
        claim = lab.taken()
        with lab.sessions() as session:
            endings.fail_attempts(session, [claim], "Out of memory.", patient)
            run = lab.run(claim.run_id)
            assert run.status == "queued"
            assert lab.claim() is None
            assert lab.attempts(claim.run_id)[-1] == (claim.attempt, "error", "Out of memory.")
        pauses.append((run.not_before - _ended_at(lab, claim)).total_seconds())
        lab.execute("UPDATE runs SET not_before = NULL")
    assert pauses == pytest.approx([60, 120])
    lab.fail(lab.taken(), "Out of memory again.")
    run = lab.run(claim.run_id)
    assert (run.status, run.error) == ("failed", "Out of memory again.")


def _ended_at(lab, claim):
    with lab.sessions() as session:
        return session.scalar(
            select(Attempt.ended_at).where(
                Attempt.run_id == claim.run_id, Attempt.attempt == claim.attempt
            )
        )


def test_a_run_given_back_uses_up_no_attempt(lab):
    lab.submit(max_attempts=1)
    claim = lab.taken()
    lab.epoch(claim, 1)
    assert lab.release(claim) == RunsToLeave(frozenset(), frozenset())
    run = lab.run(claim.run_id)
    assert (run.status, run.failures, run.not_before) == ("queued", 0, None)
    again = lab.taken()
    assert (again.attempt, again.recorded_epochs) == (2, 1)
    lab.train(again)
    assert lab.run(claim.run_id).status == "completed"


def test_two_last_runs_that_end_together_finish_the_experiment_once(lab):
    for _ in range(5):
        experiment_id = lab.submit(seeds=4, epochs=1, reuse=False)
        claim = [lab.taken(f"worker-{number}") for number in range(4)]
        together = threading.Barrier(4)

        def end(each, together=together):
            together.wait()
            lab.epoch(each, 1, "completed")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(end, claim))
        kinds = [kind for kind, _ in lab.events(experiment_id)]
        assert kinds.count("experiment.finished") == 1
        assert kinds[-1] == "experiment.finished"
