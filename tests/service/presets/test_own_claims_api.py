"""Claims of an author over HTTP: registered with the spec, added later, and checked on runs."""

import math

import pytest

from service.api.schemas.presets import ExperimentClaims
from tests.service.comparison.test_common_guess import counted

CLAIM = {
    "statement": "relu ends above tanh.",
    "better": {"activation": "relu"},
    "than": {"activation": "tanh"},
    "by_at_least": 0.05,
}
OTHER = {**CLAIM, "statement": "relu has the lower loss.", "metric": "val_loss"}
SPEC = {
    "activation": ["relu", "tanh"],
    "model": {"name": "mlp", "hidden_units": [4]},
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "batch_size": 16,
    "epochs": 1,
    "seeds": 3,
    "layer_statistics": "off",
}


def submit(api, **fields):
    answer = api.post("/v1/experiments", json={**SPEC, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def claims(api, experiment_id):
    answer = api.get(f"/v1/experiments/{experiment_id}/claims")
    assert answer.status_code == 200, answer.text
    return ExperimentClaims.model_validate_json(answer.content)


def train(lab, **accuracies):
    """Train all waiting runs: by activation the val_accuracy, a little more for each seed."""
    while (claim := lab.claim()) is not None:
        run = lab.run(claim.run_id)
        lab.train(claim, val_accuracy=accuracies[run.activation] + run.seed / 1_000)


def test_claims_of_a_spec_are_kept_and_checked_once_the_runs_have_ended(api, lab):
    experiment = submit(api, claims=[CLAIM, {**OTHER, "by_at_least": 0}])
    assert experiment["spec"]["claims"][0] == {**CLAIM, "metric": "val_accuracy", "at": "final"}
    waiting = claims(api, experiment["id"])
    assert (waiting.preset, waiting.size) == (None, None)
    assert {claim.status for claim in waiting.claims} == {"inconclusive"}
    assert {claim.registered for claim in waiting.claims} == {"before the first run"}
    train(lab, relu=0.8, tanh=0.5)
    accuracy, loss = claims(api, experiment["id"]).claims
    assert (accuracy.name, accuracy.sentence) == ("claim_1", CLAIM["statement"])
    assert (accuracy.status, accuracy.post_hoc) == ("supported", False)
    assert accuracy.p_value < 0.01
    assert (accuracy.low, accuracy.high) == (0.05, None)
    (difference,) = accuracy.differences
    assert difference.mean == pytest.approx(0.3)
    assert [group.group for group in accuracy.groups] == ["relu", "tanh"]
    assert loss.status == "inconclusive"  # the losses are equal


def test_a_claim_over_results_that_were_there_is_post_hoc(api, lab):
    submit(api)
    train(lab, relu=0.8, tanh=0.5)
    again = submit(api, claims=[CLAIM])
    (claim,) = claims(api, again["id"]).claims
    assert (claim.registered, claim.post_hoc) == ("after some runs", True)
    assert claim.status == "supported"
    fresh = submit(api, claims=[CLAIM], reuse=False)
    (claim,) = claims(api, fresh["id"]).claims
    assert (claim.registered, claim.post_hoc) == ("before the first run", False)


def test_a_claim_can_be_added_later_and_is_marked(api, lab):
    experiment = submit(api, claims=[CLAIM])
    train(lab, relu=0.8, tanh=0.5)
    path = f"/v1/experiments/{experiment['id']}/claims"
    before = claims(api, experiment["id"]).claims
    tag = api.get(path).headers["etag"]
    answer = api.post(path, json=OTHER)
    assert answer.status_code == 201, answer.text
    first, later = ExperimentClaims.model_validate_json(answer.content).claims
    assert [first] == before
    assert (later.name, later.registered, later.post_hoc) == ("claim_2", "later", True)
    assert claims(api, experiment["id"]).claims == [first, later]
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 200
    assert api.get(f"/v1/experiments/{experiment['id']}").json()["spec"] == experiment["spec"]
    assert api.post(path, json=OTHER).status_code == 409
    assert api.post(path, json=CLAIM).status_code == 409


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"better": {"activation": "elu"}}, "/better/activation"),
        ({"better": {"activation": "tanh"}}, "/than"),
        ({"than": {"activaton": "tanh"}}, "/than/activaton"),
        ({"metric": "test_accuracy"}, "/metric"),
        ({"at": 2}, "/at"),
        ({"by_at_least": -1}, "/by_at_least"),
        ({"statment": "x"}, "/statment"),
    ],
)
def test_what_cannot_be_checked_is_a_422_with_a_pointer(api, change, pointer):
    experiment = submit(api)
    wrong = {**CLAIM, **change}
    for path, body, prefix in (
        (f"/v1/experiments/{experiment['id']}/claims", wrong, ""),
        ("/v1/experiments", {**SPEC, "claims": [CLAIM, wrong]}, "/claims/1"),
        ("/v1/experiments?dry_run=true", {**SPEC, "claims": [CLAIM, wrong]}, "/claims/1"),
    ):
        answer = api.post(path, json=body)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["pointer"] == prefix + pointer


def test_a_claim_needs_its_experiment(api):
    missing = "/v1/experiments/019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7/claims"
    assert api.post(missing, json=CLAIM).status_code == 404
    assert api.get(missing).status_code == 404


def test_claims_of_a_preset_and_an_author_stand_side_by_side(api):
    body = {"size": "small", "epochs": 1, "seeds": 2, "train_size": 64, "test_size": 32}
    made = api.post("/v1/presets/he_depth/experiments", json={**body, "batch_size": 16}).json()
    own = {
        "statement": "he_normal has the higher accuracy.",
        "better": {"initializer": "he_normal"},
        "than": {"initializer": "glorot_normal"},
    }
    answer = api.post(f"/v1/experiments/{made['id']}/claims", json=own)
    assert answer.status_code == 201, answer.text
    published, *_, later = answer.json()["claims"]
    assert (published["registered"], published["post_hoc"]) == ("published", False)
    assert later["sentence"] == own["statement"]
    assert answer.json()["preset"] == "he_depth"


def test_a_run_that_diverged_counts_as_guessing_on_the_part_that_was_measured(api, lab):
    """The largest class has 85% of the validation part, and 79.75% of the whole test part."""
    data = {"name": "churn", "train_size": 400, "validation_split": 0.2}
    experiment = submit(api, claims=[CLAIM], dataset=data, layer_statistics={"every": 1})
    while held := lab.claim():
        accuracy = {"relu": 0.95, "tanh": 0.9}[held.config["activation"]["name"]]
        accuracy += held.seed / 100
        if held.seed == 2 and accuracy < 0.95:
            lab.epoch(held, 1, "diverged", counted(68, 12), val_loss=math.nan)
        else:
            lab.epoch(held, 1, "completed", counted(68, 12), val_accuracy=accuracy)
    (claim,) = claims(api, experiment["id"]).claims
    (difference,) = claim.differences
    assert difference.mean == pytest.approx(0.96 - (0.9 + 0.91 + 0.85) / 3)
