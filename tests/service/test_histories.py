"""Histories: columnar, thinned without losing a peak, and streamed whole."""

import csv
import io
import json
import math
import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from service import experiments, exports, histories
from service.errors import InvalidError, NotFoundError
from service.exports import StreamBrokenError, as_csv, as_json, as_parquet, require_experiment
from service.models import METRICS
from service.numbers import to_json

USUAL = [each for each in METRICS if "binary" not in each]


def trained(lab, losses, **spec):
    """A run with these losses by epoch."""
    lab.submit(epochs=len(losses), reuse=False, **spec)
    held = lab.taken()
    for epoch, loss in enumerate(losses, start=1):
        lab.epoch(held, epoch, "completed" if epoch == len(losses) else None, loss=loss)
    return held.run_id


def fill(lab, losses):
    """A run with these losses, written in one statement."""
    lab.submit(epochs=max(1, len(losses)), reuse=False)
    held = lab.taken()
    lab.execute(
        "INSERT INTO epochs (run_id, epoch, loss, val_loss)"
        " SELECT :run_id, number, loss, -number"
        " FROM unnest(CAST(:losses AS double precision[])) WITH ORDINALITY AS given (loss, number)",
        run_id=held.run_id,
        losses=losses,
    )
    return held.run_id


def history(lab, run_id, **wanted):
    with lab.sessions() as session:
        return histories.get(session, run_id, **wanted)


def test_a_history_is_columnar(lab):
    run_id = trained(lab, [3.0, 2.0, 1.0])
    found = history(lab, run_id)
    assert (found.run_id, found.status, found.epoch) == (run_id, "completed", [1, 2, 3])
    assert list(found.metrics) == USUAL
    assert found.metrics["loss"] == [3.0, 2.0, 1.0]
    assert all(len(column) == 3 for column in found.metrics.values())


def test_some_metrics_from_some_epoch_on(lab):
    run_id = trained(lab, [3.0, 2.0, 1.0])
    found = history(lab, run_id, metrics=["val_loss", "loss", "val_loss"], from_epoch=2)
    assert found.epoch == [2, 3]
    assert list(found.metrics.items()) == [("val_loss", [1.5, 1.5]), ("loss", [2.0, 1.0])]
    assert history(lab, run_id, from_epoch=4).epoch == []


def test_a_metric_that_is_not_recorded_is_left_out(lab):
    run_id = trained(lab, [1.0])
    assert history(lab, run_id, metrics=["binary_accuracy", "loss"]).metrics == {"loss": [1.0]}
    lab.submit(epochs=1, loss="binary_crossentropy")
    held = lab.taken()
    lab.epoch(held, 1, "completed", binary_accuracy=0.75, val_binary_accuracy=0.5)
    assert history(lab, held.run_id).metrics["binary_accuracy"] == [0.75]


def test_a_run_that_has_not_begun_has_an_empty_history(lab):
    (run,) = lab.runs(lab.submit())
    found = history(lab, run.id)
    assert (found.epoch, found.metrics) == ([], {name: [] for name in USUAL})


def test_numbers_that_are_none_travel_as_words(lab):
    run_id = trained(lab, [1.0, math.inf, -math.inf, math.nan])
    found = history(lab, run_id)
    assert found.metrics["loss"] == [1.0, "Infinity", "-Infinity", "NaN"]
    assert found.metrics["val_loss"] == [1.5] * 4


def test_what_is_asked_for_must_exist(lab):
    run_id = trained(lab, [1.0])
    with pytest.raises(InvalidError, match="did you mean 'val_loss'"):
        history(lab, run_id, metrics=["valloss"])
    with pytest.raises(NotFoundError):
        history(lab, uuid.uuid4())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    losses=st.lists(
        st.one_of(st.floats(-10, 10), st.sampled_from([math.nan, math.inf, 0.0])), max_size=60
    ),
    points=st.one_of(st.integers(2, 12), st.integers(2, 70)),
)
@example(losses=[0.5] * 9 + [9.0] + [0.5] * 9 + [-9.0] + [0.5] * 20, points=9)
@example(losses=[0.5] * 9 + [math.nan] + [0.5] * 30, points=6)
def test_a_thinned_history_keeps_its_ends_and_extremes(lab, losses, points):
    run_id = fill(lab, losses)
    whole = history(lab, run_id, metrics=["loss", "val_loss"])
    thin = history(lab, run_id, metrics=["loss", "val_loss"], max_points=points)
    assert thin.epoch == sorted(set(thin.epoch))
    assert len(thin.epoch) <= points
    for epoch, loss, val_loss in zip(thin.epoch, *thin.metrics.values(), strict=True):
        assert (whole.metrics["loss"][epoch - 1], -epoch) == (loss, val_loss)
    if len(losses) <= points:
        assert thin == whole
        return
    assert (thin.epoch[0], thin.epoch[-1]) == (1, len(losses))
    assert len(thin.epoch) >= points // 2
    if points >= 4:
        ordered = sorted(losses, key=lambda loss: (math.isnan(loss), loss))
        kept = thin.metrics["loss"]
        assert to_json(ordered[0]) in kept
        assert to_json(ordered[-1]) in kept


def test_a_single_spike_in_a_long_history_is_kept(lab):
    losses = [1.0] * 1000
    losses[613], losses[900] = 50.0, 0.01
    thin = history(lab, fill(lab, losses), metrics=["loss"], max_points=20)
    assert {614, 901} <= set(thin.epoch)
    assert len(thin.epoch) <= 20


@pytest.fixture
def experiment_id(lab):
    """Three runs: a diverged one, a complete one and one that waits."""
    variants = [{"label": 'says "hi", twice'}, {"label": "plain", "activation": "tanh"}]
    experiment_id = lab.submit(variants=[*variants, {"label": "later", "activation": "elu"}])
    diverged, complete = lab.taken(), lab.taken()
    lab.epoch(diverged, 1, "diverged", loss=math.nan, val_loss=math.inf)
    lab.train(complete)
    return experiment_id


@pytest.fixture(params=[1, 2, 20_000])
def _batches(request, monkeypatch):
    """Streams read few or many epochs at a time."""
    monkeypatch.setattr(exports, "BATCH_EPOCHS", request.param)


@pytest.mark.usefixtures("_batches")
def test_all_histories_as_json(lab, experiment_id):
    body = json.loads(b"".join(as_json(lab.sessions, experiment_id)))
    assert body["experiment_id"] == str(experiment_id)
    runs = lab.runs(experiment_id)
    assert [each["run_id"] for each in body["histories"]] == [str(each.id) for each in runs]
    diverged, complete, waiting = body["histories"]
    assert (diverged["status"], diverged["epoch"]) == ("diverged", [1])
    assert diverged["metrics"]["loss"] == ["NaN"]
    assert diverged["metrics"]["val_loss"] == ["Infinity"]
    assert (complete["label"], complete["activation"], complete["seed"]) == ("plain", "tanh", 0)
    assert complete["metrics"]["loss"] == [1.0, 1.0]
    assert (waiting["status"], waiting["epoch"], waiting["metrics"]["loss"]) == ("queued", [], [])


@pytest.mark.usefixtures("_batches")
def test_all_histories_as_csv(lab, experiment_id):
    text = b"".join(as_csv(lab.sessions, experiment_id)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    first, second, _ = lab.runs(experiment_id)
    assert [(each["run_id"], each["epoch"]) for each in rows] == [
        (str(first.id), "1"),
        (str(second.id), "1"),
        (str(second.id), "2"),
    ]
    assert rows[0]["label"] == 'says "hi", twice'
    assert (rows[0]["loss"], rows[0]["val_loss"]) == ("NaN", "Infinity")
    assert (rows[1]["loss"], rows[1]["binary_accuracy"]) == ("1", "")
    assert list(rows[0])[-len(METRICS) - 1 :] == ["epoch", *METRICS]


@pytest.mark.usefixtures("_batches")
def test_all_histories_as_parquet(lab, experiment_id):
    content = b"".join(as_parquet(lab.sessions, experiment_id))
    table = parquet.read_table(io.BytesIO(content))
    rows = table.to_pylist()
    first, second, _ = lab.runs(experiment_id)
    assert [(each["run_id"], each["epoch"]) for each in rows] == [
        (str(first.id), 1),
        (str(second.id), 1),
        (str(second.id), 2),
    ]
    assert rows[0]["label"] == 'says "hi", twice'
    assert math.isnan(rows[0]["loss"])
    assert rows[0]["val_loss"] == math.inf
    assert (rows[1]["loss"], rows[1]["binary_accuracy"], rows[1]["seed"]) == (1.0, None, 0)
    assert table.column_names[-len(METRICS) - 1 :] == ["epoch", *METRICS]


def test_a_parquet_file_of_no_epochs_has_its_columns(lab):
    content = b"".join(as_parquet(lab.sessions, lab.submit(epochs=1)))
    table = parquet.read_table(io.BytesIO(content))
    assert (table.num_rows, table.column_names[0]) == (0, "run_id")


def test_a_stream_holds_no_connection_while_its_client_is_slow(lab, engine, experiment_id):
    stream = as_csv(lab.sessions, experiment_id)
    next(stream)
    next(stream)
    assert engine.pool.checkedout() == 0
    stream.close()


def test_a_stream_whose_experiment_goes_away_breaks(lab, experiment_id, monkeypatch):
    monkeypatch.setattr(exports, "BATCH_EPOCHS", 2)
    stream = as_json(lab.sessions, experiment_id)
    next(stream)
    next(stream)
    with lab.sessions() as session:
        experiments.cancel(session, experiment_id)
        experiments.delete(session, experiment_id)
    with pytest.raises(StreamBrokenError):
        next(stream)


def test_streaming_what_is_not_there(lab):
    with lab.sessions() as session, pytest.raises(NotFoundError):
        require_experiment(session, uuid.uuid4())
