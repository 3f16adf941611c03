"""Runs go to workers that can hold them, and end in a sentence where the memory ran out."""

from service.runs import claims
from service.runs.deaths import give_back_of_dead
from service.runs.fencing import RunsToLeave
from tests.support.scripted_worker import ENGINE

MLP = {"model": {"name": "mlp", "hidden_units": [8]}, "dataset": "digits"}
CNN = {"model": "mnist_cnn", "dataset": {"name": "mnist", "train_size": 600, "test_size": 100}}


def claim(lab, memory_bytes):
    with lab.sessions() as session:
        return claims.claim(
            session, worker="one", engine=ENGINE, settings=lab.settings, memory_bytes=memory_bytes
        )


def die(lab, *, out_of_memory, worker="one"):
    with lab.sessions() as session:
        return give_back_of_dead(
            session,
            worker,
            cause="signal 9 (SIGKILL)",
            memory_bytes=2_000_000_000,
            out_of_memory=out_of_memory,
            settings=lab.settings,
        )


def test_a_worker_claims_only_runs_that_it_can_hold(lab):
    (large,) = lab.runs(lab.submit(priority=5, **CNN, batch_size=600))
    (small,) = lab.runs(lab.submit(**CNN, batch_size=10))
    assert small.memory_bytes < large.memory_bytes
    assert [each.run_id for each in claim(lab, large.memory_bytes - 1)] == [small.id]
    assert claim(lab, large.memory_bytes - 1) == []
    assert [each.run_id for each in claim(lab, large.memory_bytes)] == [large.id]


def test_a_run_killed_for_memory_alone_fails_at_once_with_its_reason(lab):
    (run,) = lab.runs(lab.submit(**CNN))
    taken = lab.taken()
    assert die(lab, out_of_memory=True) == 1
    run = lab.run(run.id)
    assert (run.status, run.failures) == ("failed", 1)
    assert run.error.startswith(
        "The worker's process was killed by signal 9 (SIGKILL) while it trained this run: the "
        "memory ran out. It was estimated to need 0."
    )
    assert "of the 2 GB that the worker has" in run.error
    assert lab.attempts(run.id) == [(1, "error", run.error)]
    assert lab.epoch(taken, 1) == RunsToLeave(frozenset(), frozenset({run.id}))


def test_members_of_a_pack_killed_for_memory_are_tried_alone(lab):
    runs = lab.runs(lab.submit(seeds=3, **MLP))
    assert len(lab.pack()) == 3
    assert die(lab, out_of_memory=True) == 3
    for run in runs:
        found = lab.run(run.id)
        assert (found.status, found.failures) == ("queued", 0)
    assert [len(lab.pack()) for _ in runs] == [1, 1, 1]
    assert die(lab, out_of_memory=False) == 3


def test_what_dies_of_something_else_is_tried_again_at_once(lab):
    (run,) = lab.runs(lab.submit(**CNN))
    lab.taken()
    assert die(lab, out_of_memory=False) == 1
    reason = "The worker's process ended by signal 9 (SIGKILL) while it trained this run."
    assert lab.attempts(run.id) == [(1, "lost", reason)]
    assert (lab.run(run.id).status, lab.run(run.id).failures) == ("queued", 1)
    assert lab.taken().run_id == run.id


def test_runs_of_other_workers_and_ended_runs_stay(lab):
    ended, other = lab.runs(lab.submit(seeds=2, **CNN))
    first = lab.taken()
    lab.epoch(first, 1)
    lab.epoch(first, 2, ending="completed")
    lab.taken("two")
    assert die(lab, out_of_memory=True) == 0
    assert [lab.run(each.id).status for each in (ended, other)] == ["completed", "running"]
