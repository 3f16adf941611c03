"""Packs: which runs are claimed together, and that each has a claim of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from service.runs.capacity import workers_wanted
from tests.support.small_packs import MLP, meet_workers, positions


def test_a_pack_is_all_that_is_alike_in_the_order_it_waited(lab):
    mixed = lab.submit(model=MLP, activation=["relu", "maxout", "tanh"], seeds=2)
    pack = lab.pack()
    assert positions(lab, mixed, pack) == [0, 1, 4, 5]
    assert {claim.form for claim in pack} == {"batched"}
    assert {claim.engine["threads"] for claim in pack} == {1}
    assert {claim.attempt for claim in pack} == {1}
    assert positions(lab, mixed, lab.pack()) == [2, 3]
    assert lab.pack() == []
    for run in lab.runs(mixed):
        assert (run.status, run.worker, run.engine["form"]) == ("running", "one", "batched")
        assert lab.attempts(run.id) == [(1, None, None)]
    assert [kind for kind, _ in lab.events(mixed)].count("run.started") == 6


def test_a_pack_is_drawn_from_several_experiments_by_priority(lab):
    low = lab.submit(model=MLP, seeds=[1, 2])
    high = lab.submit(model=MLP, seeds=[3, 4], priority=5)
    later = lab.submit(model=MLP, seeds=[5])
    pack = lab.pack(most=4)
    order = [claim.experiment_id for claim in pack]
    assert order == [high, high, low, low]
    assert [claim.experiment_id for claim in lab.pack()] == [later]


def test_a_pack_has_as_many_as_are_asked_for_or_set(lab):
    lab.submit(model=MLP, seeds=9)
    assert len(lab.pack(most=2)) == 2
    lab.settings = lab.settings.model_copy(update={"pack_size": 4})
    assert [len(lab.pack()) for _ in range(3)] == [4, 3, 0]


def test_a_cnn_is_packed_on_cuda_only(lab):
    lab.submit(seeds=4)
    on_cpu = lab.pack()
    assert [claim.form for claim in on_cpu] == ["solo"]
    assert [claim.form for claim in lab.pack(device="cuda")] == ["batched"] * 3


def test_what_may_not_be_taken_now_is_in_no_pack(lab):
    experiment_id = lab.submit(model=MLP, seeds=5)
    lab.submit(model=MLP, seeds=[9], device="cuda")
    first, waits, twin, *_ = lab.runs(experiment_id)
    lab.execute("UPDATE runs SET not_before = now() + interval '1 h' WHERE id = :id", id=waits.id)
    (other,) = lab.runs(lab.submit(model=MLP, seeds=[twin.seed], reuse=False, priority=9))
    assert lab.taken("two").run_id == other.id
    pack = lab.pack()
    assert positions(lab, experiment_id, pack) == [0, 3, 4]
    assert lab.pack() == []
    lab.train(next(claim for claim in pack if claim.run_id == first.id))


def test_a_run_that_failed_before_is_tried_alone(lab):
    """It may have brought its worker down; the others are not to fail with it again."""
    experiment_id = lab.submit(model=MLP, seeds=4)
    first, *_ = lab.runs(experiment_id)
    lab.execute("UPDATE runs SET failures = 1 WHERE id = :id", id=first.id)
    assert [positions(lab, experiment_id, lab.pack()) for _ in range(2)] == [[0], [1, 2, 3]]


def test_twins_are_not_trained_side_by_side(lab):
    first = lab.submit(model=MLP, seeds=[1, 2])
    again = lab.submit(model=MLP, seeds=[2, 3])
    anew = lab.submit(model=MLP, seeds=[1], reuse=False)
    pack = lab.pack()
    assert [(claim.experiment_id, claim.seed) for claim in pack] == [
        (first, 1),
        (first, 2),
        (again, 3),
        (anew, 1),
    ]
    assert lab.pack() == []
    for claim in pack:
        lab.train(claim)
    assert lab.pack() == []
    (copy, _) = lab.runs(again)
    assert (copy.status, copy.reused_from) == ("completed", pack[1].run_id)


def test_members_trained_meanwhile_are_ended_and_the_others_taken(lab):
    waiting = lab.submit(model=MLP, seeds=4)
    elsewhere = lab.submit(model=MLP, seeds=[0, 2], reuse=False, priority=1)
    for claim in lab.pack(most=2):
        lab.train(claim)
    assert lab.progress(elsewhere).status == "completed"
    assert positions(lab, waiting, lab.pack()) == [1, 3]
    statuses = [each.status for each in lab.runs(waiting)]
    assert statuses == ["completed", "running"] * 2
    kinds = [kind for kind, _ in lab.events(waiting)]
    assert (kinds.count("run.finished"), kinds.count("run.started")) == (2, 2)


def test_idle_workers_share_what_waits_and_busy_ones_do_not_count(lab):
    meet_workers(lab, "one", "two", "three")
    lab.submit(seeds=1, priority=9)
    assert lab.taken("three").form == "solo"
    lab.submit(model=MLP, seeds=21)
    assert [len(lab.pack(worker)) for worker in ("one", "two")] == [11, 10]


@pytest.mark.parametrize("after", range(1, 5))
def test_a_claim_amid_another_leaves_each_its_share(lab, engine, after):
    """Another worker claims and commits after so many statements of a claim."""
    meet_workers(lab, "one", "two")
    lab.submit(model=MLP, seeds=16)
    statements, taken = [], []

    def meanwhile(*_):
        statements.append(None)
        if len(statements) == after:
            taken.extend(lab.pack("two"))

    event.listen(engine, "after_cursor_execute", meanwhile)
    mine = lab.pack("one")
    assert [len(mine), len(taken)] == [8, 8]
    assert len({claim.run_id for claim in (*mine, *taken)}) == 16


def test_two_workers_at_once_never_get_one_run_twice(lab):
    meet_workers(lab, "one", "two")
    experiment_id = lab.submit(model=MLP, seeds=64)
    together = threading.Barrier(2)

    def work(name):
        together.wait()
        taken = []
        while pack := lab.pack(name):
            taken += pack
        return taken

    with ThreadPoolExecutor(2) as pool:
        taken = [claim for each in pool.map(work, ("one", "two")) for claim in each]
    assert sorted(claim.run_id for claim in taken) == [each.id for each in lab.runs(experiment_id)]
    assert {claim.attempt for claim in taken} == {1}


def test_a_run_that_another_transaction_holds_is_passed_over(lab):
    experiment_id = lab.submit(model=MLP, seeds=3)
    run_ids = [each.id for each in lab.runs(experiment_id)]
    with lab.sessions.begin() as session:
        session.execute(text("SELECT id FROM runs WHERE id = :id FOR UPDATE"), {"id": run_ids[1]})
        assert positions(lab, experiment_id, lab.pack()) == [0, 2]


def test_a_worker_counts_once_however_many_runs_it_trains(lab):
    meet_workers(lab, "one", "two", "three")
    experiment_id = lab.submit(model=MLP, seeds=64)
    lab.settings = lab.settings.model_copy(update={"pack_size": 32})
    assert len(lab.pack("one")) == 22
    with lab.sessions() as session:
        assert workers_wanted(session, lab.settings)["cpu"] == 2
    one = lab.progress(experiment_id).forecast.eta_seconds
    lab.pack("two")
    assert lab.progress(experiment_id).forecast.eta_seconds <= one


def test_a_claim_among_many_that_wait_reads_few(lab, engine):
    """Twenty thousand runs wait; each query of a claim finds its rows by an index, in order.

    So it does before Postgres has statistics of them.
    """
    experiment_id = lab.submit(model=MLP, seeds=2)
    lab.execute(
        """
        INSERT INTO runs (id, experiment_id, position, config, config_hash, pack_key, seed, status,
                          priority, device_request, reuse, max_attempts, epochs, caller)
        SELECT gen_random_uuid(), experiment_id, n + 10, config, config_hash || n % 7,
               CASE n % 10 WHEN 0 THEN pack_key ELSE 'other' || n % 40 END, 1000 + n, 'queued', -1,
               'auto', true, 3, 2, caller
        FROM runs, generate_series(1, 20000) AS n WHERE experiment_id = :id AND position = 0
        """,
        id=experiment_id,
    )
    at_first, known = _plans(lab, engine), _plans(lab, engine, analyzed=True)
    for plan in (*at_first, *known):
        assert "Seq Scan on runs" not in plan
        assert "Sort" not in plan
    for plans in (at_first, known):
        used = {index for index in _QUEUES if index in "".join(plans)}
        assert used == _QUEUES


_QUEUES = {"ix_runs_claimable", "ix_runs_packable"}


def _plans(lab, engine, *, analyzed=False):
    """How Postgres carries out the queries by which a pack is chosen, with its very parameters."""
    if analyzed:
        lab.execute("ANALYZE runs")
    plans = []

    def explain(connection, cursor, statement, parameters, *_):
        if "FROM runs" in statement and " LIMIT " in statement:
            with connection.connection.cursor() as other:
                other.execute(f"EXPLAIN {statement}", parameters)
                plans.append("\n".join(line for (line,) in other.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        assert len(lab.pack()) == 32
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert len(plans) == 4
    return plans
