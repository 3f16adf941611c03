"""Layer statistics and diagnoses over HTTP."""

import uuid

import pytest

from service.api.schemas.layers import LayersAnswer
from service.api.schemas.models import ModelPreview
from service.api.schemas.runs import DiagnosisAnswer, RunAnswer, RunPage
from service.histories.diagnoses import DIAGNOSIS_VERSION, RecordedDiagnosis
from tests.support.layer_samples import FINDING, SICK, insight

FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def trained(lab):
    """The id of a vanishing run of two epochs, with statistics at 0 and 2."""
    lab.submit(epochs=2, activation="sigmoid")
    claim = lab.taken()
    lab.start(claim, insight(loss=2.5))
    lab.epoch(claim, 1)
    lab.epoch(claim, 2, "completed", insight(loss=0.5, diagnosis=SICK))
    return claim.run_id


def test_layers_over_http(api, trained):
    answer = api.get(f"/v1/runs/{trained}/layers?epoch=0")
    found = LayersAnswer.model_validate_json(answer.content)
    assert (found.run_id, found.epoch, found.epochs_available) == (trained, 0, [0, 2])
    assert found.also_recorded == []
    (layer,) = answer.json()["layers"]
    assert set(layer) >= {"name", "z", "activation", "weight", "gradient"}
    assert set(layer) >= {"dead_fraction", "saturated_fraction"}
    for name in ("z", "activation", "weight", "gradient"):
        assert set(layer[name]) >= {"mean", "std", "min", "max", "quantiles", "histogram"}
        histogram = layer[name]["histogram"]
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    assert api.get(f"/v1/runs/{trained}/layers").json()["epoch"] == 2


def test_a_diagnosis_over_http(api, trained):
    answer = api.get(f"/v1/runs/{trained}/diagnosis")
    assert answer.json() == {
        "outcome": None,
        "verdict": "vanishing",
        "findings": [FINDING],
        "version": DIAGNOSIS_VERSION,
    }
    DiagnosisAnswer.model_validate_json(answer.content)
    run = RunAnswer.model_validate_json(api.get(f"/v1/runs/{trained}").content)
    assert run.diagnosis.model_dump() == answer.json()
    assert run.links.diagnosis == f"/v1/runs/{trained}/diagnosis"
    assert api.get(run.links.layers).status_code == 200


def test_a_finished_runs_insights_may_be_kept_for_good(api, trained):
    for path in ("layers", "layers?epoch=0", "diagnosis"):
        first = api.get(f"/v1/runs/{trained}/{path}")
        assert first.headers["cache-control"] == FOREVER
        again = api.get(
            f"/v1/runs/{trained}/{path}", headers={"If-None-Match": first.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")


def test_a_run_under_way_shows_what_is_known(api, lab):
    lab.submit(epochs=2)
    claim = lab.taken()
    before = api.get(f"/v1/runs/{claim.run_id}")
    assert before.json()["diagnosis"] is None
    nothing = {"outcome": None, "verdict": None, "findings": [], "version": None}
    assert api.get(f"/v1/runs/{claim.run_id}/diagnosis").json() == nothing
    lab.start(claim, insight(diagnosis=RecordedDiagnosis("healthy", [])))
    answer = api.get(f"/v1/runs/{claim.run_id}/layers")
    assert answer.json()["epoch"] == 0
    assert answer.headers["cache-control"] == "private, no-cache"
    shown = api.get(f"/v1/runs/{claim.run_id}").json()["diagnosis"]
    assert shown == nothing | {"verdict": "healthy", "version": DIAGNOSIS_VERSION}


def test_what_is_not_there_is_not_found(api, lab, trained):
    answer = api.get(f"/v1/runs/{trained}/layers?epoch=1")
    assert (answer.status_code, answer.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert "it has them at 0, 2." in answer.json()["detail"]
    for path in ("layers", "diagnosis"):
        assert api.get(f"/v1/runs/{uuid.uuid4()}/{path}").status_code == 404
    for query in ("epoch=-1", "epoch=x", "epoch=99999999999", "epochs=1"):
        assert api.get(f"/v1/runs/{trained}/layers?{query}").status_code == 422


def test_runs_are_found_by_outcome_and_verdict(api, lab, trained):
    lab.submit(epochs=1, activation="relu")
    healthy = lab.taken()
    learned = RecordedDiagnosis("healthy", [], "learned")
    lab.epoch(healthy, 1, "completed", insight(diagnosis=learned))
    lab.submit(epochs=1, activation="tanh")

    def found(query):
        page = RunPage.model_validate_json(api.get(f"/v1/runs?{query}").content)
        return [run.id for run in page.items]

    assert found("verdict=vanishing") == [trained]
    assert found("verdict=healthy&verdict=vanishing") == [healthy.run_id, trained]
    assert found("verdict=vanishing&activation=relu") == []
    assert found("verdict=dead") == []
    assert found("outcome=learned") == [healthy.run_id]
    assert found("outcome=learned&outcome=at_chance&verdict=healthy") == [healthy.run_id]
    assert found("outcome=at_chance") == []
    assert api.get(f"/v1/runs/{healthy.run_id}").json()["diagnosis"]["outcome"] == "learned"
    refused = api.get("/v1/runs?verdict=ill")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "verdict"
    assert api.get("/v1/runs?outcome=fine").status_code == 422


def test_the_layers_of_a_runs_network(api, lab):
    lab.submit(dataset="digits", model={"name": "mlp", "hidden_units": [5]})
    answer = api.get(f"/v1/runs/{lab.taken().run_id}/network")
    found = ModelPreview.model_validate_json(answer.content)
    sizes = [(layer.name, layer.output_shape, layer.parameters) for layer in found.layers]
    assert sizes == [
        ("flatten", [64], 0),
        ("dense_1", [5], 325),
        ("dropout_1", [5], 0),
        ("output", [10], 60),
    ]
    assert found.parameters == 385
    assert answer.headers["cache-control"] == FOREVER
    sequences = {"name": "temporal_order", "length": 12}
    lab.submit(dataset=sequences, model={"name": "rnn", "hidden_units": [4]}, activation="tanh")
    refused = api.get(f"/v1/runs/{lab.taken().run_id}/network")
    assert refused.status_code == 409
    assert "no list of layers" in refused.json()["detail"]
    assert api.get(f"/v1/runs/{uuid.uuid4()}/network").status_code == 404
