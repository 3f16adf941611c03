"""Presets over HTTP: listed, submitted, trained by a real worker, and their claims checked."""

import uuid
from dataclasses import replace

import pytest
import torch

from service.api.schemas.experiments import DryRun, ExperimentAnswer
from service.api.schemas.presets import ExperimentClaims, PresetAnswer, PresetPage
from service.presets.registry import PRESETS
from service.presets.results import result_of
from workers.execution.runner import train_waiting_runs

pytestmark = pytest.mark.slow

TINY = {"size": "small", "epochs": 1, "seeds": 2, "train_size": 64, "test_size": 32}
SMALL_BATCHES = TINY | {"batch_size": 16}


@pytest.fixture
def train(sessions, settings):
    """Train whatever waits, as a worker does."""

    def train():
        before = torch.get_num_threads()
        train_waiting_runs(
            sessions,
            settings,
            worker="one",
            device=torch.device("cpu"),
            stopping=lambda: False,
        )
        torch.set_num_threads(before)

    return train


def submit(api, name, body, **request):
    answer = api.post(f"/v1/presets/{name}/experiments", json=body, **request)
    assert answer.status_code == 201, answer.text
    return answer


def claims(api, experiment_id):
    answer = api.get(f"/v1/experiments/{experiment_id}/claims")
    assert answer.status_code == 200, answer.text
    return ExperimentClaims.model_validate_json(answer.content)


def test_presets_are_listed_in_pages_and_found_by_name(api):
    page = PresetPage.model_validate_json(api.get("/v1/presets").content)
    assert [preset.name for preset in page.items] == list(PRESETS)
    assert page.next_cursor is None
    names, path = [], "/v1/presets?limit=5"
    while path:
        answer = api.get(path)
        names += [preset["name"] for preset in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url")
    assert names == list(PRESETS)
    for preset in page.items:
        answer = api.get(preset.links.self)
        assert PresetAnswer.model_validate_json(answer.content) == preset
        again = api.get(preset.links.self, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert preset.claims
        assert all(claim.sentence.endswith(".") for claim in preset.claims)


def test_an_unknown_preset_is_a_404_with_the_nearest_names(api):
    for answer in (
        api.get("/v1/presets/gelu_mnit"),
        api.post("/v1/presets/gelu_mnit/experiments", json={}),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert "did you mean 'gelu_mnist'" in answer.json()["detail"]


def test_a_submission_records_its_preset_and_takes_the_overrides(api, lab):
    body = TINY | {"name": "mine", "tags": {"course": "dl"}, "batch_size": 16}
    answer = submit(api, "gelu_mnist", body)
    shown = ExperimentAnswer.model_validate_json(answer.content)
    assert answer.headers["location"] == f"/v1/experiments/{shown.id}"
    assert (shown.preset.name, shown.preset.size) == ("gelu_mnist", "small")
    assert (shown.name, shown.tags) == ("mine", {"course": "dl"})
    configs = [run.config for run in lab.runs(shown.id)]
    assert len(configs) == 3 * 2 * 2
    for config in configs:
        assert (config["epochs"], config["batch_size"]) == (1, 16)
        assert (config["dataset"]["train_size"], config["dataset"]["test_size"]) == (64, 32)
        assert config["dataset"]["validation_split"] == pytest.approx(1 / 12)
    full = ExperimentAnswer.model_validate_json(submit(api, "block_initializers", {}).content)
    assert (full.preset.size, full.name) == ("full", "block_initializers")
    assert full.runs.total == 4 * 12 * 10
    listed = api.get("/v1/experiments").json()["items"]
    assert [experiment["preset"]["name"] for experiment in listed] == [
        "block_initializers",
        "gelu_mnist",
    ]


def test_a_preset_says_whether_its_recipe_validates_on_the_test_part(api):
    says = {
        name: api.get(f"/v1/presets/{name}").json()["validates_on_test"]
        for name in ("he_depth", "gelu_mnist")
    }
    assert says == {"he_depth": True, "gelu_mnist": False}  # GELU's authors held 5,000 images out


def test_a_claim_has_the_status_of_its_full_size_and_a_small_run_says_so(api, train):
    preset = PresetAnswer.model_validate_json(api.get("/v1/presets/he_depth").content)
    assert preset.full_run.runs == preset.small_run.runs == 10
    for claim in preset.claims:
        assert claim.full.groups
        assert claim.small.groups
        assert claim.status == claim.full.status
    experiment_id = submit(api, "he_depth", SMALL_BATCHES).json()["id"]
    train()
    checked = claims(api, experiment_id).claims
    assert {claim.name: claim.full_size for claim in checked} == {
        claim.name: claim.status for claim in preset.claims
    }
    unlike = [claim for claim in checked if claim.status != claim.full_size]
    assert unlike  # one epoch on 64 samples decides nothing of what the full size does


def test_a_preset_that_has_changed_since_it_was_run_has_no_result():
    preset = PRESETS["he_depth"]
    assert result_of(preset, "full").claims.keys() == {claim.name for claim in preset.claims}
    first, *others = preset.claims
    stricter = replace(first, check=replace(first.check, margin=0.1))
    for changed in (
        replace(preset, spec={**preset.spec, "epochs": 10}),
        replace(preset, claims=(stricter, *others)),
    ):
        assert result_of(changed, "full") is None
    reworded = replace(preset, description="In other words.")
    assert result_of(reworded, "full") is not None


def test_dry_runs_and_idempotency_work_as_for_any_experiment(api):
    path = "/v1/presets/he_depth/experiments"
    plan = DryRun.model_validate_json(
        api.post(path, json=SMALL_BATCHES, params={"dry_run": True}).content
    )
    assert (plan.runs, plan.configurations) == (4, 2)
    assert api.get("/v1/experiments").json()["items"] == []
    key = {"Idempotency-Key": "once"}
    first = submit(api, "he_depth", SMALL_BATCHES, headers=key)
    again = submit(api, "he_depth", SMALL_BATCHES, headers=key)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    other = api.post(path, json=SMALL_BATCHES | {"epochs": 2}, headers=key)
    assert other.status_code == 422
    elsewhere = api.post("/v1/presets/elu_mnist/experiments", json=SMALL_BATCHES, headers=key)
    assert elsewhere.status_code == 422


@pytest.mark.parametrize(
    ("name", "body", "pointer", "words"),
    [
        ("he_depth", {"epohcs": 1}, "/epohcs", "epochs"),
        ("he_depth", {"size": "tiny"}, "/size", "full"),
        ("he_depth", {"train_size": 70_000}, "/train_size", "60000"),
        ("he_depth", {"epochs": 30_000}, "/epochs", "max_epochs"),
        ("batchnorm_mnist", {"train_size": 61}, "/train_size", "leave one alone of the 61"),
        ("he_depth", {"batch_size": 100_000}, "/batch_size", "larger than"),
        ("batchnorm_mnist", {"batch_size": 1}, "/batch_size", "two samples"),
        ("he_depth", {"seeds": [1, 1]}, "/seeds", "once"),
    ],
)
def test_what_cannot_be_run_is_told_by_a_pointer_into_the_body(api, name, body, pointer, words):
    answer = api.post(f"/v1/presets/{name}/experiments", json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


def test_claims_wait_for_the_runs(api, lab):
    experiment_id = submit(api, "he_depth", TINY | {"batch_size": 32}).json()["id"]
    checked = claims(api, experiment_id)
    assert {claim.status for claim in checked.claims} == {"inconclusive"}
    assert "2 of 2 runs of he_normal have no result" in checked.claims[0].reason
    own = lab.submit()
    assert claims(api, own).claims == []
    assert api.get(f"/v1/experiments/{uuid.uuid4()}/claims").status_code == 404


def test_a_preset_trained_by_a_worker_gives_the_figures_of_its_histories(api, lab, train):
    body = TINY | {"epochs": 3, "seeds": 3, "batch_size": 32}
    experiment_id = submit(api, "he_depth", body).json()["id"]
    train()
    by_name: dict[str, list[float]] = {}
    for run in lab.runs(experiment_id):
        history = api.get(f"/v1/runs/{run.id}/history").json()["metrics"]
        by_name.setdefault(run.initializer, []).append(history["loss"][-1])
    claim = claims(api, experiment_id).claims[0]
    assert claim.name == "he_learns_more"
    he, glorot = (by_name[name] for name in ("he_normal", "glorot_normal"))
    assert [group.mean for group in claim.groups] == pytest.approx(
        [sum(he) / 3, sum(glorot) / 3], rel=1e-12
    )
    (difference,) = claim.differences
    assert difference.mean == pytest.approx(sum(he) / 3 - sum(glorot) / 3, abs=1e-12)
    assert (difference.paired, difference.n) == (True, 3)
    low, high = difference.ci95
    expected = "reproduced" if high < 0 else "not_reproduced" if low > 0 else "inconclusive"
    assert claim.status == expected


@pytest.mark.longest
def test_the_twelve_initializations_of_the_block_come_out_as_published(api, train):
    body = {"size": "small", "seeds": [1234, 5678]}
    experiment_id = submit(api, "block_initializers", body).json()["id"]
    train()
    claim, of_other_networks = claims(api, experiment_id).claims
    assert claim.status == "reproduced", claim.reason
    assert of_other_networks.status == "reproduced", of_other_networks.reason
    assert len(of_other_networks.groups) == 3 * 12
    healthy = {group.group for group in claim.groups if group.verdicts == {"healthy": 2}}
    assert healthy == {
        "tanh N(0.1)",
        "tanh glorot_normal",
        "tanh glorot_uniform",
        "relu he_normal",
        "relu he_uniform",
    }
    assert len(claim.groups) == 12


def test_claims_read_the_layers_that_were_stored(api, train):
    body = SMALL_BATCHES | {"epochs": 0, "train_size": 200}
    experiment_id = submit(api, "depth_study", body).json()["id"]
    train()
    checked = {claim.name: claim for claim in claims(api, experiment_id).claims}
    assert checked["small_weights_collapse"].status == "reproduced"
    assert checked["large_weights_saturate_tanh"].status == "reproduced"
    for claim in checked.values():
        assert all(group.n == 2 for group in claim.groups)
