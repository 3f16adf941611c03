"""The workers that were seen lately, and what waits for them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert

from service.database.tables import Worker
from service.runs.workload import read_queue, read_workers

_TIB = 2**40


def _worker(lab, name, device="cpu", memory=None, seconds_ago=0):
    with lab.sessions.begin() as session:
        seen = func.now() - timedelta(seconds=seconds_ago)
        values = {"name": name, "device": device, "memory_bytes": memory, "seen_at": seen}
        session.execute(insert(Worker).values(values))


def _queue(lab):
    with lab.sessions() as session:
        return read_queue(session, lab.settings)


def test_a_worker_is_told_with_what_it_trains(lab):
    _worker(lab, "two", memory=_TIB)
    _worker(lab, "one")
    _worker(lab, "gone", seconds_ago=1_000)
    made = lab.submit(seeds=2)
    claim = lab.taken("one", name="AMD EPYC")
    with lab.sessions() as session:
        one, two = read_workers(session, lab.settings)
    assert (one.name, one.runs, one.processor) == ("one", 1, "AMD EPYC")
    assert (list(one.experiment_ids), one.busy_since) == ([made], lab.run(claim.run_id).started_at)
    assert (two.name, two.runs, two.processor, two.busy_since) == ("two", 0, None, None)
    assert (list(two.experiment_ids), two.memory_bytes) == ([], _TIB)


def test_the_queue_is_told_per_caller(lab):
    _worker(lab, "one")
    lab.submit("ada", seeds=2, activation="tanh")
    lab.submit("bob", seeds=3)
    lab.taken()
    queue = _queue(lab)
    assert (queue.queued, queue.running, queue.workers, queue.blocked) == (4, 1, 1, [])
    counts = {caller.caller: (caller.queued, caller.running) for caller in queue.callers}
    assert sorted(map(sum, counts.values())) == [2, 3]
    assert [caller.queued for caller in queue.callers] == sorted(
        (queued for queued, _ in counts.values()), reverse=True
    )
    assert all(caller.waiting_since is not None for caller in queue.callers)
    while claim := lab.claim():
        lab.train(claim)
    (busy,) = _queue(lab).callers
    assert (busy.queued, busy.running, busy.waiting_since) == (0, 1, None)


@pytest.mark.parametrize(
    ("workers", "reason"),
    [
        ([], "no_worker"),
        ([("far", "cpu", None, 1_000)], "no_worker"),
        ([("one", "cpu", None, 0)], "no_device"),
        ([("one", "cuda", 1, 0)], "no_memory"),
        ([("one", "cuda", 1, 0), ("two", "cuda", 2**40, 0)], None),
        ([("one", "cuda", None, 0)], None),
    ],
)
def test_what_no_worker_can_take_is_told_with_the_reason(lab, workers, reason):
    lab.submit(device="cuda", seeds=2)
    for worker in workers:
        _worker(lab, *worker)
    blocked = _queue(lab).blocked
    assert [found.reason for found in blocked] == ([reason] if reason else [])
    for found in blocked:
        assert (found.device, found.runs) == ("cuda", 2)
        assert found.memory_bytes > 0
