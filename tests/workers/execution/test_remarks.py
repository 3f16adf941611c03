"""What is only said about a run can fail without failing it; a failing member leaves its pack."""

import pytest
import torch
from structlog.testing import capture_logs

from service.histories import diagnoses
from tests.support.small_experiments import submit
from workers.execution.runner import train_waiting_runs
from workers.execution.training_loop import TrainingLoop

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")

PACK = {
    "dataset": {"name": "circles", "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [8]},
    "layer_statistics": {"every": 1, "samples": 64},
    "epochs": 3,
}
#: Too large to be packed.
ALONE = PACK | {"model": {"name": "mlp", "hidden_units": [250, 250]}}

#: What explains a run, by where it is computed.
REMARKS = [
    "workers.training.probing.Probe",
    "workers.diagnostics.probe.Probe.add",
    "workers.diagnostics.probe.Probe.statistics",
    "workers.training.probing.decision_boundary",
    "workers.training.probing.OutputGathering",
    "workers.training.solo.deepcopy",
    "workers.training.solo.update_ratios",
    "workers.training.packed.step.update_ratios",
    "workers.diagnostics.layers.NetworkStatistics.as_dict",
    "workers.diagnostics.diagnosis.examine",
    "workers.diagnostics.diagnosis.Diagnostician.see_epoch",
    "workers.diagnostics.diagnosis.conclude",
    "workers.execution.insights.outcome_of",
    "workers.execution.training_loop.guessing_of",
    "service.histories.layer_statistics.encode",
]


def fail(*_args, **_options):
    raise FloatingPointError("An odd number.")


@pytest.fixture
def train_all(sessions, settings):
    """Train all runs that wait."""

    def train_all():
        train_waiting_runs(sessions, settings, worker="one", device=CPU, stopping=lambda: False)

    return train_all


@pytest.mark.parametrize("remark", REMARKS)
@pytest.mark.parametrize("spec", [PACK, ALONE], ids=["pack", "alone"])
def test_a_remark_that_fails_fails_no_run(
    session, sessions, settings, look, train_all, monkeypatch, remark, spec
):
    run_ids = submit(session, settings, **spec, seeds=2 if spec is PACK else 1)
    monkeypatch.setattr(remark, fail)
    with capture_logs() as logs:
        train_all()
    for run_id in run_ids:
        run = look.run(run_id)
        assert (run.status, run.epoch, run.failures) == ("completed", 3, 0)
        assert look.outcomes(run_id) == ["completed"]
        with sessions() as reading:
            found = diagnoses.read_diagnosis(reading, run_id)
        if remark.endswith("outcome_of"):
            assert found.outcome is None
    other = "solo" if spec is PACK else "packed"
    if f".{other}." not in remark:
        told = {log["event"] for log in logs if log["log_level"] == "error"}
        assert told or "guessing" in remark
    if remark.endswith(("Probe", "encode", "as_dict")):
        assert not look.layers(run_ids[0])


def test_a_member_that_fails_takes_no_attempt_of_its_pack(
    session, settings, look, train_all, monkeypatch
):
    """Also where it has one attempt only, and where the pack failed in the middle."""
    spec = PACK | {"layer_statistics": "off", "max_attempts": 1}
    run_ids = submit(session, settings, **spec, seeds=4)
    (other,) = submit(session, settings, **spec, seeds=[9])
    sick = run_ids[2]
    record = TrainingLoop._record_epochs

    def record_or_fail(loop, results):
        sick_is_trained = any(run.claim.run_id == sick for run in loop._present.values())
        if sick_is_trained and any(result.epoch == 2 for result in results.values()):
            raise FloatingPointError("An odd number.")
        record(loop, results)

    monkeypatch.setattr(TrainingLoop, "_record_epochs", record_or_fail)
    train_all()
    assert look.run(sick).status == "failed"
    assert "An odd number." in look.run(sick).error
    assert look.outcomes(sick) == ["released", "error"]
    for run_id in {*run_ids, other} - {sick}:
        run = look.run(run_id)
        assert (run.status, run.epoch, run.failures) == ("completed", 3, 0)
        assert look.outcomes(run_id) == ["released", "completed"]
        assert [row[0] for row in look.history(run_id)] == [1, 2, 3]
    (released, _) = look.attempts(other)
    assert "An odd number." in released.reason
    assert "side by side" in released.reason


def test_data_that_cannot_be_loaded_fail_all_runs_of_a_pack(
    session, settings, look, train_all, monkeypatch
):
    """No member is to blame, and none would do better alone."""
    run_ids = submit(session, settings, **PACK, seeds=2, max_attempts=1)
    monkeypatch.setattr("workers.execution.runner.load", fail)
    train_all()
    assert [look.run(run_id).status for run_id in run_ids] == ["failed", "failed"]
    assert [look.outcomes(run_id) for run_id in run_ids] == [["error"], ["error"]]
