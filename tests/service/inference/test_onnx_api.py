"""A run's network as ONNX over HTTP: made once by a worker, kept beside the weights."""

import json

import numpy as np
import onnxruntime
import pytest

from service.weights import files
from service.weights.storage import open_storage
from workers.datasets.digits import digits


@pytest.fixture
def images():
    return digits(None, train_size=300, test_size=60).test_inputs[:6]


def get(bench, run_id, wait=60):
    return bench.api.get(
        f"/v1/runs/{run_id}/model.onnx", headers={"Prefer": f"wait={wait}"}, timeout=wait + 30
    )


def test_a_model_computes_what_the_service_predicts(bench, worker, images, settings):
    chosen = {"normalization": "batch", "activation": "gelu"}
    run_id = bench.trained(**chosen, dataset={**DATASET, "preprocessing": "standardize"})
    answer = get(bench, run_id)
    assert answer.status_code == 200, answer.text
    session = onnxruntime.InferenceSession(answer.content)
    _, probabilities = session.run(None, {"input": images.astype(np.float32)})
    told = bench.ask(run_id, images.tolist()).json()["predictions"]
    expected = [found["probabilities"] for found in told]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    run = bench.api.get(f"/v1/runs/{run_id}").json()
    assert (metadata["run_id"], metadata["opset"], metadata["seed"]) == (run_id, "20", "0")
    assert metadata["config_hash"] == run["config_hash"]
    assert json.loads(metadata["config"])["activation"]["name"] == "gelu"
    assert json.loads(metadata["classes"])[9] == "9"
    assert metadata["preprocessing"] == "standardize"
    tag = answer.headers["etag"]
    path = f"/v1/runs/{run_id}/model.onnx"
    assert bench.api.get(path, headers={"If-None-Match": tag}).status_code == 304
    storage = open_storage(settings)
    assert f"weights/{run_id}-1-final.onnx" in storage.names("weights")


DATASET = {"name": "digits", "train_size": 300, "test_size": 60}


def test_a_model_is_made_once_and_goes_with_the_weights(bench, sessions, settings):
    run_id = bench.trained()
    assert get(bench, run_id, wait=0).status_code == 503
    bench.see_worker()
    first = get(bench, run_id, wait=0)
    assert (first.status_code, first.json()["status"]) == (202, "waiting")
    assert first.headers["location"] == f"/v1/runs/{run_id}/model.onnx"
    assert get(bench, run_id, wait=0).json()["id"] == first.json()["id"]
    bench.train_all()  # a worker does what waits before it looks for runs
    made = get(bench, run_id, wait=0)
    assert made.status_code == 200
    bench.execute("UPDATE runs SET finished_at = now() - interval '31 days'")
    with sessions() as session:
        files.purge(session, settings)
    assert open_storage(settings).names("weights") == []
    assert get(bench, run_id, wait=0).status_code == 410


def test_a_run_without_a_network_has_no_model(bench):
    early = bench.submitted()
    refused = get(bench, early, wait=0)
    assert refused.status_code == 409
    assert "not over" in refused.json()["detail"]
