"""All layer statistics of an experiment as CSV, Parquet and HDF5: the same numbers in each."""

import csv
import io
import json
import math
import resource

import h5py
import pytest
from pyarrow import parquet

from service.histories import layer_exports
from service.histories.diagnoses import Insight
from service.histories.exports import StreamBrokenError
from service.histories.layer_exports import COLUMNS, as_csv, as_hdf5, as_parquet
from service.weights import storage
from tests.support.layer_samples import DISTRIBUTION, statistics

pytestmark = pytest.mark.slow

STREAMS = ("csv", "parquet", "h5")
MEDIA_TYPES = ("text/csv", "application/vnd.apache.parquet", "application/x-hdf5")


@pytest.fixture(params=[1, 128])
def experiment_id(lab, request, monkeypatch):
    """Two configurations with two seeds, two epochs of statistics and two layers each."""
    monkeypatch.setattr(layer_exports, "BATCH_EPOCHS", request.param)
    made = lab.submit(activation=["relu", "leaky_relu"], seeds=[3, 4], epochs=1)
    for number in range(4):
        claim = lab.taken()
        z = DISTRIBUTION | {"mean": float("nan"), "std": float("inf")} if number == 3 else None
        lab.start(claim, Insight(layers=statistics(1.0 + number, layers=2), diagnosis=None))
        lab.epoch(
            claim,
            1,
            "completed",
            insight=Insight(layers=statistics(0.5, layers=2, z=z), diagnosis=None),
        )
    return made


def content_of(lab, kind, experiment_id):
    if kind == "h5":
        return b"".join(as_hdf5(lab.sessions, experiment_id, lab.settings.scratch / "exports"))
    stream = as_csv if kind == "csv" else as_parquet
    return b"".join(stream(lab.sessions, experiment_id))


def rows_of_csv(lab, experiment_id):
    text = content_of(lab, "csv", experiment_id).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_row_for_each_layer_of_each_epoch(lab, experiment_id):
    rows = rows_of_csv(lab, experiment_id)
    assert list(rows[0]) == list(COLUMNS)
    runs = [str(run.id) for run in lab.runs(experiment_id)]
    assert [(row["run_id"], row["epoch"], row["layer"]) for row in rows] == [
        (run, epoch, layer) for run in runs for epoch in "01" for layer in ("dense_1", "dense_2")
    ]
    assert [row["seed"] for row in rows[::4]] == ["3", "4", "3", "4"]
    assert [row["activation"] for row in rows[::8]] == ["relu", "leaky_relu"]
    first = rows[0]
    assert [first[name] for name in ("units", "samples", "probe_loss", "chance_loss")] == [
        "10",
        "1000",
        "1.0",
        "2.3",
    ]
    assert [first[f"z_{name}"] for name in ("count", "mean", "p01", "p50", "p99")] == [
        "10000",
        "0.125",
        "-0.9",
        "0.1",
        "0.95",
    ]
    assert (first["symmetric"], first["sparsity"], first["z_p25"]) == ("false", "", "")
    assert (rows[14]["z_mean"], rows[14]["z_std"]) == ("NaN", "Infinity")


def test_parquet_has_the_same_rows_with_types(lab, experiment_id):
    table = parquet.read_table(io.BytesIO(content_of(lab, "parquet", experiment_id)))
    assert table.column_names == list(COLUMNS)
    rows, written = table.to_pylist(), rows_of_csv(lab, experiment_id)
    assert [(row["run_id"], row["epoch"], row["layer_index"]) for row in rows] == [
        (row["run_id"], int(row["epoch"]), int(row["layer_index"])) for row in written
    ]
    assert (rows[0]["symmetric"], rows[0]["sparsity"], rows[0]["z_mean"]) == (False, None, 0.125)
    assert math.isnan(rows[14]["z_mean"])
    assert rows[14]["z_std"] == math.inf


def test_hdf5_has_a_group_per_configuration(lab, experiment_id):
    content = content_of(lab, "h5", experiment_id)
    written = rows_of_csv(lab, experiment_id)
    with h5py.File(io.BytesIO(content)) as file:
        assert list(file) == ["configuration_0001", "configuration_0002"]
        for number, (name, group) in enumerate(file.items()):
            ours = written[8 * number : 8 * number + 8]
            assert group.attrs["activation"] == ("relu", "leaky_relu")[number], name
            assert json.loads(group.attrs["config"])["epochs"] == 1
            for column in ("run_id", "layer", "status"):
                assert list(group[column].asstr()) == [row[column] for row in ours]
            for column in ("seed", "epoch", "layer_index", "units", "z_count"):
                assert list(group[column]) == [int(row[column]) for row in ours]
            found = [str(value) for value in group["z_mean"]]
            assert found == [row["z_mean"].replace("NaN", "nan") for row in ours]
            assert group["z_histogram"].shape == (8, 4)
            assert group["z_histogram"][0].tolist() == [1, 2, 3, 4]
            assert group["z_histogram_low"][0] == -1.0
            assert group["z_histogram_high"][0] == 1.0
            assert math.isnan(group["sparsity"][0])


def test_numbers_by_step_are_in_every_format(lab):
    """Of the first layer alone, at epoch 1 of one run of two, and of one configuration of two."""
    made = lab.submit(activation=["relu", "leaky_relu"], seeds=[3, 4], epochs=1)
    for steps in (["Infinity", 0.5, 0.25], None, None, None):
        claim = lab.taken()
        lab.start(claim, Insight(layers=statistics(layers=2), diagnosis=None))
        found = statistics(layers=2)
        if steps is not None:
            found["layers"][0]["gradient_by_step"] = steps
        lab.epoch(claim, 1, "completed", insight=Insight(layers=found, diagnosis=None))
    cells = [row["gradient_by_step"] for row in rows_of_csv(lab, made)]
    assert cells == ["", "", "[Infinity, 0.5, 0.25]", *[""] * 13]
    assert json.loads(cells[2]) == [math.inf, 0.5, 0.25]
    table = parquet.read_table(io.BytesIO(content_of(lab, "parquet", made)))
    assert table["gradient_by_step"].to_pylist() == [cell or None for cell in cells]
    with h5py.File(io.BytesIO(content_of(lab, "h5", made))) as file:
        by_step = file["configuration_0001"]["gradient_by_step"][:]
        assert by_step.shape == (len(file["configuration_0001"]["units"]), 3) == (8, 3)
        assert by_step[2].tolist() == [math.inf, 0.5, 0.25]
        assert all(math.isnan(number) for row in (0, 1, *range(3, 8)) for number in by_step[row])
        assert "gradient_by_step" not in file["configuration_0002"]


def test_the_same_statistics_give_the_same_bytes(lab, experiment_id):
    for kind in STREAMS:
        assert content_of(lab, kind, experiment_id) == content_of(lab, kind, experiment_id)


def test_an_experiment_without_statistics_gives_empty_files(lab):
    made = lab.submit(epochs=1)
    assert content_of(lab, "csv", made).decode() == ",".join(COLUMNS) + "\n"
    assert parquet.read_table(io.BytesIO(content_of(lab, "parquet", made))).num_rows == 0
    with h5py.File(io.BytesIO(content_of(lab, "h5", made))) as file:
        assert list(file) == []


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_whose_experiment_goes_away_breaks(lab, experiment_id, kind):
    lab.execute("DELETE FROM experiments")
    with pytest.raises(StreamBrokenError):
        content_of(lab, kind, experiment_id)


def test_layers_are_served_in_the_format_asked_for(api, lab, experiment_id):
    address = f"/v1/experiments/{experiment_id}/layers"
    for media_type, kind in zip(MEDIA_TYPES, STREAMS, strict=True):
        answer = api.get(address, headers={"Accept": media_type})
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.content == content_of(lab, kind, experiment_id)
        again = {"Accept": media_type, "If-None-Match": answer.headers["etag"]}
        assert api.get(address, headers=again).status_code == 304
    tags = {api.get(address, headers={"Accept": kind}).headers["etag"] for kind in MEDIA_TYPES}
    assert len(tags) == 3
    assert api.get(address, headers={"Accept": "application/json"}).status_code == 406
    missing = "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7"
    assert api.get(f"/v1/experiments/{missing}/layers").status_code == 404


def test_a_stream_is_as_large_as_a_batch_however_many_runs_there_are(lab, monkeypatch):
    monkeypatch.setattr(layer_exports, "BATCH_EPOCHS", 2)
    made = lab.submit(seeds=6, epochs=0)
    for _ in range(6):
        claim = lab.taken()
        lab.start(claim, Insight(layers=statistics(layers=2), diagnosis=None))
        lab.finish(claim)
    header, *pieces = as_csv(lab.sessions, made)
    assert header.count(b"\n") == 1
    assert [piece.count(b"\n") for piece in pieces] == [4, 4, 4]


def test_no_label_is_a_formula_of_a_spreadsheet(lab):
    made = lab.submit(variants=[{"label": "=1+1"}], activation="relu", epochs=1)
    lab.start(lab.taken(), Insight(layers=statistics(1.0, layers=1), diagnosis=None))
    assert {row["label"] for row in rows_of_csv(lab, made)} == {"'=1+1"}
    table = parquet.read_table(io.BytesIO(content_of(lab, "parquet", made)))
    assert set(table["label"].to_pylist()) == {"=1+1"}


def test_a_stream_to_nobody_leaves_no_file(lab, experiment_id, tmp_path):
    as_hdf5(lab.sessions, experiment_id, tmp_path)
    stream = as_hdf5(lab.sessions, experiment_id, tmp_path)
    next(stream)
    del stream
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [1_000, 40_000, 100_000])
def test_a_full_disk_is_answered_503_and_the_api_goes_on(api, lab, experiment_id, limit):
    """Files of this process may not grow beyond a limit: writes fail as on a disk that is full."""
    address = f"/v1/experiments/{experiment_id}/layers"
    h5 = {"Accept": "application/x-hdf5"}
    assert len(content_of(lab, "h5", experiment_id)) > limit
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        answer = api.get(address, headers=h5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The file cannot be made now: File too large."
    assert list((lab.settings.scratch / "exports").iterdir()) == []
    assert api.get(address, headers=h5).status_code == 200


def test_nothing_is_written_where_the_disk_is_nearly_full(lab, experiment_id, monkeypatch):
    monkeypatch.setattr(storage, "_RESERVED_SHARE", 1)
    monkeypatch.setattr(storage, "_RESERVED_BYTES", 2**62)
    with pytest.raises(OSError, match="Too little room"):
        content_of(lab, "h5", experiment_id)
