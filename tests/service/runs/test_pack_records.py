"""Packs: what a worker writes for all members at once, and what becomes of each."""

import threading
from concurrent.futures import ThreadPoolExecutor

from service.runs import endings
from service.runs.endings import recover
from service.runs.fencing import RunsToLeave
from service.runs.recording import EpochRecord
from tests.support.layer_samples import SICK, insight
from tests.support.scripted_worker import METRICS
from tests.support.small_packs import MLP, NOTHING, records


def _lose(lab, claim):
    lab.expire(claim)
    with lab.sessions() as session:
        assert recover(session, claim.run_id, claim.attempt, lab.settings)


def test_a_lost_member_writes_nothing_and_the_others_go_on(lab):
    lab.submit(model=MLP, seeds=6, epochs=3)
    pack = lab.pack()
    taken, stale, *others = pack
    _lose(lab, taken)
    assert lab.taken("two").run_id == taken.run_id
    _lose(lab, stale)
    gone = lab.submit(model=MLP, seeds=[99], priority=5)
    deleted = lab.taken()
    lab.execute("DELETE FROM experiments WHERE id = :id", id=gone)
    before = [lab.snapshot(each.run_id)[:3] for each in (taken, stale)]
    claim = [*pack, deleted]
    lost = RunsToLeave(frozenset(), frozenset({taken.run_id, stale.run_id, deleted.run_id}))
    assert lab.starts([(each, insight(diagnosis=SICK)) for each in claim]) == lost
    assert lab.renew(*claim) == lost
    assert lab.epochs(records(claim, 1)) == lost
    for each in others:
        assert [row["epoch"] for row in lab.history(each.run_id)] == [1]
        assert lab.run(each.run_id).verdict == "vanishing"
    told = [run for kind, run in lab.events(stale.experiment_id) if kind == "run.epoch"]
    assert told == [each.run_id for each in others]
    first, second, third, fourth = others
    for answer in (
        lab.release(taken, stale, deleted, first),
        lab.confirm_cancel(taken, stale, deleted, second),
        lab.finish(taken, stale, deleted, third),
        _fail(lab, taken, stale, deleted, fourth),
    ):
        assert answer == lost
    assert [lab.snapshot(each.run_id)[:3] for each in (taken, stale)] == before
    states = [lab.run(each.run_id).status for each in others]
    assert states == ["queued", "cancelled", "completed", "queued"]
    assert lab.attempts(first.run_id) == [(1, "released", "It was given back.")]
    assert lab.attempts(fourth.run_id) == [(1, "error", "Out of memory.")]
    assert (lab.run(first.run_id).failures, lab.run(fourth.run_id).failures) == (0, 1)


def _fail(lab, *helds):
    with lab.sessions() as session:
        return endings.fail_attempts(session, helds, "Out of memory.", lab.settings)


def test_one_member_is_cancelled_and_the_others_go_on(lab):
    experiment_id = lab.submit(model=MLP, seeds=3)
    pack = lab.pack()
    first, second, third = pack
    with lab.sessions() as session:
        endings.cancel(session, second.run_id)
    cancelled = RunsToLeave(frozenset({second.run_id}), frozenset())
    assert lab.renew(*pack) == lab.epochs(records(pack, 1)) == cancelled
    assert lab.confirm_cancel(second) == NOTHING
    assert lab.epochs(records([first, third], 2, "completed")) == NOTHING
    assert [each.status for each in lab.runs(experiment_id)] == [
        "completed",
        "cancelled",
        "completed",
    ]
    kinds = [kind for kind, _ in lab.events(experiment_id)]
    assert kinds.count("experiment.finished") == 1
    assert kinds[-1] == "experiment.finished"


def test_a_cancel_that_comes_with_the_last_epoch_is_too_late(lab):
    lab.submit(model=MLP, seeds=2, epochs=1)
    pack = lab.pack()
    with lab.sessions() as session:
        endings.cancel(session, pack[0].run_id)
    assert lab.epochs(records(pack, 1, "completed")) == NOTHING
    assert lab.run(pack[0].run_id).status == "completed"


def test_an_epoch_recorded_before_is_recognised_member_by_member(lab):
    """As after a commit whose answer was lost, of a pack whose members are at several epochs."""
    lab.submit(model=MLP, seeds=4, epochs=5)
    first, second, third, fourth = lab.pack()
    lab.epochs(records([first, second, third, fourth], 1))
    lab.epochs([*records([first], 2), *records([second], 2, "diverged")])
    before = [lab.snapshot(each.run_id)[:3] for each in (first, second)]
    with lab.sessions() as session:
        endings.cancel(session, first.run_id)
    asked = lab.run(first.run_id).cancel_requested_at
    answer = lab.epochs(
        [
            *records([first], 2, loss=9.0),
            *records([second], 2, "diverged", loss=9.0),
            *records([third], 2),
            *records([fourth], 3),  # leaves one out
        ]
    )
    assert answer == RunsToLeave(frozenset({first.run_id}), frozenset({fourth.run_id}))
    before[0][0]["cancel_requested_at"] = asked
    assert [lab.snapshot(each.run_id)[:3] for each in (first, second)] == before
    assert [row["epoch"] for row in lab.history(third.run_id)] == [1, 2]
    assert [row["epoch"] for row in lab.history(fourth.run_id)] == [1]
    assert lab.epochs(records([second], 2, "completed")).lost == {second.run_id}


def test_members_are_recorded_each_with_its_own(lab):
    lab.submit(model=MLP, seeds=3, epochs=2)
    first, second, third = lab.pack()
    lab.epochs(
        [
            EpochRecord(first, 1, METRICS | {"val_accuracy": 0.9}, insight=insight(loss=1.0)),
            EpochRecord(second, 1, METRICS | {"loss": 3.0}, insight=insight(diagnosis=SICK)),
            EpochRecord(third, 1, METRICS | {"val_accuracy": float("nan")}, "diverged"),
        ]
    )
    lab.epochs(records([first, second], 2, "completed", test_loss=0.5, test_accuracy=0.75))
    found = [lab.run(each.run_id) for each in (first, second, third)]
    assert [run.status for run in found] == ["completed", "completed", "diverged"]
    assert [run.best_epoch for run in found] == [1, 1, None]
    assert [run.best_val_accuracy for run in found] == [0.9, 0.25, None]
    assert [run.verdict for run in found] == [None, "vanishing", None]
    assert [run.test_accuracy for run in found] == [0.75, 0.75, None]
    assert [row["loss"] for row in lab.history(second.run_id)] == [3.0, 1.0]
    assert [lab.attempts(run.id) for run in found] == [
        [(1, "completed", None)],
        [(1, "completed", None)],
        [(1, "diverged", None)],
    ]


def test_packs_over_two_experiments_never_wait_for_each_other(lab):
    """Four packs, each with runs of both experiments, which come first in one or the other."""
    for _ in range(5):
        ids = [lab.submit(model=MLP, seeds=8, epochs=4, reuse=False) for _ in range(2)]
        of_one, of_two = [], []
        for claim in lab.pack(most=16):
            (of_one if claim.experiment_id == ids[0] else of_two).append(claim)
        packs = [
            [*of_one[:2], *of_two[:2]],
            [*of_two[2:4], *of_one[2:4]],
            [*of_one[4:6], *of_two[4:6]],
            [*of_two[6:], *of_one[6:]],
        ]
        together = threading.Barrier(4)

        def train(pack, together=together):
            together.wait()
            for epoch in range(1, 5):
                lab.renew(*pack)
                ending = "completed" if epoch == 4 else None
                assert lab.epochs(records(pack, epoch, ending)) == NOTHING

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(train, packs))
        for experiment_id in ids:
            assert lab.progress(experiment_id).status == "completed"
            kinds = [kind for kind, _ in lab.events(experiment_id)]
            assert kinds.count("experiment.finished") == 1
