"""Predictions over HTTP: by real networks, in the units of the data set, and every refusal."""

import numpy as np
import pytest
from safetensors.numpy import load as load_numpy
from safetensors.numpy import save

from service.api.schemas.inference import PredictionsAnswer
from service.datasets.canonical import read
from service.inference import tasks
from service.runs.capacity import workers_wanted
from service.specs.spec import RunConfig
from service.weights.checksums import with_checksum
from service.weights.storage import open_storage, weights_name
from workers.datasets.diabetes import diabetes
from workers.datasets.digits import digits
from workers.datasets.loading import load, preprocessing_of

#: x, colour, when, y; the first row has no "when".
COLOURS = ("red", "blue", "grey")
ROWS = [(at / 2, COLOURS[at % 3], at % 7 if at else "", ("no", "yes")[at % 2]) for at in range(61)]
TABLE = "x,colour,when,y\n" + "".join(f"{x},{c},{w},{y}\n" for x, c, w, y in ROWS)


def weights(api, run_id):
    return load_numpy(api.get(f"/v1/runs/{run_id}/weights").content)


def by_hand(found, inputs):
    """Return the probabilities of a network of one hidden layer of relu, in float64."""
    hidden = np.maximum(inputs @ found["dense_1.weight"].T + found["dense_1.bias"], 0)
    logits = hidden @ found["output.weight"].T + found["output.bias"]
    if logits.shape[1] == 1:
        of_one = 1 / (1 + np.exp(-logits[:, 0]))
        return np.stack([1 - of_one, of_one], 1)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def test_images_are_predicted_in_their_own_units(bench, worker):
    run_id = bench.trained()
    images = digits(None, train_size=300, test_size=60).test_inputs
    answer = bench.ask(run_id, images[:5].tolist())
    assert answer.status_code == 200, answer.text
    found = PredictionsAnswer.model_validate_json(answer.content)
    assert found.classes == [str(label) for label in range(10)]
    expected = by_hand(weights(bench.api, run_id), images[:5].reshape(5, 64) / 16)
    shares = np.array([each.probabilities for each in found.predictions])
    np.testing.assert_allclose(shares, expected, atol=1e-6)
    assert [each.label for each in found.predictions] == expected.argmax(1).tolist()
    assert [each.name for each in found.predictions] == [str(n) for n in expected.argmax(1)]
    grey = bench.ask(run_id, images[:5, 0].tolist())
    assert grey.json()["predictions"] == answer.json()["predictions"]
    again = bench.api.get(found.links.self)
    assert (again.status_code, again.json()) == (200, answer.json())


def test_rows_of_a_table_are_named_as_in_its_file(bench, worker, settings):
    upload = bench.api.post(
        "/v1/datasets", params={"target": "y", "missing": "impute"}, content=TABLE.encode()
    ).json()
    features = {feature["name"]: feature for feature in upload["features"]}
    assert features["colour"]["known"] == ["blue", "grey", "red"]
    run_id = bench.trained(dataset={"name": "uploaded", "id": upload["id"]})
    file = read(settings.home / "training" / "datasets" / upload["sha256"])
    trained = file.train_inputs[: int(len(file.train_inputs) * 0.8)]
    assert features["when"]["fill"] == np.median(file.train_inputs[:, -1])
    rows = [
        {"x": 3, "colour": "grey", "when": 4, "y": "not read"},
        {"x": 7.5, "colour": "red"},
    ]
    raw = np.array([[0, 1, 0, 3, 4], [0, 0, 1, 7.5, features["when"]["fill"]]])
    answer = bench.ask(run_id, [*rows, *raw.tolist()])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["classes"] == ["no", "yes"]
    expected = by_hand(
        weights(bench.api, run_id), (raw - trained.mean(axis=0)) / trained.std(axis=0)
    )
    shares = np.array([each["probabilities"] for each in found["predictions"]])
    np.testing.assert_allclose(shares, np.concatenate([expected, expected]), atol=1e-6)
    assert {each["name"] for each in found["predictions"]} <= {"no", "yes"}
    assert bench.api.delete(f"/v1/datasets/{upload['id']}").status_code == 204
    gone = bench.ask(run_id, raw.tolist())
    assert gone.status_code == 410
    assert "Upload the same file again" in gone.json()["detail"]


IMAGE = np.zeros((8, 8)).tolist()


#: Inputs that cannot be used, where the error is, and what it says.
REFUSED = [
    ([], "/inputs", "at least 1"),
    ([IMAGE] * 1001, "/inputs", "at most 1000"),
    ([IMAGE, 3], "/inputs/1", "list or an object"),
    ([[0.0] * 64], "/inputs/0", "has 64 items, not 1"),
    ([[IMAGE], [IMAGE[:7]]], "/inputs/1/0", "has 7 items, not 8"),
    ([[IMAGE[:3], *IMAGE[4:]]], "/inputs/0", "items, not"),
    ([[*IMAGE[:7], [0] * 7 + ["a"]]], "/inputs/0/7/7", "finite number"),
    ([[*IMAGE[:7], [0] * 7 + [True]]], "/inputs/0/7/7", "finite number"),
    ([[*IMAGE[:7], [0] * 7 + [None]]], "/inputs/0/7/7", "finite number"),
    ([[*IMAGE[:7], [0] * 7 + [17]]], "/inputs/0/7/7", "from 0 to 16"),
    ([{"Age": 3}], "/inputs/0", "Only rows of an uploaded table have columns"),
]


def test_inputs_that_cannot_be_used_are_refused_where_they_are(finished):
    bench, run_id = finished
    for inputs, pointer, sentence in REFUSED:
        refused = bench.ask(run_id, inputs)
        assert refused.status_code == 422, (pointer, refused.text)
        told = [(error["pointer"], error["detail"]) for error in refused.json()["errors"]]
        assert any(at == pointer and sentence in detail for at, detail in told), (pointer, told)
    sent = bench.api.post(
        f"/v1/runs/{run_id}/predictions",
        content='{"inputs": [[NaN, 1]]}',
        headers={"content-type": "application/json"},
    )
    assert sent.status_code == 400
    assert "NaN is not a JSON number" in sent.json()["detail"]


@pytest.fixture
def finished(bench, lab, settings):
    """A run that has ended, with a file of weights that nobody reads."""
    lab.submit(dataset="digits", model={"name": "mlp", "hidden_units": [12]})
    claim = lab.taken()
    lab.train(claim)
    leave_weights(settings, claim.run_id)
    return bench, claim.run_id


def leave_weights(settings, run_id):
    content = with_checksum(save({"w": np.zeros(3, np.float32)}, {"run_id": str(run_id)}))
    open_storage(settings).write(weights_name(run_id, 1, "final"), content)


def test_a_named_row_tells_what_is_wrong_with_each_column(bench, lab, settings):
    upload = bench.api.post("/v1/datasets", params={"target": "y"}, content=TABLE_WHOLE.encode())
    lab.submit(dataset={"name": "uploaded", "id": upload.json()["id"]}, model="mlp", batch_size=8)
    claim = lab.taken()
    lab.train(claim)
    leave_weights(settings, claim.run_id)
    refused = bench.ask(
        claim.run_id, [{"x": 1, "colour": "red"}, {"x": "high", "colour": "rde", "size": 3}]
    )
    assert refused.status_code == 422, refused.text
    told = {error["pointer"]: error["detail"] for error in refused.json()["errors"]}
    assert set(told) == {"/inputs/1/x", "/inputs/1/colour", "/inputs/1/size"}
    assert "did you mean 'red'" in told["/inputs/1/colour"]
    assert "not a known column" in told["/inputs/1/size"]
    missing = bench.ask(claim.run_id, [{"colour": "red"}])
    assert missing.json()["errors"][0]["pointer"] == "/inputs/0/x"
    assert "needs a value" in missing.json()["errors"][0]["detail"]


TABLE_WHOLE = "x,colour,y\n" + "".join(f"{x},{c},{y}\n" for x, c, _, y in ROWS)


def test_a_run_must_be_over_and_have_its_weights(bench, lab):
    lab.submit(dataset="digits", model="mlp")
    claim = lab.taken()
    early = bench.ask(claim.run_id, [IMAGE])
    assert early.status_code == 409
    assert "not over" in early.json()["detail"]
    lab.train(claim)
    gone = bench.ask(claim.run_id, [IMAGE])
    assert gone.status_code == 410
    assert "weights" in gone.json()["detail"]
    assert bench.ask("019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d31", [IMAGE]).status_code == 404


def test_without_a_worker_the_answer_says_so(finished, lab, sessions, settings):
    bench, run_id = finished
    refused = bench.ask(run_id, [IMAGE])
    assert refused.status_code == 503
    assert "No worker is running" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    bench.see_worker()
    lab.submit(activation="tanh")
    busy = lab.taken("seen")
    waiting = bench.ask(run_id, [IMAGE], wait=0)
    assert waiting.status_code == 202
    assert waiting.json()["status"] == "waiting"
    assert "Every worker is training" in waiting.json()["reason"]
    assert waiting.json()["predictions"] is None
    assert int(waiting.headers["retry-after"]) > 0
    assert bench.api.get(waiting.headers["location"]).status_code == 202
    lab.train(busy)
    with sessions() as session:
        assert workers_wanted(session, settings) == {"cpu": 1, "cuda": 1}
        taken = tasks.take(session)
        assert (taken.attempt, tasks.take(session)) == (1, None)
        running = bench.api.get(waiting.headers["location"])
        assert running.json()["status"] == "running"
        for attempt in (2, 3):
            lab.execute("UPDATE network_tasks SET started_at = now() - interval '3 minutes'")
            assert tasks.take(session).attempt == attempt
        tasks.end(session, taken, error="Of a worker that has lost it.")
        lab.execute("UPDATE network_tasks SET started_at = now() - interval '3 minutes'")
        assert tasks.take(session) is None
    failed = bench.api.get(waiting.headers["location"])
    assert failed.status_code == 409
    assert "3 workers ended" in failed.json()["detail"]
    with sessions() as session:
        assert tasks.purge(session) == 0
        lab.execute("UPDATE network_tasks SET created_at = now() - interval '61 minutes'")
        assert tasks.purge(session) == 1
    assert bench.api.get(waiting.headers["location"]).status_code == 404


def test_a_task_that_fails_says_why(finished, worker):
    bench, run_id = finished
    failed = bench.ask(run_id, [IMAGE])
    assert failed.status_code == 409
    assert "could not compute it" in failed.json()["detail"]


def test_a_network_that_is_not_finite_predicts_nothing(bench, worker, settings):
    run_id = bench.trained()
    spoilt = {
        name: np.full_like(found, np.nan) for name, found in weights(bench.api, run_id).items()
    }
    content = with_checksum(save(spoilt, {"run_id": run_id}))
    open_storage(settings).write(weights_name(run_id, 1, "final"), content)
    answer = bench.ask(run_id, [IMAGE])
    assert answer.status_code == 200, answer.text
    nothing = {"value": None, "label": None, "name": None, "probabilities": None}
    assert answer.json()["predictions"] == [nothing]


def test_targets_that_are_numbers_are_predicted_in_their_own_units(bench, worker):
    run_id = bench.trained(dataset="diabetes", activation="relu")
    samples = diabetes(None, train_size=353, test_size=89)
    answer = bench.ask(run_id, samples.test_inputs[:3].tolist())
    assert answer.status_code == 200, answer.text
    assert answer.json()["classes"] == []
    found = weights(bench.api, run_id)
    trained = preprocessing_of(config_of(bench, run_id))
    hidden = trained(samples.test_inputs[:3]) @ found["dense_1.weight"].T + found["dense_1.bias"]
    outputs = np.maximum(hidden, 0) @ found["output.weight"].T + found["output.bias"]
    targets = load(config_of(bench, run_id)).targets
    expected = outputs[:, 0] * targets.deviation + targets.mean
    told = [each["value"] for each in answer.json()["predictions"]]
    np.testing.assert_allclose(told, expected, rtol=1e-5)
    assert answer.json()["predictions"][0]["probabilities"] is None


def config_of(bench, run_id):
    """Return the data set of a run's configuration."""
    config = bench.api.get(f"/v1/runs/{run_id}").json()["config"]
    return RunConfig.model_validate(config).dataset
