"""Outcomes of runs that an older version completed: from what it has stored of them."""

import math

import pytest

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.older_outcomes import judge_older_runs
from tests.support.layer_samples import FINDING, insight, statistics

LOSSES = (2.0, 0.5, 0.49)


@pytest.fixture
def complete(lab):
    """Complete a run as an older version did, without an outcome; return its id."""

    def complete(*probes, verdict=None, findings=(), accuracy=0.9, **fields):
        lab.submit(epochs=3, reuse=False, **fields)
        held = lab.taken()
        if probes:
            lab.start(held, insight(probes[0], RecordedDiagnosis(verdict, list(findings))))
        for epoch, loss in enumerate(LOSSES, start=1):
            last = epoch == len(LOSSES)
            seen = Insight(statistics(probes[-1])) if last and probes else Insight()
            measured = {"loss": loss, "val_loss": loss, "val_accuracy": accuracy}
            lab.epoch(held, epoch, "completed" if last else None, seen, **measured)
        return held.run_id

    return complete


def judged(lab, *, batch_runs=100):
    with lab.sessions() as session:
        return judge_older_runs(session, batch_runs=batch_runs)


def test_the_last_probe_decides_and_the_verdict_follows(lab, complete):
    learned = complete(2.4, 0.5, verdict="vanishing", findings=[FINDING])
    failed = complete(2.4, 2.31, verdict="vanishing", findings=[FINDING])
    unexplained = complete(2.4, 2.31, verdict="healthy")
    assert judged(lab, batch_runs=2) == 3
    found = [(lab.run(each).outcome, lab.run(each).verdict) for each in (learned, failed)]
    assert found == [("learned", "healthy"), ("at_chance", "vanishing")]
    assert lab.run(unexplained).verdict == "no_cause_found"
    assert lab.run(learned).findings == [FINDING]
    assert judged(lab) == 0


@pytest.mark.parametrize(("accuracy", "outcome"), [(0.9, "learned"), (0.1, "at_chance")])
def test_without_probes_the_accuracy_decides(lab, complete, accuracy, outcome):
    run_id = complete(accuracy=accuracy, layer_statistics="off")
    assert judged(lab) == 1
    assert (lab.run(run_id).outcome, lab.run(run_id).verdict) == (outcome, None)


def test_runs_that_train_or_were_only_initialized_have_no_outcome(lab):
    lab.submit(epochs=0)
    lab.submit(epochs=2)
    assert judged(lab) == 0


def test_every_data_set_has_the_loss_and_accuracy_of_guessing(lab, complete):
    run_id = complete(
        accuracy=0.8,
        layer_statistics="off",
        dataset={"name": "churn", "train_size": 100, "validation_split": 0.5},
        model={"name": "mlp", "hidden_units": [4]},
        batch_size=10,
    )
    assert judged(lab) == 1
    assert lab.run(run_id).outcome == "at_chance"  # the largest class has .796


def test_a_divergence_that_an_older_worker_ends_is_brought_in_line(lab):
    lab.submit(epochs=3)
    held = lab.taken()
    older = {name: value for name, value in FINDING.items() if name != "advice"}
    found = [older | {"kind": "diverged"}, older | {"kind": "exploding"}]
    seen = insight(math.nan, RecordedDiagnosis("diverged", found))
    lab.epoch(held, 1, "diverged", seen, loss=math.nan)
    assert judged(lab) == 1
    run = lab.run(held.run_id)
    assert (run.outcome, run.verdict) == ("diverged", "exploding")
    assert [finding["advice"] for finding in run.findings] == [None, None]
