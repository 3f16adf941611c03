"""Data sets over HTTP: upload, dry run, list, use in a spec, delete."""

import io
import threading
import zipfile

import httpx
import numpy as np
import pytest
from sqlalchemy import text

from service.datasets import store
from service.datasets.canonical import file_sha256
from service.histories.diagnoses import Insight
from service.weights.storage import open_storage
from tests.support.layer_samples import statistics
from tests.support.paths import ROOT
from tests.support.processes import wait_for
from tests.support.served_api import serving
from tests.support.upload_files import digits_in, png

pytestmark = pytest.mark.slow

CHURN = (ROOT / "data" / "churn" / "churn_modelling.csv").read_bytes()
TABLE = (
    "x,colour,y\n" + "".join(f"{r * 3},{'rb'[r % 2]},{['no', 'yes'][r % 2]}\n" for r in range(50))
).encode()


def upload(api: httpx.Client, content: bytes = TABLE, kind="text/csv", **query):
    return api.post("/v1/datasets", params=query, content=content, headers={"content-type": kind})


def kept(settings) -> list[str]:
    """Return the files that uploads have left: in the store, and on their way."""
    folders = [settings.home / "training" / "datasets", settings.scratch / "uploads"]
    return [path.name for folder in folders if folder.exists() for path in folder.iterdir()]


def test_a_table_is_stored_once_and_shown(api, settings):
    made = upload(api, CHURN, name="churn", target="Exited", tag=["team:a", "year:2026"])
    assert made.status_code == 201, made.text
    found = made.json()
    assert made.headers["location"] == found["links"]["self"] == f"/v1/datasets/{found['id']}"
    assert (found["task"], found["input_shape"]) == ("binary", [12])
    assert (found["train_count"], found["test_count"]) == (8000, 2000)
    assert found["tags"] == {"team": "a", "year": "2026"}
    assert found["classes"][1] == {"name": "1", "train": 1630, "test": 407}
    assert kept(settings) == [found["sha256"]]
    assert file_sha256(settings.home / "training" / "datasets" / found["sha256"]) == found["sha256"]
    again = upload(api, CHURN, name="other", target="Exited")
    assert (again.status_code, again.json()) == (200, found)
    assert api.get(f"/v1/datasets/{found['id']}").json() == found
    (listed,) = api.get("/v1/datasets").json()["items"]
    assert (listed["id"], listed["name"], listed["classes"]) == (found["id"], "churn", 2)


def test_a_dry_run_says_what_was_understood_and_stores_nothing(api, settings):
    planned = upload(api, dry_run=True, target="y")
    assert planned.status_code == 200, planned.text
    assert planned.json()["id"] is None
    assert planned.json()["inputs"] == ["colour=r", "x"]
    assert planned.json()["preview"]["rows"][0] == ["0", "r", "no"]
    assert api.get("/v1/datasets").json()["items"] == []
    assert kept(settings) == []


def test_data_sets_are_paged(api):
    for seed in range(3):
        assert upload(api, split_seed=seed).status_code == 201
    page = api.get("/v1/datasets?limit=2").json()
    rest = api.get(f"/v1/datasets?limit=2&cursor={page['next_cursor']}").json()
    assert [len(page["items"]), len(rest["items"])] == [2, 1]


def test_images_have_thumbnails(api, tmp_path):
    content = digits_in("png", tmp_path / "digits.zip").read_bytes()
    found = upload(api, content, "application/zip").json()
    assert (found["format"], found["input_shape"], found["task"]) == (
        "images",
        [1, 8, 8],
        "classification",
    )
    assert found["preview"]["thumbnails"][0]["image"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("content", "query", "status", "where", "sentence"),
    [
        (b"", {}, 422, None, "empty"),
        (b"x,y\n1,2\n3\n", {}, 422, None, "Line 3 has 1 fields"),
        (TABLE, {"target": "z"}, 422, "target", "'z' is not a known column"),
        (TABLE, {"task": "sorting"}, 422, "task", "Input should be 'classification', 'bin"),
        (TABLE, {"test_share": "2"}, 422, "test_share", "less than 1"),
        (TABLE, {"colour": "red"}, 422, "colour", "not a known query parameter"),
        (TABLE.replace(b"27,", b","), {}, 422, "missing", "'x' has no value in line 11"),
        (b"a,b\n" * 60_000, {}, 413, None, "max_upload_bytes = 100,000"),
    ],
)
def test_what_cannot_be_used_is_told_and_leaves_nothing(
    settings, content, query, status, where, sentence
):
    with serving(settings.model_copy(update={"max_upload_bytes": 100_000})) as served:
        refused = upload(served.client, content, **query)
        assert refused.status_code == status, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        problem = refused.json()
        assert sentence in problem["detail"]
        assert [error["parameter"] for error in problem.get("errors", [])] == [where][: bool(where)]
        assert served.client.get("/v1/datasets").json()["items"] == []
    assert kept(settings) == []


def test_a_body_without_a_length_is_cut_off_at_the_limit(settings):
    sent = []

    def endless():
        for _ in range(200):
            sent.append(1)
            yield b"1,2\n" * 25_000

    with serving(settings.model_copy(update={"max_upload_bytes": 1_000_000})) as served:
        assert upload(served.client, endless()).status_code == 413
    assert kept(settings) == []


def test_a_form_is_refused_with_the_way_out(api):
    refused = api.post("/v1/datasets", files={"file": TABLE})
    assert refused.status_code == 415
    assert "--data-binary" in refused.json()["detail"]


def test_a_client_that_goes_away_ends_the_parse_and_leaves_nothing(api, settings):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        image = png(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8))
        for number in range(400):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", image)
    with pytest.raises(httpx.ReadTimeout):
        api.post(
            "/v1/datasets",
            content=file.getvalue(),
            headers={"content-type": "application/zip"},
            timeout=httpx.Timeout(30, read=0.2),
        )
    wait_for(lambda: kept(settings) == [], what="the upload is gone")
    assert api.get("/v1/datasets").json()["items"] == []


def spec(found, **fields):
    return {
        "dataset": {"name": "uploaded", "id": found["id"], **fields},
        "model": {"name": "mlp", "hidden_units": [4]},
        "activation": ["relu", "tanh"],
        "batch_size": 8,
        "epochs": 1,
    }


def test_a_spec_names_a_data_set_and_a_run_its_content(api, lab):
    found = upload(api).json()
    plan = api.post("/v1/experiments?dry_run=true", json=spec(found))
    assert plan.status_code == 200, plan.text
    config = plan.json()["items"][0]["config"]["dataset"]
    assert config == {
        "name": "uploaded",
        "sha256": found["sha256"],
        "input_shape": [2],
        "classes": 2,
        "largest_class": 0.5,
        "train_size": 40,
        "test_size": 10,
        "validation_split": 0.2,
        "preprocessing": {"name": "standardize"},
    }
    made = api.post("/v1/experiments", json=spec(found))
    assert made.status_code == 201, made.text
    assert made.json()["spec"]["dataset"][0]["id"] == found["id"]
    lab.train_all(val_accuracy=0.75, test_accuracy=0.5)
    runs = api.get(f"/v1/runs?experiment_id={made.json()['id']}").json()["items"]
    assert {run["labels"]["dataset"] for run in runs} == {f"uploaded({found['sha256'][:8]})"}
    assert api.get(f"/v1/experiments/{made.json()['id']}/comparison").status_code == 200
    again = api.post("/v1/experiments", json=spec(found)).json()
    assert again["runs"]["completed"] == 2, "the same content is not trained twice"


@pytest.mark.parametrize(
    ("fields", "pointer", "sentence"),
    [
        ({"id": "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30"}, "/dataset/id", "There is no data set"),
        ({"id": "nope"}, "/dataset/id", "should be a UUID"),
        ({"train_size": 41}, "/dataset/train_size", "has 40 samples in this part, not 41"),
        ({"test_size": [5, 11]}, "/dataset/test_size/1", "has 10 samples"),
        ({"preprocessing": "scale"}, "/dataset/preprocessing", "scale is for pixels"),
        ({"sha256": "ab" * 32}, "/dataset/sha256", "not a known field"),
    ],
)
def test_a_spec_that_asks_for_what_is_not_there_is_refused(api, fields, pointer, sentence):
    found = upload(api).json()
    refused = api.post(
        "/v1/experiments", json=spec(found) | {"dataset": spec(found)["dataset"] | fields}
    )
    assert refused.status_code == 422, refused.text
    (error,) = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert sentence in error["detail"]


def test_a_data_set_in_use_is_not_deleted_and_its_runs_stay_readable(api, lab, settings):
    found = upload(api).json()
    made = api.post("/v1/experiments", json=spec(found)).json()
    path = f"/v1/datasets/{found['id']}"
    refused = api.delete(path)
    assert refused.status_code == 409
    assert "queued or running" in refused.json()["detail"]
    lab.train_all()
    assert api.delete(path).status_code == 204
    assert (api.get(path).status_code, api.delete(path).status_code) == (404, 404)
    assert kept(settings) == []
    (run, _) = api.get(f"/v1/runs?experiment_id={made['id']}").json()["items"]
    assert api.get(f"/v1/runs/{run['id']}").json()["config"]["dataset"]["sha256"] == found["sha256"]
    assert api.post("/v1/experiments", json=spec(found)).status_code == 422
    assert upload(api).status_code == 201


def test_the_classes_of_a_confusion_are_named_as_in_the_file(api, lab):
    found = upload(api).json()
    api.post("/v1/experiments", json=spec(found) | {"activation": "relu"})
    claim = lab.taken()
    outputs = {"samples": 3, "probability_edges": [], "loss_edges": [], "classes": []}
    layers = {**statistics(), "outputs": {**outputs, "confusion": [[1, 1], [0, 1]]}}
    lab.epoch(claim, 1, "completed", Insight(layers))

    def named():
        answer = api.get(f"/v1/runs/{claim.run_id}/confusion")
        return [of_class["name"] for of_class in answer.json()["classes"]]

    assert named() == ["no", "yes"]
    assert api.delete(f"/v1/datasets/{found['id']}").status_code == 204
    assert named() == ["0", "1"], "what is left of a deleted data set"


def test_a_lost_file_is_mended_by_the_same_upload(api, settings):
    found = upload(api).json()
    open_storage(settings).remove(f"datasets/{found['sha256']}")
    assert upload(api).status_code == 200
    assert kept(settings) == [found["sha256"]]


def test_uploads_at_the_same_time_are_one_data_set(api, sessions):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(upload(api))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    with sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM datasets")) == 1


def test_files_that_no_data_set_has_are_removed(api, sessions, settings):
    found = upload(api).json()
    storage = open_storage(settings)
    for name in ("ab" * 32, f"{found['sha256']}.7.part", "notes.txt"):
        storage.write(f"datasets/{name}", [b"left behind"])
    with sessions() as session:
        assert store.purge(session, settings) == 2
    assert sorted(kept(settings)) == sorted([found["sha256"], "notes.txt"])
