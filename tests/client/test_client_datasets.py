"""Uploads through the client and the command line: files, frames, two parts, dry runs."""

import asyncio
import json

import numpy as np
import pandas as pd
import pytest

from actinium import ApiError, AsyncClient
from tests.support.paths import ROOT

CHURN = ROOT / "data" / "churn" / "churn_modelling.csv"


def frame(rows=40):
    return pd.DataFrame(
        {
            "size": np.arange(rows) * 0.25,
            "kind": ["a", "b"] * (rows // 2),
            "y": [0, 1] * (rows // 2),
        }
    )


def test_a_file_a_frame_and_bytes_are_uploaded(client, tmp_path):
    made = client.upload(frame(), target="y", tags={"course": "dl"}, leave_out=["kind"])
    assert (made["task"], made["inputs"], made["tags"]) == ("binary", ["size"], {"course": "dl"})
    path = tmp_path / "table.csv"
    frame().to_csv(path, index=False)
    assert client.upload(path, target="y", leave_out=["kind"])["id"] == made["id"]
    assert client.upload(path.read_bytes(), target="y", leave_out="kind")["id"] == made["id"]
    assert client.upload(str(path), dry_run=True)["name"] == "table"
    assert [one["id"] for one in client.datasets(page_size=1)] == [made["id"]]
    assert client.dataset(made)["features"][0]["maximum"] == 9.75
    client.delete_dataset(made)
    assert list(client.datasets()) == []


def test_a_second_frame_is_the_test_part(client):
    made = client.upload(frame(), test=frame(10), target="y")
    assert (made["split"]["by"], made["train_count"], made["test_count"]) == ("file", 40, 10)


def test_what_cannot_be_used_is_told(client):
    with pytest.raises(ApiError, match="'z' is not a known column"):
        client.upload(frame(), target="z")
    with pytest.raises(TypeError, match="a data frame is needed, not int"):
        client.upload(7)
    with pytest.raises(FileNotFoundError):
        client.upload("nowhere.csv")


def test_the_asynchronous_client_uploads_too(served):
    async def upload():
        async with AsyncClient(served.url) as client:
            made = await client.upload(frame(), target="y")
            return made, [one["id"] async for one in client.datasets()]

    made, listed = asyncio.run(upload())
    assert listed == [made["id"]]


def test_data_sets_on_the_command_line(actinium, client):
    tried = actinium("data", "add", str(CHURN), "--target", "Exited", "--dry-run")
    assert "nothing was stored" in tried.stdout
    made = actinium("data", "add", str(CHURN), "--target", "Exited", "--tag", "team:a", "--json")
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert (found["name"], found["tags"]) == ("churn_modelling", {"team": "a"})
    assert found["id"] in actinium("data", "ls").stdout
    shown = actinium("data", "show", found["id"][-8:]).stdout
    assert "Germany (2,509)" in shown
    assert f"--dataset uploaded:id={found['id']}" in shown
    planned = actinium(
        *("run", "--activation", "relu", "--model", "mlp", "--dry-run", "--json"),
        *("--dataset", f"uploaded:id={found['id']}"),
    )
    assert json.loads(planned.stdout)["runs"] == 1, planned.stderr
    refused = actinium("data", "add", str(CHURN), "--target", "Left")
    assert (refused.returncode, "did you mean" in refused.stderr or "Valid" in refused.stderr) == (
        1,
        True,
    )
    assert actinium("data", "rm", found["id"][-8:]).returncode == 0
    assert list(client.datasets()) == []
