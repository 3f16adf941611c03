"""Exports as files: what is written is what the service holds, whatever the format."""

import json
import os

import pytest

import actinium
from service.histories.diagnoses import Insight
from tests.support.layer_samples import statistics

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def experiment(lab):
    """Two runs, one of which diverges."""
    made = lab.submit(activation=["relu", "leaky_relu"], epochs=3)
    lab.train(lab.taken(), val_accuracy=0.75)
    claim = lab.taken()
    lab.epoch(claim, 1, loss=1e300, val_loss=INF)
    lab.epoch(claim, 2, "diverged", loss=NAN)
    return made


def test_parquet_holds_what_the_histories_hold(client, experiment, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    result = actinium.columns(client.histories(experiment))
    path = client.export(experiment, tmp_path / "all.parquet")
    read = parquet.read_table(path).to_pydict()
    assert read["run_id"] == result["run_id"]
    assert read["epoch"] == result["epoch"] == [1, 2, 3, 1, 2]
    assert read["activation"] == ["relu"] * 3 + ["leaky_relu"] * 2
    for metric in ("loss", "val_loss", "val_accuracy"):
        assert read[metric] == pytest.approx(result[metric], rel=0, abs=0, nan_ok=True)
    assert [str(loss) for loss in read["val_loss"][3:]] == ["inf", "1.5"]


def test_the_command_writes_every_format(actinium, experiment, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    sizes = {}
    for kind in ("csv", "parquet", "json"):
        result = actinium("export", str(experiment), "file", "--format", kind, "--json")
        assert result.returncode == 0, result.stderr
        written = json.loads(result.stdout)
        path = tmp_path / "file"
        assert written == {"path": "file", "bytes": path.stat().st_size}
        content = path.read_bytes()
        sizes[kind] = (
            parquet.read_table(path).num_rows
            if kind == "parquet"
            else content.count(b"\n") - 1
            if kind == "csv"
            else sum(len(history["epoch"]) for history in json.loads(content)["histories"])
        )
    assert sizes == {"csv": 5, "parquet": 5, "json": 5}


def test_an_export_that_cannot_be_written_is_a_sentence_and_leaves_nothing(
    actinium, client, experiment, tmp_path
):
    result = actinium("export", str(experiment), "missing/all.csv")
    assert (result.returncode, result.stdout) == (1, "")
    sentence = "missing/all.csv cannot be read or written: no such file or directory.\n"
    assert result.stderr == sentence
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert actinium("export", str(experiment), "folder.csv").returncode == 2
    with pytest.raises(IsADirectoryError):
        client.export(experiment, folder)
    assert [file.name for file in tmp_path.rglob("*")] == ["folder.csv"]


def test_a_pipe_is_written_and_not_put_away_for_a_file(client, experiment, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        client.export(experiment, pipe, format="csv")
        assert pipe.is_fifo()
        assert os.read(reader, 65536).count(b"\n") == 1 + 5
    finally:
        os.close(reader)


def test_layer_statistics_are_written_too(actinium, client, lab, tmp_path):
    h5py = pytest.importorskip("h5py")
    made = lab.submit(activation=["relu", "tanh"], epochs=0)
    for _ in range(2):
        claim = lab.taken()
        lab.start(claim, Insight(layers=statistics(), diagnosis=None))
        lab.finish(claim)
    path = client.export_layers(made, tmp_path / "layers.h5")
    with h5py.File(path) as file:
        assert [group.attrs["activation"] for group in file.values()] == ["relu", "tanh"]
    result = actinium("export", str(made), "layers.csv", "--layers")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "layers.csv").read_bytes().count(b"\n") == 3
    refused = actinium("export", str(made), "layers.json", "--layers")
    assert refused.returncode == 2
    assert "valid: csv, parquet, h5" in refused.stderr
    with pytest.raises(ValueError, match="valid: csv, parquet, json"):
        client.export(made, tmp_path / "histories.h5")
