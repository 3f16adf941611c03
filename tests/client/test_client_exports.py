"""Exports as files: what is written is what the service holds, whatever the format."""

import json

import pytest

import actinium

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def experiment(lab):
    """Two runs, one of which diverges."""
    made = lab.submit(activation=["relu", "leaky_relu"], epochs=3)
    lab.train(lab.taken(), val_accuracy=0.75)
    held = lab.taken()
    lab.epoch(held, 1, loss=1e300, val_loss=INF)
    lab.epoch(held, 2, "diverged", loss=NAN)
    return made


def test_parquet_holds_what_the_histories_hold(client, experiment, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    told = actinium.columns(client.histories(experiment))
    path = client.export(experiment, tmp_path / "all.parquet")
    read = parquet.read_table(path).to_pydict()
    assert read["run_id"] == told["run_id"]
    assert read["epoch"] == told["epoch"] == [1, 2, 3, 1, 2]
    assert read["activation"] == ["relu"] * 3 + ["leaky_relu"] * 2
    for metric in ("loss", "val_loss", "val_accuracy"):
        assert read[metric] == pytest.approx(told[metric], rel=0, abs=0, nan_ok=True)
    assert [str(each) for each in read["val_loss"][3:]] == ["inf", "1.5"]


def test_the_command_writes_every_format(client, experiment, tmp_path, served, monkeypatch):
    from click.testing import CliRunner

    from actinium.command import cli

    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("ACTINIUM_URL", served.url)
    sizes = {}
    for kind in ("csv", "parquet", "json"):
        words = ["export", str(experiment), str(tmp_path / "file"), "--format", kind, "--json"]
        told = CliRunner().invoke(cli, words)
        assert told.exit_code == 0, told.output
        written = json.loads(told.stdout)
        path = tmp_path / "file"
        assert written == {"path": str(path), "bytes": path.stat().st_size}
        content = path.read_bytes()
        sizes[kind] = (
            parquet.read_table(path).num_rows
            if kind == "parquet"
            else content.count(b"\n") - 1
            if kind == "csv"
            else sum(len(each["epoch"]) for each in json.loads(content)["histories"])
        )
    assert sizes == {"csv": 5, "parquet": 5, "json": 5}
