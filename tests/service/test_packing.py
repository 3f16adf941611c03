"""Packs: which runs are claimed together, and that each keeps a claim of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, insert, text

from service import runs
from service.door import Limits
from service.expansion import expand
from service.holding import Answer
from service.models import Worker
from service.packing import MOST_PARAMETERS, engine_form, pack_key, pack_limit, threads_of
from service.recording import EpochRecord
from service.spec import ExperimentSpec
from service.sweep import recover, workers_wanted
from tests.lab import METRICS
from tests.service.layer_samples import SICK, insight

MLP = {"name": "mlp", "hidden_units": [16, 8]}
NOTHING = Answer(frozenset(), frozenset())


def keys(**fields):
    """The pack keys of a spec's runs, in their order."""
    spec = {"model": MLP, "activation": "relu", "epochs": 2} | fields
    planned = expand(ExperimentSpec.model_validate(spec), Limits())
    return [pack_key(each.config) for each in planned]


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("seeds", [1, 2]),
        ("initializer", ["he_normal", "orthogonal", "zeros"]),
        ("output_initializer", ["glorot_normal", "zeros"]),
        ("bias_initializer", ["zeros", {"name": "constant", "value": 0.1}]),
        ("activation", ["relu", "tanh", "gelu", "selu", {"name": "elu", "alpha": 0.5}]),
        ("activation", [{"name": "prelu", "initial_slope": slope} for slope in (0.1, 0.3)]),
        ("clipping", [{"name": "norm", "max_norm": limit} for limit in (0.5, 5.0)]),
        ("optimizer", [{"name": "adam", "learning_rate": rate} for rate in (0.1, 0.01)]),
        ("optimizer", [{"name": "adam", "beta_1": beta} for beta in (0.8, 0.9)]),
        ("optimizer", [{"name": "sgd", "schedule": each} for each in ("constant", "cosine")]),
        ("optimizer", [{"name": "sgd", "momentum": each} for each in (0.0, 0.9)]),
        ("dropout", [0.1, {"name": "dropout", "rate": [0.2, 0.5]}]),
    ],
)
def test_what_may_differ_inside_a_pack(axis, values):
    found = keys(**{axis: values})
    assert len(found) == len(values)
    assert len(set(found)) == 1
    assert None not in found


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("dataset", [{"name": "mnist", "train_size": size} for size in (1000, 2000)]),
        ("dataset", [{"name": "mnist", "preprocessing": each} for each in ("scale", "none")]),
        ("model", [{"name": "mlp", "hidden_units": units} for units in ([16], [16, 16])]),
        ("activation", ["relu", "prelu", *({"name": "maxout", "pieces": n} for n in (2, 3))]),
        ("normalization", ["none", "batch", "layer", {"name": "batch", "momentum": 0.5}]),
        ("clipping", ["none", "norm", "value"]),
        ("optimizer", ["sgd", "adam", "adamw"]),
        ("dropout", ["none", 0.1, {"name": "alpha_dropout", "rate": 0.1}]),
        ("batch_size", [32, 64]),
        ("loss", ["categorical_crossentropy", "binary_crossentropy"]),
    ],
)
def test_what_has_to_agree_inside_a_pack(axis, values):
    found = keys(**{axis: values})
    assert len(set(found)) == len(found) == len(values)


def test_epochs_have_to_agree_and_statistics_need_not():
    assert keys(epochs=2) != keys(epochs=3)
    assert keys(layer_statistics="off") == keys()


def test_a_large_mlp_is_not_packed_nor_a_normalized_cnn():
    # 784 inputs: a weight of each to every unit.
    small, large = MOST_PARAMETERS // 1000, MOST_PARAMETERS // 700
    models = [{"name": "mlp", "hidden_units": [units]} for units in (small, large)]
    packed, alone = keys(model=models)
    assert (packed is None, alone is None) == (False, True)
    plain, normalized = keys(model="mnist_cnn", normalization=["none", "batch"])
    assert (plain is None, normalized is None) == (False, True)


def test_the_form_follows_model_key_and_device():
    assert engine_form("mlp", "key", "cpu") == engine_form("mlp", "key", "cuda") == "batched"
    assert engine_form("mlp", None, "cuda") == "solo"
    assert engine_form("mnist_cnn", "key", "cuda") == "batched"
    assert engine_form("mnist_cnn", "key", "cpu") == "solo"


@pytest.mark.parametrize(
    ("form", "device", "experiment", "training_threads", "threads"),
    [
        ("batched", "cpu", 1, 4, 1),
        ("solo", "cpu", 1, None, 8),  # twelve cores, but more than eight gain little
        ("solo", "cpu", 3, None, 4),
        ("solo", "cpu", 5, None, 2),
        ("solo", "cpu", 7, None, 1),
        ("solo", "cpu", 1000, None, 1),
        ("solo", "cpu", 1000, 3, 3),
        ("solo", "cuda", 1, None, 1),
    ],
)
def test_threads_are_shared_among_few_runs(form, device, experiment, training_threads, threads):
    found = threads_of(form, device, experiment, training_threads=training_threads, cores=12)
    assert found == threads


@pytest.mark.parametrize(
    ("waiting", "workers", "most", "limit"),
    [(64, 2, 32, 32), (64, 1, 32, 32), (10, 4, 32, 3), (1, 8, 32, 1), (0, 0, 32, 1)],
)
def test_a_pack_leaves_idle_workers_their_share(waiting, workers, most, limit):
    assert pack_limit(waiting, workers, most) == limit


def _positions(lab, experiment_id, pack):
    places = {each.id: each.position for each in lab.runs(experiment_id)}
    return [places[held.run_id] for held in pack]


def test_a_pack_is_all_that_is_alike_in_the_order_it_waited(lab):
    mixed = lab.submit(model=MLP, activation=["relu", "maxout", "tanh"], seeds=2)
    pack = lab.pack()
    assert _positions(lab, mixed, pack) == [0, 1, 4, 5]
    assert {held.form for held in pack} == {"batched"}
    assert {held.engine["threads"] for held in pack} == {1}
    assert {held.attempt for held in pack} == {1}
    assert _positions(lab, mixed, lab.pack()) == [2, 3]
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
    order = [held.experiment_id for held in pack]
    assert order == [high, high, low, low]
    assert [held.experiment_id for held in lab.pack()] == [later]


def test_a_pack_has_as_many_as_are_asked_for_or_set(lab):
    lab.submit(model=MLP, seeds=9)
    assert len(lab.pack(most=2)) == 2
    lab.settings = lab.settings.model_copy(update={"pack_size": 4})
    assert [len(lab.pack()) for _ in range(3)] == [4, 3, 0]


def test_a_cnn_is_packed_on_cuda_only(lab):
    lab.submit(seeds=4)
    on_cpu = lab.pack()
    assert [held.form for held in on_cpu] == ["solo"]
    assert [held.form for held in lab.pack(device="cuda")] == ["batched"] * 3


def test_what_may_not_be_taken_now_is_in_no_pack(lab):
    experiment_id = lab.submit(model=MLP, seeds=5)
    lab.submit(model=MLP, seeds=[9], device="cuda")
    first, waits, twin, *_ = lab.runs(experiment_id)
    lab.execute("UPDATE runs SET not_before = now() + interval '1 h' WHERE id = :id", id=waits.id)
    (other,) = lab.runs(lab.submit(model=MLP, seeds=[twin.seed], reuse=False, priority=9))
    assert lab.taken("two").run_id == other.id
    pack = lab.pack()
    assert _positions(lab, experiment_id, pack) == [0, 3, 4]
    assert lab.pack() == []
    lab.train(next(held for held in pack if held.run_id == first.id))


def test_a_run_that_failed_before_is_tried_alone(lab):
    """It may have brought its worker down; the others are not to fail with it again."""
    experiment_id = lab.submit(model=MLP, seeds=4)
    first, *_ = lab.runs(experiment_id)
    lab.execute("UPDATE runs SET failures = 1 WHERE id = :id", id=first.id)
    assert [_positions(lab, experiment_id, lab.pack()) for _ in range(2)] == [[0], [1, 2, 3]]


def test_twins_are_not_trained_side_by_side(lab):
    first = lab.submit(model=MLP, seeds=[1, 2])
    again = lab.submit(model=MLP, seeds=[2, 3])
    anew = lab.submit(model=MLP, seeds=[1], reuse=False)
    pack = lab.pack()
    assert [(held.experiment_id, held.seed) for held in pack] == [
        (first, 1),
        (first, 2),
        (again, 3),
        (anew, 1),
    ]
    assert lab.pack() == []
    for held in pack:
        lab.train(held)
    assert lab.pack() == []
    (copy, _) = lab.runs(again)
    assert (copy.status, copy.reused_from) == ("completed", pack[1].run_id)


def test_members_trained_meanwhile_are_ended_and_the_others_taken(lab):
    waiting = lab.submit(model=MLP, seeds=4)
    elsewhere = lab.submit(model=MLP, seeds=[0, 2], reuse=False, priority=1)
    for held in lab.pack(most=2):
        lab.train(held)
    assert lab.standing(elsewhere).status == "completed"
    assert _positions(lab, waiting, lab.pack()) == [1, 3]
    statuses = [each.status for each in lab.runs(waiting)]
    assert statuses == ["completed", "running"] * 2
    kinds = [kind for kind, _ in lab.events(waiting)]
    assert (kinds.count("run.finished"), kinds.count("run.started")) == (2, 2)


def _meet_workers(lab, *names):
    with lab.sessions.begin() as session:
        session.execute(insert(Worker), [{"name": name, "device": "cpu"} for name in names])


def test_idle_workers_share_what_waits_and_busy_ones_do_not_count(lab):
    _meet_workers(lab, "one", "two", "three")
    lab.submit(seeds=1, priority=9)
    assert lab.taken("three").form == "solo"
    lab.submit(model=MLP, seeds=21)
    assert [len(lab.pack(worker)) for worker in ("one", "two")] == [11, 10]


def test_two_workers_at_once_never_get_one_run_twice(lab):
    _meet_workers(lab, "one", "two")
    experiment_id = lab.submit(model=MLP, seeds=64)
    together = threading.Barrier(2)

    def work(name):
        together.wait()
        taken = []
        while pack := lab.pack(name):
            taken += pack
        return taken

    with ThreadPoolExecutor(2) as pool:
        taken = [held for each in pool.map(work, ("one", "two")) for held in each]
    assert sorted(held.run_id for held in taken) == [each.id for each in lab.runs(experiment_id)]
    assert {held.attempt for held in taken} == {1}


def test_a_run_that_another_transaction_holds_is_passed_over(lab):
    experiment_id = lab.submit(model=MLP, seeds=3)
    run_ids = [each.id for each in lab.runs(experiment_id)]
    with lab.sessions.begin() as session:
        session.execute(text("SELECT id FROM runs WHERE id = :id FOR UPDATE"), {"id": run_ids[1]})
        assert _positions(lab, experiment_id, lab.pack()) == [0, 2]


def _records(pack, epoch, ending=None, **metrics):
    return [EpochRecord(held, epoch, METRICS | metrics, ending) for held in pack]


def _lose(lab, held):
    lab.expire(held)
    with lab.sessions() as session:
        assert recover(session, held.run_id, held.attempt, lab.settings)


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
    held = [*pack, deleted]
    lost = Answer(frozenset(), frozenset({taken.run_id, stale.run_id, deleted.run_id}))
    assert lab.starts([(each, insight(diagnosis=SICK)) for each in held]) == lost
    assert lab.renew(*held) == lost
    assert lab.epochs(_records(held, 1)) == lost
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
        return runs.fail_attempts(session, helds, "Out of memory.", lab.settings)


def test_one_member_is_cancelled_and_the_others_go_on(lab):
    experiment_id = lab.submit(model=MLP, seeds=3)
    pack = lab.pack()
    first, second, third = pack
    with lab.sessions() as session:
        runs.cancel(session, second.run_id)
    cancelled = Answer(frozenset({second.run_id}), frozenset())
    assert lab.renew(*pack) == lab.epochs(_records(pack, 1)) == cancelled
    assert lab.confirm_cancel(second) == NOTHING
    assert lab.epochs(_records([first, third], 2, "completed")) == NOTHING
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
        runs.cancel(session, pack[0].run_id)
    assert lab.epochs(_records(pack, 1, "completed")) == NOTHING
    assert lab.run(pack[0].run_id).status == "completed"


def test_an_epoch_recorded_before_is_recognised_member_by_member(lab):
    """As after a commit whose answer was lost, of a pack whose members are at several epochs."""
    lab.submit(model=MLP, seeds=4, epochs=5)
    first, second, third, fourth = lab.pack()
    lab.epochs(_records([first, second, third, fourth], 1))
    lab.epochs([*_records([first], 2), *_records([second], 2, "diverged")])
    before = [lab.snapshot(each.run_id)[:3] for each in (first, second)]
    with lab.sessions() as session:
        runs.cancel(session, first.run_id)
    asked = lab.run(first.run_id).cancel_requested_at
    answer = lab.epochs(
        [
            *_records([first], 2, loss=9.0),
            *_records([second], 2, "diverged", loss=9.0),
            *_records([third], 2),
            *_records([fourth], 3),  # leaves one out
        ]
    )
    assert answer == Answer(frozenset({first.run_id}), frozenset({fourth.run_id}))
    before[0][0]["cancel_requested_at"] = asked
    assert [lab.snapshot(each.run_id)[:3] for each in (first, second)] == before
    assert [row["epoch"] for row in lab.history(third.run_id)] == [1, 2]
    assert [row["epoch"] for row in lab.history(fourth.run_id)] == [1]
    assert lab.epochs(_records([second], 2, "completed")).lost == {second.run_id}


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
    lab.epochs(_records([first, second], 2, "completed", test_loss=0.5, test_accuracy=0.75))
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
        for held in lab.pack(most=16):
            (of_one if held.experiment_id == ids[0] else of_two).append(held)
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
                assert lab.epochs(_records(pack, epoch, ending)) == NOTHING

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(train, packs))
        for experiment_id in ids:
            assert lab.standing(experiment_id).status == "completed"
            kinds = [kind for kind, _ in lab.events(experiment_id)]
            assert kinds.count("experiment.finished") == 1


def test_a_run_goes_on_in_the_form_and_with_the_threads_it_began_with(lab):
    lab.submit(model=MLP, seeds=3, epochs=5)
    pack = lab.pack()
    lab.epochs(_records(pack, 1))
    lab.epochs(_records(pack[:1], 2))
    lab.release(*pack)
    late = lab.submit(model=MLP, seeds=[9], epochs=5)
    again = lab.pack("two")
    assert [held.recorded_epochs for held in again] == [2, 1, 1, 0]
    assert again[-1].experiment_id == late
    assert {held.attempt for held in again[:3]} == {2}
    assert [held.engine for held in again[:3]] == [held.engine for held in pack]


def test_a_run_begun_solo_stays_out_of_packs(lab):
    """Runs of before there were packs: their engine names no form."""
    experiment_id = lab.submit(model=MLP, seeds=4, epochs=5)
    old, other = lab.taken(), lab.taken()
    lab.epochs(_records([old, other], 1))
    lab.release(old, other)
    lab.execute(
        """UPDATE runs SET engine = engine - 'form' || '{"threads": 2}' WHERE id = :id""",
        id=old.run_id,
    )
    (alone,) = lab.pack("one")
    assert (alone.run_id, alone.form, alone.engine["threads"]) == (old.run_id, "solo", 2)
    assert alone.recorded_epochs == 1
    lab.release(alone)
    lab.execute("UPDATE runs SET priority = -1 WHERE id = :id", id=old.run_id)
    assert _positions(lab, experiment_id, lab.pack("one")) == [1, 2, 3]
    assert [held.run_id for held in lab.pack("one")] == [old.run_id]


def test_on_another_make_of_engine_members_start_over(lab):
    lab.submit(model=MLP, seeds=2, epochs=5)
    pack = lab.pack()
    lab.starts([(held, insight(loss=2.5)) for held in pack])
    lab.epochs(_records(pack, 1))
    lab.release(*pack)
    first, second = pack
    lab.execute(
        """UPDATE runs SET engine = engine || '{"torch": "3"}' WHERE id = :id""", id=first.run_id
    )
    again = lab.pack()
    assert [held.recorded_epochs for held in again] == [0, 1]
    assert again[0].engine == again[1].engine == second.engine
    assert (lab.history(first.run_id), len(lab.history(second.run_id))) == ([], 1)


def test_a_solo_run_gets_threads_by_the_size_of_its_experiment(lab):
    settings = {"training_threads": None, "cores": 4}
    lab.settings = lab.settings.model_copy(update=settings)
    lab.submit(seeds=2)
    lab.submit(activation=["relu", "tanh"], seeds=[7, 8, 9], epochs=3)
    threads = [lab.taken(f"worker-{n}").engine["threads"] for n in range(8)]
    assert threads == [2, 2, *[1] * 6]


def test_a_worker_counts_once_however_many_runs_it_trains(lab):
    _meet_workers(lab, "one", "two", "three")
    experiment_id = lab.submit(model=MLP, seeds=64)
    lab.settings = lab.settings.model_copy(update={"pack_size": 32})
    assert len(lab.pack("one")) == 22
    with lab.sessions() as session:
        assert workers_wanted(session, lab.settings)["cpu"] == 2
    one = lab.standing(experiment_id).eta_seconds
    lab.pack("two")
    assert lab.standing(experiment_id).eta_seconds == pytest.approx(one / 2, abs=0.01)


def test_a_claim_among_many_that_wait_reads_few(lab, engine):
    """Twenty thousand runs wait; each query of a claim finds its rows by an index."""
    experiment_id = lab.submit(model=MLP, seeds=2)
    lab.execute(
        """
        INSERT INTO runs (id, experiment_id, position, config, config_hash, pack_key, seed, status,
                          priority, device_request, reuse, max_attempts, epochs)
        SELECT gen_random_uuid(), experiment_id, n + 10, config, config_hash || n % 7,
               CASE n % 10 WHEN 0 THEN pack_key ELSE 'other' || n % 40 END, 1000 + n, 'queued', -1,
               'auto', true, 3, 2
        FROM runs, generate_series(1, 20000) AS n WHERE experiment_id = :id AND position = 0
        """,
        id=experiment_id,
    )
    lab.execute("ANALYZE runs")
    plans = _plans(lab, engine)
    assert len(lab.pack("two")) == 32
    scans = [line for plan in plans for line in plan.splitlines() if "Scan" in line]
    assert not [line for line in scans if "Seq Scan on runs" in line], plans
    used = {name for name in ("ix_runs_claimable", "ix_runs_packable") if name in "".join(plans)}
    assert used == {"ix_runs_claimable", "ix_runs_packable"}


def _plans(lab, engine):
    """How Postgres carries out the queries by which a pack is chosen, with its very parameters."""
    chosen = []

    def note(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT") and " runs" in statement:
            chosen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        assert len(lab.pack()) == 32
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        plans = []
        for statement, parameters in chosen:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return plans
