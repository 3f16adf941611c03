"""Reuse: nothing is trained twice, unless somebody wants it so."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.experiments import lifecycle


def test_a_second_identical_experiment_is_complete_at_once(lab):
    first = lab.submit(activation=["relu", "tanh"], seeds=2, epochs=3)
    lab.train_all(val_accuracy=0.75)
    second = lab.submit(activation=["relu", "tanh"], seeds=2, epochs=3, name="again")
    assert lab.progress(second).status == "completed"
    assert lab.claim() is None
    for original, copy in zip(lab.runs(first), lab.runs(second), strict=True):
        assert copy.reused_from == original.id
        assert (copy.status, copy.attempt, copy.epoch) == ("completed", 0, 3)
        assert (copy.best_epoch, copy.best_val_accuracy) == (1, 0.75)
        assert (copy.worker, copy.engine) == (original.worker, original.engine)
        assert copy.started_at == copy.finished_at != original.finished_at
        assert lab.history(copy.id) == lab.history(original.id)
    kinds = [kind for kind, _ in lab.events(second)]
    assert kinds == ["experiment.created", *["run.finished"] * 4, "experiment.finished"]


def test_only_what_was_trained_is_taken_over(lab):
    lab.submit(activation="relu", seeds=[0, 1])
    lab.train(lab.taken())
    second = lab.submit(activation=["relu", "tanh"], seeds=[0, 1])
    assert [each.status for each in lab.runs(second)] == ["completed"] + ["queued"] * 3


def test_without_reuse_it_is_trained_again(lab):
    lab.submit()
    lab.train_all()
    second = lab.submit(reuse=False)
    assert lab.progress(second).status == "queued"
    claim = lab.taken()
    assert claim.experiment_id == second


def test_a_diverged_run_is_a_result_and_is_taken_over(lab):
    lab.submit(epochs=3)
    claim = lab.taken()
    lab.epoch(claim, 1, "diverged", loss=float("inf"), val_loss=float("nan"))
    (copy,) = lab.runs(lab.submit(epochs=3))
    assert (copy.status, copy.epoch, copy.loss) == ("diverged", 1, float("inf"))
    assert len(lab.history(copy.id)) == 1


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
def test_what_has_no_result_is_not_taken_over(lab, ending):
    first = lab.submit(max_attempts=1)
    if ending == "failed":
        lab.fail(lab.taken())
    else:
        with lab.sessions() as session:
            lifecycle.cancel(session, first)
    assert lab.runs(first)[0].status == ending
    assert lab.runs(lab.submit())[0].status == "queued"


def test_a_device_asked_for_is_the_one_that_trained(lab):
    lab.submit()
    lab.train(lab.taken(device="cpu"))
    assert lab.runs(lab.submit(device="cuda"))[0].status == "queued"
    assert lab.runs(lab.submit(device="cpu"))[0].status == "completed"


def test_a_copy_of_a_copy_names_the_run_that_was_trained(lab):
    (original,) = lab.runs(lab.submit())
    lab.train_all()
    lab.submit()
    (copy,) = lab.runs(lab.submit())
    assert copy.reused_from == original.id


def test_a_copy_stands_in_for_an_original_that_was_deleted(lab):
    first = lab.submit()
    lab.train_all()
    (copy,) = lab.runs(lab.submit())
    with lab.sessions() as session:
        lifecycle.delete(session, first)
    (copy_of_copy,) = lab.runs(lab.submit())
    assert (copy_of_copy.status, copy_of_copy.reused_from) == ("completed", copy.id)
    assert lab.history(copy_of_copy.id) == lab.history(copy.id) != []


def test_a_history_deleted_while_it_is_copied_is_never_half_there(lab):
    for _ in range(10):
        original = lab.submit(seeds=5)
        lab.train_all()
        together = threading.Barrier(2)

        def delete(original=original, together=together):
            together.wait()
            with lab.sessions() as session:
                lifecycle.delete(session, original)

        def submit(together=together):
            together.wait()
            return lab.submit(seeds=5)

        with ThreadPoolExecutor(2) as pool:
            gone, submitted = pool.submit(delete), pool.submit(submit)
            gone.result()
        for run in lab.runs(submitted.result()):
            assert (run.status, len(lab.history(run.id))) in {("completed", 2), ("queued", 0)}
        with lab.sessions() as session:
            lifecycle.cancel(session, submitted.result())
            lifecycle.delete(session, submitted.result())
