"""The results of presets: trained in jobs as the service does, and told as they are kept."""

import json

import pytest

from benchmarks.statistics import preset_trainings, presets
from service.presets import results
from service.presets.registry import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_every_small_size_has_been_run_as_it_is_now(name):
    found = results.result_of(PRESETS[name], "small")
    assert found is not None, f"run: python -m benchmarks.statistics.presets {name}"
    assert found.claims.keys() == {claim.name for claim in PRESETS[name].claims}


def test_the_page_has_the_table_of_the_results():
    assert presets.table() in presets.PAGE.read_text()


def test_jobs_have_each_run_once_and_are_trained_as_claims_read_them(tmp_path):
    runs = preset_trainings.planned_runs("depth_study", "small")
    jobs = preset_trainings.jobs_of(runs)
    assert sorted(position for job in jobs for position in job) == list(range(len(runs)))
    block = preset_trainings.planned_runs("block_initializers", "small")
    job = max(preset_trainings.jobs_of(block), key=len)
    assert len(job) == 16
    for position, training in preset_trainings.train_job(
        "block_initializers", "small", job
    ).items():
        run = block[position]
        assert (training.label, training.seed) == (run.label, run.seed)
        assert training.config == run.configuration.values
        assert (training.status, training.outcome) == ("completed", None)
        assert (training.verdict == "healthy") == (run.label.split(",")[0] in HEALTHY)


HEALTHY = {
    "tanh N(0.1)",
    "tanh glorot_normal",
    "tanh glorot_uniform",
    "relu he_normal",
    "relu he_uniform",
}


def test_a_training_that_was_stopped_goes_on_where_it_was(tmp_path):
    """What a job kept is not trained again, unless it is of another spec."""
    name, size = "normalization_depth", "small"
    runs = preset_trainings.planned_runs(name, size)
    left, *done = preset_trainings.jobs_of(runs)[::-1]
    for job in done:
        path = preset_trainings.part_of(name, size, runs, job, tmp_path)
        path.parent.mkdir(exist_ok=True)
        trainings = [{"kept": position} for position in job]
        path.write_text(json.dumps({"seconds": 0.0, "trainings": trainings}))
    path.with_name("of another spec.json").write_text("not read")
    preset_trainings.train_preset(name, size, 1, tmp_path)
    found = json.loads((tmp_path / f"{name}.{size}.json").read_text())
    trained = [position for position, each in enumerate(found["trainings"]) if "kept" not in each]
    assert trained == sorted(left)
    assert all(found["trainings"][position]["seed"] == runs[position].seed for position in left)
    assert found["seconds"] > 0
    assert [other.name for other in path.parent.iterdir()] == ["of another spec.json"]
