"""What is inside a run, through the client: layers, the diagnosis, weights, claims."""

import json
import math

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from actinium import ActiniumError, ApiError
from service.histories.diagnoses import Insight
from service.inference import tasks
from service.inference.results import Predicted, encode_predictions
from service.weights.checksums import with_checksum
from service.weights.storage import open_storage, weights_name
from tests.support.layer_samples import SICK, insight, statistics


def test_layers_and_the_diagnosis_come_as_numbers(client, lab):
    lab.submit(epochs=1)
    claim = lab.taken()
    lab.start(claim, insight(loss=float("inf")))
    lab.epoch(claim, 1, "completed", insight(loss=0.5, diagnosis=SICK))
    last = client.layers(claim.run_id)
    assert (last["epoch"], last["epochs_available"], last["loss"]) == (1, [0, 1], 0.5)
    first = client.layers(claim.run_id, epoch=0)
    assert first["loss"] == math.inf
    (layer,) = first["layers"]
    assert layer["name"] == "dense_1"
    assert layer["z"]["histogram"]["counts"] == [1, 2, 3, 4]
    diagnosis = client.diagnosis(claim.run_id)
    assert diagnosis["verdict"] == SICK.verdict
    assert client.run(claim.run_id)["diagnosis"] == diagnosis
    assert [run["id"] for run in client.runs(verdict=SICK.verdict)] == [str(claim.run_id)]
    assert list(client.runs(verdict="healthy")) == []


def test_boundary_and_outputs_come_as_numbers(client, lab):
    lab.submit(epochs=1, dataset="circles", model="mlp")
    claim = lab.taken()
    boundary = {
        "extent": [0.0, 1.0, 0.0, 1.0],
        "size": 2,
        "predicted": [0, 1, 1, 0],
        "confidence": [0.5, 0.6, 0.7, 0.8],
        "points": [[0.5, 0.5]],
        "labels": [1],
    }
    outputs = {"samples": 6, "probability_edges": [0, 1], "loss_edges": [0.1, 1], "classes": []}
    outputs["confusion"] = [[3, 1], [0, 2]]
    lab.start(claim, insight())
    last = Insight({**statistics(), "boundary": boundary, "outputs": outputs}, SICK)
    lab.epoch(claim, 1, "completed", last)
    recorded = [client.layers(claim.run_id, epoch=epoch)["also_recorded"] for epoch in (0, 1)]
    assert recorded == [[], ["decision_boundary", "outputs", "confusion"]]
    found = client.decision_boundary(claim.run_id)
    run = {"run_id": str(claim.run_id), "epoch": 1}
    assert found == {**run, "epochs_available": [0, 1], **boundary}
    assert client.decision_boundary(claim.run_id, epoch=1) == found
    del outputs["confusion"]
    assert client.outputs(claim.run_id) == {**run, **outputs}
    found = client.confusion(claim.run_id)
    assert found["matrix"] == [[3, 1], [0, 2]]
    assert [(of["name"], of["recall"], of["precision"]) for of in found["classes"]] == [
        ("0", 0.75, 1.0),
        ("1", 1.0, 2 / 3),
    ]
    with pytest.raises(ApiError, match="two features"):
        client.decision_boundary(claim.run_id, epoch=0)


def test_a_notebook_plays_a_film(client, lab, tmp_path):
    lab.submit(epochs=1)
    claim = lab.taken()
    lab.start(claim, insight())
    lab.epoch(claim, 1, "completed", insight(diagnosis=SICK))
    film = client.run_figure(claim.run_id, "layers", kind="gif", output=True)
    assert film.data.startswith(b"GIF89a")
    assert film._repr_html_().startswith('<img src="data:image/gif;base64,R0lGODlh')
    assert film._repr_svg_() is film._repr_png_() is None
    assert film.save(tmp_path / "layers.gif").read_bytes() == film.data
    with pytest.raises(ValueError, match=r"layers\.gif"):
        film.save(tmp_path / "layers.png")


def test_weights_are_saved_as_the_worker_left_them(client, lab, settings, tmp_path):
    lab.submit()
    claim = lab.taken()
    metadata = {"run_id": str(claim.run_id), "config": json.dumps(claim.config)}
    tensors = {"output.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    written = with_checksum(save(tensors, metadata))
    open_storage(settings).write(weights_name(claim.run_id, 1, "final"), written)
    lab.train(claim)
    path = client.save_weights(claim.run_id, tmp_path / "last.safetensors")
    with safe_open(path, framework="numpy") as file:
        assert np.array_equal(file.get_tensor("output.weight"), tensors["output.weight"])
        assert json.loads(file.metadata()["config"]) == claim.config
    with pytest.raises(ApiError) as missing:
        client.save_weights(claim.run_id, tmp_path / "first.safetensors", epoch=0)
    assert missing.value.status == 404
    assert not (tmp_path / "first.safetensors").exists()


def test_a_preset_is_planned_submitted_and_its_claims_are_checked(client, lab):
    names = [preset["name"] for preset in client.presets()]
    preset = client.preset("symmetry_breaking")
    assert preset["name"] in names
    plan = client.dry_run_preset(preset["name"], size="small", seeds=2)
    made = client.submit_preset(preset["name"], size="small", seeds=2, tags={"course": "dl"})
    assert made["runs"]["total"] == plan["runs"]
    assert (made["preset"]["size"], made["tags"]) == ("small", {"course": "dl"})
    claims = client.claims(made)
    assert claims["preset"] == "symmetry_breaking"
    assert [claim["name"] for claim in claims["claims"]] == [
        claim["name"] for claim in preset["claims"]
    ]
    assert client.claims(lab.submit())["claims"] == []


def test_an_authors_claims_are_registered_and_added(client, lab):
    claim = {"better": {"activation": "relu"}, "than": {"activation": "tanh"}}
    made = client.submit(
        activation=["relu", "tanh"],
        model="mlp",
        dataset="digits",
        epochs=1,
        seeds=2,
        claims=[{"statement": "relu ends above tanh.", **claim}],
    )
    lab.train_all()
    added = client.add_claim(made, statement="Its loss is lower.", metric="val_loss", **claim)
    first, later = client.claims(made)["claims"]
    assert [first, later] == added["claims"]
    assert (first["registered"], first["post_hoc"]) == ("before the first run", False)
    assert (later["sentence"], later["post_hoc"]) == ("Its loss is lower.", True)
    assert later["status"] == "inconclusive"
    with pytest.raises(ApiError, match="already"):
        client.add_claim(made, statement="Its loss is lower.", metric="val_loss", **claim)


class _Frame:
    """A data frame as pandas has it."""

    def __init__(self, rows):
        self._rows = rows

    def to_dict(self, orient):
        assert orient == "records"
        return self._rows


def test_predictions_are_asked_for_by_rows_arrays_and_data_frames(client, lab, settings):
    data = "x,colour,kind\n" + "".join(
        f"{at / 2},{'rb'[at % 2]},{'nm'[at % 2]}\n" for at in range(40)
    )
    table = client.upload(data.encode(), target="kind", missing="impute")
    dataset = {"name": "uploaded", "id": table["id"]}
    lab.submit(epochs=1, dataset=dataset, model="mlp", batch_size=8)
    claim = lab.taken()
    lab.epoch(claim, 1, "completed")
    content = with_checksum(save({"w": np.zeros(3, np.float32)}, {"run_id": "this"}))
    open_storage(settings).write(weights_name(claim.run_id, 1, "final"), content)
    with pytest.raises(ApiError, match="No worker is running"):
        client.predict(claim.run_id, [[1.0, 2.0]])
    lab.execute("INSERT INTO workers (name, device, seen_at) VALUES ('w', 'cpu', now() + '1 h')")
    frame = _Frame([{"x": np.float64("nan"), "colour": "r"}, {"x": np.float64(3), "colour": "b"}])
    for inputs in (frame, np.array([[1.0, 2.0]]), [{"x": 1, "colour": "r"}]):
        asked = client.predict(claim.run_id, inputs, wait=0)
        assert (asked["status"], asked["classes"]) == ("waiting", ["m", "n"])
        assert client.predictions(asked)["id"] == asked["id"]
    with pytest.raises(ApiError, match="not a known column"):
        client.predict(claim.run_id, [{"y": 1}])
    with lab.sessions() as session:
        taken = tasks.take(session)
        tasks.end(session, taken, result=encode_predictions([Predicted(1, [0.25, 0.75])]))
    (first,) = client.predictions({"id": str(taken.id), "run_id": str(claim.run_id)})["predictions"]
    assert first == {"value": None, "label": 1, "name": "n", "probabilities": [0.25, 0.75]}


def test_a_model_is_saved_once_it_is_made(client, lab, settings, tmp_path, monkeypatch):
    lab.submit(epochs=1)
    claim = lab.taken()
    lab.epoch(claim, 1, "completed")
    content = with_checksum(save({"w": np.zeros(3, np.float32)}, {"run_id": "this"}))
    storage = open_storage(settings)
    storage.write(weights_name(claim.run_id, 1, "final"), content)
    lab.execute("INSERT INTO workers (name, device, seen_at) VALUES ('w', 'cpu', now() + '1 h')")
    monkeypatch.setattr("service.api.web.waiting.MAX_WAIT_SECONDS", 0)
    with pytest.raises(ActiniumError, match="not made yet"):
        client.save_onnx(claim.run_id, tmp_path / "model.onnx")
    assert list(tmp_path.glob("model*")) == []
    storage.write(f"weights/{claim.run_id}-1-final.onnx", [b"a model"])
    path = client.save_onnx(claim.run_id, tmp_path / "model.onnx")
    assert path.read_bytes() == b"a model"
