"""Packs: the form and the threads that a run is trained with, and keeps when it goes on."""

from tests.support.layer_samples import insight
from tests.support.small_packs import MLP, positions, records


def test_a_run_goes_on_in_the_form_and_with_the_threads_it_began_with(lab):
    lab.submit(model=MLP, seeds=3, epochs=5)
    pack = lab.pack()
    lab.epochs(records(pack, 1))
    lab.epochs(records(pack[:1], 2))
    lab.release(*pack)
    late = lab.submit(model=MLP, seeds=[9], epochs=5)
    again = lab.pack("two")
    assert [claim.recorded_epochs for claim in again] == [2, 1, 1, 0]
    assert again[-1].experiment_id == late
    assert {claim.attempt for claim in again[:3]} == {2}
    assert [claim.engine for claim in again[:3]] == [claim.engine for claim in pack]


def test_a_run_begun_solo_stays_out_of_packs(lab):
    """Runs of before there were packs: their engine names no form."""
    experiment_id = lab.submit(model=MLP, seeds=4, epochs=5)
    old, other = lab.taken(), lab.taken()
    lab.epochs(records([old, other], 1))
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
    assert positions(lab, experiment_id, lab.pack("one")) == [1, 2, 3]
    assert [claim.run_id for claim in lab.pack("one")] == [old.run_id]


def test_on_another_make_of_engine_members_start_over(lab):
    lab.submit(model=MLP, seeds=2, epochs=5)
    pack = lab.pack()
    lab.starts([(claim, insight(loss=2.5)) for claim in pack])
    lab.epochs(records(pack, 1))
    lab.release(*pack)
    first, second = pack
    lab.execute(
        """UPDATE runs SET engine = engine || '{"torch": "3"}' WHERE id = :id""", id=first.run_id
    )
    again = lab.pack()
    assert [claim.recorded_epochs for claim in again] == [0, 1]
    assert again[0].engine == again[1].engine == second.engine
    assert (lab.history(first.run_id), len(lab.history(second.run_id))) == ([], 1)


def test_a_solo_run_gets_threads_by_the_size_of_its_experiment(lab):
    settings = {"training_threads": None, "cores": 4}
    lab.settings = lab.settings.model_copy(update=settings)
    lab.submit(seeds=2)
    lab.submit(activation=["relu", "tanh"], seeds=[7, 8, 9], epochs=3)
    threads = [lab.taken(f"worker-{n}").engine["threads"] for n in range(8)]
    assert threads == [2, 2, *[1] * 6]
