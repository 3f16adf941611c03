"""Several epochs of a run in one transaction: all of them count, or none."""

import math

import pytest

from service.comparison import scores
from service.comparison.question import Question
from service.histories.diagnoses import RecordedDiagnosis
from service.runs.fencing import RunsToLeave
from service.runs.recording import EpochRecord
from tests.support.layer_samples import SICK, insight
from tests.support.scripted_worker import METRICS

MLP = {"name": "mlp", "hidden_units": [16, 8]}
NOTHING = RunsToLeave(frozenset(), frozenset())


@pytest.fixture
def pack(lab):
    """The claims of two runs of five epochs, of which the first is recorded."""
    lab.submit(model=MLP, seeds=2, epochs=5)
    claims = lab.pack()
    lab.epochs([EpochRecord(claim, 1, METRICS) for claim in claims])
    return claims


def of(claim, *epochs, ending=None, **metrics):
    """Records of some epochs, of which the last may end the run."""
    return [
        EpochRecord(claim, epoch, METRICS | metrics, ending if epoch == epochs[-1] else None)
        for epoch in epochs
    ]


def test_the_run_tells_of_its_last_epoch_and_of_the_best_before(lab, pack):
    claim, other = pack
    accuracies = [(2, 0.6), (3, 0.9), (4, math.nan), (5, 0.9)]
    records = [
        EpochRecord(
            claim,
            epoch,
            METRICS | {"val_accuracy": accuracy, "loss": 1 / epoch},
            "completed" if epoch == 5 else None,
            insight(epoch, SICK if epoch == 3 else None),
        )
        for epoch, accuracy in accuracies
    ]
    assert lab.epochs([*records, *of(other, 2)]) == NOTHING
    run = lab.run(claim.run_id)
    assert (run.status, run.epoch, run.loss, run.val_accuracy) == ("completed", 5, 0.2, 0.9)
    assert (run.best_epoch, run.best_val_accuracy) == (3, 0.9)
    assert run.verdict == "vanishing"
    assert [row["epoch"] for row in lab.history(claim.run_id)] == [1, 2, 3, 4, 5]
    assert [row["loss"] for row in lab.history(claim.run_id)] == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    told = [kind for kind, run_id in lab.events(claim.experiment_id) if run_id == claim.run_id]
    assert told == ["run.started", *["run.epoch"] * 5, "run.finished"]


def test_the_same_epochs_again_are_recognised_run_by_run(lab, pack):
    """As after a commit whose answer was lost."""
    first, second = pack
    records = [*of(first, 2, 3, 4, 5, ending="completed"), *of(second, 2, 3)]
    assert lab.epochs(records) == NOTHING
    before = [lab.snapshot(claim.run_id) for claim in pack]
    assert lab.epochs(records) == NOTHING
    assert [lab.snapshot(claim.run_id) for claim in pack] == before
    assert lab.epochs([*of(first, 2, 3, 4, 5), *of(second, 4)]) == RunsToLeave(
        frozenset(), frozenset({first.run_id})
    )
    assert [row["epoch"] for row in lab.history(second.run_id)] == [1, 2, 3, 4]


@pytest.mark.parametrize("epochs", [(3, 4), (2, 4), (3, 2), (1, 2), (2, 2), (2, 3, 3)])
def test_epochs_out_of_their_order_are_refused_and_the_other_run_s_count(lab, pack, epochs):
    first, second = pack
    before = lab.snapshot(first.run_id)[:3]
    lost = RunsToLeave(frozenset(), frozenset({first.run_id}))
    assert lab.epochs([*of(first, *epochs), *of(second, 2, 3)]) == lost
    assert lab.snapshot(first.run_id)[:3] == before
    assert [row["epoch"] for row in lab.history(second.run_id)] == [1, 2, 3]


def test_a_stale_token_writes_none_of_them(lab, pack):
    first, second = pack
    lab.release(first)
    assert lab.taken("two").run_id == first.run_id
    before = lab.snapshot(first.run_id)[:3]
    records = [*of(first, 2, 3, 4, 5, ending="completed"), *of(second, 2, 3)]
    assert lab.epochs(records) == RunsToLeave(frozenset(), frozenset({first.run_id}))
    assert lab.snapshot(first.run_id)[:3] == before
    assert lab.run(second.run_id).epoch == 3


def test_an_epoch_whose_validation_loss_is_not_finite_is_not_the_best(lab, pack):
    claim, _ = pack
    better = [(2, math.inf), (3, math.nan), (4, 0.5)]
    for epoch, val_loss in better:
        lab.epochs(of(claim, epoch, val_loss=val_loss, val_accuracy=0.99 - epoch / 100))
    run = lab.run(claim.run_id)
    assert (run.best_epoch, run.best_val_accuracy) == (4, 0.95)


@pytest.mark.parametrize("odd", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["loss", "val_loss"])
def test_an_epoch_with_odd_losses_is_best_by_no_metric(lab, pack, name, odd):
    claim, _ = pack
    for epoch in (2, 3):
        lab.epochs(of(claim, epoch, loss=0.5, val_loss=0.5, val_accuracy=0.4, accuracy=0.4))
    great = {"loss": 0.01, "val_loss": 0.01, "val_accuracy": 0.99, "accuracy": 0.99}
    lab.epochs(of(claim, 4, **(great | {name: odd})))
    run = lab.run(claim.run_id)
    assert (run.best_epoch, run.best_val_accuracy) != (4, 0.99)
    with lab.sessions() as session:
        for metric in ("val_accuracy", "accuracy", "val_loss", "loss"):
            best = scores.read(session, run.experiment_id, Question(metric, "best"))
            values = [score.value for score in best]
            assert great[metric] not in values
            assert not any(value is not None and not math.isfinite(value) for value in values)


def test_an_outcome_is_stored_with_the_end(lab, pack):
    claim, _ = pack
    ended = RecordedDiagnosis("no_cause_found", [], "at_chance")
    last = EpochRecord(claim, 5, METRICS, "completed", insight(5, ended))
    lab.epochs([*of(claim, 2, 3, 4), last])
    run = lab.run(claim.run_id)
    assert (run.status, run.outcome, run.verdict) == ("completed", "at_chance", "no_cause_found")
