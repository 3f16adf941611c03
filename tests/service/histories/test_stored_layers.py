"""Layer statistics and diagnoses: stored once, in one row an epoch, and read in one query."""

import math
import uuid

import pytest
from sqlalchemy import event, text

from service.errors import NotFoundError
from service.experiments import lifecycle
from service.histories import diagnoses, layer_statistics
from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.runs import endings, recording
from tests.support.layer_samples import DISTRIBUTION, FINDING, SICK, insight, statistics


def read(lab, run_id, epoch=None):
    with lab.sessions() as session:
        return layer_statistics.read_layers(session, run_id, epoch)


def diagnosis(lab, run_id):
    with lab.sessions() as session:
        return diagnoses.read_diagnosis(session, run_id)


@pytest.fixture
def trained(lab):
    """The claim of a finished run of two epochs with statistics at 0 and 2."""
    lab.submit(epochs=2)
    held = lab.taken()
    lab.start(held, insight(loss=2.5))
    lab.epoch(held, 1)
    lab.epoch(held, 2, "completed", insight(loss=0.5, diagnosis=SICK))
    return held


def test_what_is_stored_is_shown(lab, trained):
    found = read(lab, trained.run_id, 0)
    assert (found.epoch, found.epochs_available, found.status) == (0, [0, 2], "completed")
    assert {name: found.content[name] for name in ("samples", "loss", "chance_loss")} == {
        "samples": 1000,
        "loss": 2.5,
        "chance_loss": 2.3,
    }
    (layer,) = found.content["layers"]
    assert (layer["name"], layer["units"], layer["dead_fraction"]) == ("dense_1", 10, 0.1)
    for name in layer_statistics.DISTRIBUTIONS:
        shown = layer[name]
        assert {key: shown[key] for key in ("mean", "std", "min", "max")} == {
            key: DISTRIBUTION[key] for key in ("mean", "std", "min", "max")
        }
        assert shown["quantiles"] == DISTRIBUTION["quantiles"]
        assert shown["histogram"] == {"edges": [-1.0, -0.5, 0.0, 0.5, 1.0], "counts": [1, 2, 3, 4]}


def test_the_last_epoch_is_meant_where_none_is_named(lab, trained):
    assert read(lab, trained.run_id).epoch == 2
    assert read(lab, trained.run_id).content["loss"] == 0.5


def test_reading_an_epoch_is_one_query(lab, trained, engine):
    seen = []
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    read(lab, trained.run_id, 0)
    assert len(seen) == 1


def test_a_row_is_small(lab, trained):
    many = statistics(layers=6, bins=64)
    assert len(layer_statistics.encode(many)) < 8_000
    assert (
        layer_statistics.decode(layer_statistics.encode(many))["layers"][5]["z"]["histogram"][
            "edges"
        ][64]
        == 1.0
    )


def test_numbers_that_are_none_travel_as_words():
    empty = DISTRIBUTION | {
        "mean": math.nan,
        "max": math.inf,
        "histogram": {"low": math.nan, "high": math.nan, "counts": []},
    }
    content = layer_statistics.decode(layer_statistics.encode(statistics(loss=math.inf, z=empty)))
    z = content["layers"][0]["z"]
    assert (content["loss"], z["mean"], z["max"]) == ("Infinity", "NaN", "Infinity")
    assert z["histogram"] == {"edges": [], "counts": []}


def test_float32_keeps_its_digits():
    third = 0.3333333432674408  # the float32 nearest a third
    values = DISTRIBUTION | {"max": third, "mean": 1 / 3}
    z = layer_statistics.decode(layer_statistics.encode(statistics(z=values)))["layers"][0]["z"]
    assert z["mean"] == 1 / 3
    assert z["max"] == 0.333333343


def test_what_is_not_there_is_said_with_what_is(lab, trained):
    with pytest.raises(NotFoundError, match=r"at epoch 1; it has them at 0, 2\."):
        read(lab, trained.run_id, 1)
    with pytest.raises(NotFoundError, match="There is no run"):
        read(lab, uuid.uuid4())
    (waiting,) = lab.runs(lab.submit(reuse=False))
    with pytest.raises(NotFoundError, match=r"no layer statistics yet\."):
        read(lab, waiting.id)
    (without,) = lab.runs(lab.submit(layer_statistics="off"))
    with pytest.raises(NotFoundError, match="layer_statistics off"):
        read(lab, without.id, 0)


def test_a_start_written_twice_is_written_once(lab):
    lab.submit()
    held = lab.taken()
    lab.start(held, insight(loss=2.5))
    lab.start(held, insight(loss=9.9))
    assert read(lab, held.run_id, 0).content["loss"] == 2.5


def test_a_stale_attempt_writes_nothing(lab, settings):
    lab.submit()
    held = lab.taken()
    lab.release(held)
    for write in (
        lambda: lab.start(held, insight(diagnosis=SICK)),
        lambda: lab.epoch(held, 1, None, insight(diagnosis=SICK)),
    ):
        assert write().lost == {held.run_id}
    assert diagnosis(lab, held.run_id).verdict is None
    with pytest.raises(NotFoundError):
        read(lab, held.run_id)


def test_an_epoch_and_its_layers_are_one_transaction(lab, monkeypatch):
    lab.submit()
    held = lab.taken()

    def fail(*_):
        raise RuntimeError("The power went out.")

    monkeypatch.setattr(recording, "publish", fail)
    with pytest.raises(RuntimeError):
        lab.epoch(held, 1, None, insight(diagnosis=SICK))
    assert lab.run(held.run_id).epoch == 0
    assert diagnosis(lab, held.run_id).verdict is None
    with pytest.raises(NotFoundError):
        read(lab, held.run_id)


def test_another_engine_starts_over(lab, settings):
    lab.submit()
    held = lab.taken()
    lab.start(held, insight(loss=2.5))
    lab.epoch(held, 1, None, insight(diagnosis=SICK))
    lab.release(held)
    again = lab.taken(torch="another")
    assert diagnosis(lab, held.run_id).verdict is None
    lab.start(again, insight(loss=3.5))
    assert read(lab, held.run_id).content["loss"] == 3.5


def test_a_start_tells_of_a_cancel(lab):
    lab.submit()
    held = lab.taken()
    with lab.sessions() as session:
        endings.cancel(session, held.run_id)
    assert lab.start(held, insight()).cancelled == {held.run_id}


def test_a_diagnosis_is_replaced_by_a_later_one_and_kept_where_there_is_none(lab):
    lab.submit(epochs=3)
    held = lab.taken()
    lab.start(held, insight(diagnosis=RecordedDiagnosis("healthy", [])))
    assert diagnosis(lab, held.run_id).verdict == "healthy"
    lab.epoch(held, 1, None, insight(diagnosis=SICK))
    lab.epoch(held, 2)
    found = diagnosis(lab, held.run_id)
    assert (found.verdict, found.findings) == ("vanishing", [FINDING])


def test_a_finding_may_be_of_what_is_not_finite(lab):
    lab.submit()
    held = lab.taken()
    finding = FINDING | {"kind": "exploding", "value": math.nan, "threshold": math.inf}
    lab.epoch(held, 1, "diverged", Insight(diagnosis=RecordedDiagnosis("exploding", [finding])))
    (found,) = diagnosis(lab, held.run_id).findings
    assert (found["value"], found["threshold"]) == ("NaN", "Infinity")


def test_a_reused_run_shows_the_same(lab, trained):
    (copy,) = lab.runs(lab.submit(epochs=2))
    assert copy.reused_from == trained.run_id
    for epoch in (0, 2):
        found, original = read(lab, copy.id, epoch), read(lab, trained.run_id, epoch)
        assert (found.content, found.epochs_available) == (original.content, [0, 2])
    assert diagnosis(lab, copy.id) == diagnosis(lab, trained.run_id)
    with lab.sessions() as session:
        lifecycle.delete(session, trained.experiment_id)
    assert read(lab, copy.id).content["loss"] == 0.5


def test_all_layers_of_several_runs_are_read_at_once(lab, trained):
    (copy,) = lab.runs(lab.submit(epochs=2))
    with lab.sessions.begin() as session:
        found = list(layer_statistics.read_layers_of_runs(session, [trained.run_id, copy.id]))
    assert [(run_id, epoch) for run_id, epoch, _ in found] == [
        (run_id, epoch) for run_id in (trained.run_id, copy.id) for epoch in (0, 2)
    ]
    assert all(each[0]["name"] == "dense_1" for *_, each in found)


def test_an_experiment_is_deleted_with_its_layers(lab, trained):
    with lab.sessions() as session:
        lifecycle.delete(session, trained.experiment_id)
        assert session.scalar(text("SELECT count(*) FROM layers")) == 0
