"""Labels of runs: stored at submission, kept, and the same in every answer."""

import pytest

from service.experiments import lifecycle
from service.experiments.labelling import label_older_runs

SPEC = {
    "activation": ["relu", {"name": "leaky_relu", "negative_slope": 0.2}],
    "clipping": ["none", "value"],
    "seeds": 2,
}
NAMES = [
    f"{activation}, {clipping}"
    for activation in ("relu", "leaky_relu(negative_slope=0.2)")
    for clipping in ("no clipping", "value")
    for _ in range(2)
]


def stored(lab, experiment_id):
    return [(run.id, run.labels, run.name) for run in lab.runs(experiment_id)]


def test_a_submission_stores_labels_and_names(lab):
    runs = lab.runs(lab.submit(**SPEC))
    assert [run.name for run in runs] == NAMES
    assert [run.labels["clipping"] for run in runs] == ["none", "none", "value", "value"] * 2
    assert {run.labels["batch_size"] for run in runs} == {128}


def test_reused_and_retried_runs_keep_their_own(lab):
    """A name belongs to the experiment: the same training has another one elsewhere."""
    alone = lab.submit(activation="relu")
    lab.train_all()
    experiment_id = lab.submit(**SPEC)
    before = stored(lab, experiment_id)
    (run,) = (run for run in lab.runs(experiment_id) if run.reused_from)
    assert (run.name, lab.runs(alone)[0].name) == ("relu, no clipping", "relu")
    with lab.sessions() as session:
        lifecycle.cancel(session, experiment_id)
        lifecycle.retry(session, experiment_id, "test")
    lab.train_all()
    assert stored(lab, experiment_id) == before


def test_every_answer_that_shows_a_run_has_them(api, lab):
    experiment_id = lab.submit(**SPEC, variants=[{"label": "a"}])
    expected = {str(run_id): (labels, name) for run_id, labels, name in stored(lab, experiment_id)}
    listed = api.get("/v1/runs", params={"experiment_id": str(experiment_id)}).json()["items"]
    assert {run["id"]: (run["labels"], run["name"]) for run in listed} == expected
    run_id = listed[0]["id"]
    one, cancelled = api.get(f"/v1/runs/{run_id}"), api.post(f"/v1/runs/{run_id}/cancel")
    for answer in (one, cancelled):
        run = answer.json()
        assert (run["labels"], run["name"]) == expected[run_id]
        assert run["labels"]["variant"] == "a"


def test_a_dry_run_has_those_of_the_submission(api):
    spec = SPEC | {"epochs": 2}
    planned = api.post("/v1/experiments", json=spec, params={"dry_run": True}).json()["items"]
    made = api.post("/v1/experiments", json=spec).json()
    listed = api.get("/v1/runs", params={"experiment_id": made["id"]}).json()["items"]
    assert by_hash(planned) == by_hash(listed)


def by_hash(shown):
    return {each["config_hash"]: (each["name"], each["labels"]) for each in shown}


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_runs_of_an_older_version_are_labelled_in_batches(lab, batch):
    variants = [{"label": "a", "activation": "relu"}, {"label": "b", "activation": ["relu", "elu"]}]
    experiments = [lab.submit(**SPEC), lab.submit(variants=variants, seeds=[5, 3]), lab.submit()]
    before = [stored(lab, experiment_id) for experiment_id in experiments]
    lab.execute("UPDATE runs SET labels = '{}', name = '' WHERE seed != 3")
    with lab.sessions() as session:
        assert label_older_runs(session, batch_runs=batch) == 3
        assert [stored(lab, experiment_id) for experiment_id in experiments] == before
        assert label_older_runs(session) == 0


def test_a_comparison_waits_for_labels(api, lab):
    experiment_id = lab.submit(**SPEC)
    lab.execute("UPDATE runs SET labels = '{}', name = ''")
    answer = api.get(f"/v1/experiments/{experiment_id}/comparison")
    assert answer.status_code == 409
    assert "labels them within seconds" in answer.json()["detail"]
