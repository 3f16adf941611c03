"""Histories: columnar, thinned without losing a peak, and streamed whole."""

import csv
import io
import json
import math
import uuid
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from service.api.web.caching import FOREVER
from service.catalog.metrics import EPOCH_METRICS, is_of
from service.comparison import ranking
from service.comparison.question import Question
from service.errors import InvalidError, NotFoundError
from service.experiments import lifecycle
from service.histories import exports, reading
from service.histories.exports import StreamBrokenError, are_final, as_csv, as_json, as_parquet
from service.json_numbers import to_json
from service.specs.spec import AXIS_FIELDS

OF_CLASSES = [each for each in EPOCH_METRICS if is_of(each, "classification")]
USUAL = [each for each in OF_CLASSES if "binary" not in each]


def trained(lab, losses, **spec):
    """A run with these losses by epoch."""
    lab.submit(epochs=len(losses), reuse=False, **spec)
    held = lab.taken()
    for epoch, loss in enumerate(losses, start=1):
        lab.epoch(held, epoch, "completed" if epoch == len(losses) else None, loss=loss)
    return held.run_id


def fill(lab, losses):
    """A run with these losses, and as accuracy the same half a history later."""
    lab.submit(epochs=max(1, min(len(losses), 20_000)), reuse=False)
    held = lab.taken()
    half = len(losses) // 2
    lab.execute(
        "INSERT INTO epochs (run_id, epoch, loss, accuracy, val_loss)"
        " SELECT :run_id, number, loss, accuracy, -number"
        " FROM unnest(CAST(:losses AS double precision[]), CAST(:later AS double precision[]))"
        " WITH ORDINALITY AS given (loss, accuracy, number)",
        run_id=held.run_id,
        losses=losses,
        later=losses[half:] + losses[:half],
    )
    return held.run_id


def history(lab, run_id, **wanted):
    with lab.sessions() as session:
        return reading.read_history(session, run_id, **wanted)


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
    asked = ["loss", "accuracy", "val_loss"]
    whole = history(lab, run_id, metrics=asked)
    thin = history(lab, run_id, metrics=asked, max_points=points)
    if len(losses) <= points:
        assert thin == whole
        return
    assert thin.epoch == sorted(set(thin.epoch))
    assert (thin.epoch[0], thin.epoch[-1]) == (1, len(losses))
    assert points // 2 <= len(thin.epoch) <= points
    for name, column in thin.metrics.items():
        assert column == [whole.metrics[name][epoch - 1] for epoch in thin.epoch]
    # With 8 points or more those of three metrics, with 6 of two, with 4 of one.
    for name in asked[: (points - 2) // 2]:
        values = [float(value) for value in whole.metrics[name]]
        ordered = sorted(values, key=lambda value: (math.isnan(value), value))
        assert to_json(ordered[0]) in thin.metrics[name]
        assert to_json(ordered[-1]) in thin.metrics[name]


def test_a_single_spike_in_a_long_history_is_kept(lab):
    losses = [1.0] * 1000
    losses[613], losses[900] = 50.0, 0.01
    run_id = fill(lab, losses)
    thin = history(lab, run_id, metrics=["loss"], max_points=20)
    assert {614, 901} <= set(thin.epoch)
    assert len(thin.epoch) == 20
    # Half a history on, those of the accuracy, which is not asked for first.
    both = history(lab, run_id, metrics=["binary_accuracy", "loss", "accuracy"], max_points=20)
    assert {614, 901, 114, 401} <= set(both.epoch)
    assert len(both.epoch) <= 20
    # Where nothing happens, the points are spread evenly.
    assert max(after - before for before, after in pairwise(both.epoch)) < 130


def test_a_long_history_that_is_short_enough_is_given_whole(lab):
    thin = history(lab, fill(lab, [0.5] * 50_000), metrics=["loss"], max_points=50_000)
    assert thin.epoch == list(range(1, 50_001))


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
    assert [each["run_id"] for each in body["histories"]] == [str(run.id) for run in runs]
    diverged, complete, waiting = body["histories"]
    assert (diverged["status"], diverged["epoch"]) == ("diverged", [1])
    assert diverged["metrics"]["loss"] == ["NaN"]
    assert diverged["metrics"]["val_loss"] == ["Infinity"]
    assert (complete["label"], complete["activation"], complete["seed"]) == ("plain", "tanh", 0)
    assert (complete["batch_size"], complete["loss_function"]) == (128, "categorical_crossentropy")
    assert complete["metrics"]["loss"] == [1.0, 1.0]
    assert (waiting["status"], waiting["epoch"], waiting["metrics"]["loss"]) == ("queued", [], [])


@pytest.mark.usefixtures("_batches")
def test_all_histories_as_csv(lab, experiment_id):
    text = b"".join(as_csv(lab.sessions, experiment_id)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    first, second, _ = lab.runs(experiment_id)
    assert [(row["run_id"], row["epoch"]) for row in rows] == [
        (str(first.id), "1"),
        (str(second.id), "1"),
        (str(second.id), "2"),
    ]
    assert rows[0]["label"] == 'says "hi", twice'
    assert (rows[0]["loss"], rows[0]["val_loss"]) == ("NaN", "Infinity")
    assert (rows[1]["loss"], rows[1]["binary_accuracy"]) == ("1", "")
    assert list(rows[0])[-len(OF_CLASSES) - 1 :] == ["epoch", *OF_CLASSES]


@pytest.mark.usefixtures("_batches")
def test_all_histories_as_parquet(lab, experiment_id):
    content = b"".join(as_parquet(lab.sessions, experiment_id))
    table = parquet.read_table(io.BytesIO(content))
    rows = table.to_pylist()
    first, second, _ = lab.runs(experiment_id)
    assert [(row["run_id"], row["epoch"]) for row in rows] == [
        (str(first.id), 1),
        (str(second.id), 1),
        (str(second.id), 2),
    ]
    assert rows[0]["label"] == 'says "hi", twice'
    assert math.isnan(rows[0]["loss"])
    assert rows[0]["val_loss"] == math.inf
    assert (rows[1]["loss"], rows[1]["binary_accuracy"], rows[1]["seed"]) == (1.0, None, 0)
    assert table.column_names[-len(OF_CLASSES) - 1 :] == ["epoch", *OF_CLASSES]


def test_a_parquet_file_of_no_epochs_has_its_columns(lab):
    content = b"".join(as_parquet(lab.sessions, lab.submit(epochs=1)))
    table = parquet.read_table(io.BytesIO(content))
    assert (table.num_rows, table.column_names[0]) == (0, "run_id")


def test_each_axis_has_a_column_that_tells_its_values_apart(lab, sessions):
    """Written as comparisons write them; without, unlike configurations would be averaged."""
    sgd = {"name": "sgd", "learning_rate": 0.9}
    leaky = {"name": "leaky_relu", "negative_slope": 0.1}
    experiment_id = lab.submit(
        dataset={"name": "mnist", "train_size": 500},
        activation=[leaky, leaky | {"negative_slope": 0.2}],
        initializer={"name": "normal", "stddev": 0.01},
        optimizer=[sgd, sgd | {"learning_rate": 0.5}, {"name": "sgd", "momentum": 0.9}],
        dropout=[0, 0.25],
        batch_size=[32, 64],
        loss=["categorical_crossentropy", "binary_crossentropy"],
        epochs=1,
    )
    lab.train_all()
    with sessions() as session:
        groups = ranking.compare(session, experiment_id, Question(by=AXIS_FIELDS)).groups
    wanted = sorted(tuple(map(str, group.by.values())) for group in groups)
    text = b"".join(as_csv(lab.sessions, experiment_id)).decode()
    content = b"".join(as_parquet(lab.sessions, experiment_id))
    table = parquet.read_table(io.BytesIO(content))
    streamed = json.loads(b"".join(as_json(lab.sessions, experiment_id)))["histories"]
    names = ["loss_function" if axis == "loss" else axis for axis in AXIS_FIELDS]
    assert len(set(wanted)) == len(wanted) == 48
    for rows in (list(csv.DictReader(io.StringIO(text))), table.to_pylist(), streamed):
        assert sorted(tuple(str(row[name]) for name in names) for row in rows) == wanted
    assert table["batch_size"].to_pylist()[:3] == [32, 32, 64]
    assert set(table["activation"].to_pylist()) == {
        "leaky_relu(negative_slope=0.1)",
        "leaky_relu(negative_slope=0.2)",
    }
    assert set(table["initializer"].to_pylist()) == {"normal(stddev=0.01)"}
    optimizers = set(table["optimizer"].to_pylist())
    assert "sgd(learning_rate=0.5, momentum=0)" in optimizers
    assert len(optimizers) == 3


def test_a_stream_is_as_large_as_a_batch_however_many_runs_there_are(lab, monkeypatch):
    held = []
    for seeds in (30, 90):
        experiment_id = lab.submit(seeds=seeds, epochs=2, reuse=False)
        lab.execute(
            "INSERT INTO epochs (run_id, epoch, loss) SELECT id, number, 0.5"
            " FROM runs, generate_series(1, 2) AS number WHERE experiment_id = :id",
            id=experiment_id,
        )
        monkeypatch.setattr(exports, "BATCH_EPOCHS", 20)
        pieces = [*as_csv(lab.sessions, experiment_id)]
        assert sum(piece.count(b"\n") for piece in pieces) == 1 + 2 * seeds
        assert len(pieces) == 1 + seeds // 10
        held.append(max(map(len, pieces)))
    assert held[1] <= held[0] + 20  # a seed above 9 has a digit more


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
        lifecycle.cancel(session, experiment_id)
        lifecycle.delete(session, experiment_id)
    with pytest.raises(StreamBrokenError):
        next(stream)


def test_streaming_what_is_not_there(lab):
    with lab.sessions() as session, pytest.raises(NotFoundError):
        are_final(session, uuid.uuid4())


def test_all_histories_may_be_kept_once_every_run_has_its_result(api, lab, experiment_id):
    path = f"/v1/experiments/{experiment_id}/histories"
    kinds = ("application/json", "text/csv", "application/vnd.apache.parquet")
    for kind in kinds:
        under_way = api.get(path, headers={"Accept": kind})
        assert under_way.headers["cache-control"] == "private, no-cache"
        assert "etag" not in under_way.headers
    waiting = lab.taken()
    lab.fail(waiting)
    assert "etag" not in api.get(path).headers  # it is tried again
    lab.train_all()
    tags = {}
    for kind in kinds:
        first = api.get(path, headers={"Accept": kind})
        tags[kind] = first.headers["etag"]
        assert first.headers["cache-control"] == FOREVER
        known = {"Accept": kind, "If-None-Match": f'"other", {tags[kind]}'}
        same = api.get(path, headers=known)
        assert (same.status_code, same.content) == (304, b"")
        assert (same.headers["etag"], same.headers["vary"]) == (tags[kind], "Accept")
        changed = api.get(path, headers=known | {"If-None-Match": '"other"'})
        assert (changed.status_code, changed.content) == (200, first.content)
        assert changed.headers["etag"] == tags[kind]
    assert len({*tags.values()}) == 3
    with lab.sessions() as session:
        lifecycle.delete(session, experiment_id)
    assert api.get(path, headers={"If-None-Match": tags[kinds[0]]}).status_code == 404


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=x", "plain", "a=b"])
def test_no_label_is_a_formula_of_a_spreadsheet(lab, label):
    experiment_id = lab.submit(variants=[{"label": label}], activation="relu")
    lab.train(lab.taken())
    text = b"".join(as_csv(lab.sessions, experiment_id)).decode()
    (cell, *_) = {row["label"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert cell == (label if label in {"plain", "a=b"} else f"'{label}")
    table = parquet.read_table(io.BytesIO(b"".join(as_parquet(lab.sessions, experiment_id))))
    assert set(table["label"].to_pylist()) == {label}
