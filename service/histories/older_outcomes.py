"""Outcomes for runs that an older version of the service ended without any."""

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.orm import Session

from service.comparison.guessing import guessed
from service.database.tables import Epoch, Layers, Run
from service.histories import layer_statistics
from service.histories.outcomes import Course, Guessing, outcome_of
from service.specs.resolution import validated_on
from service.statuses import CAUSES, FAILURES, Outcome, RunStatus, Verdict

#: What is true of runs that have a result and no outcome, in the words of the index
#: ``ix_runs_without_outcome``.
_WITHOUT_OUTCOME = text(
    "runs.outcome IS NULL AND runs.status IN ('completed', 'diverged') AND runs.epochs > 0"
)


def judge_older_runs(session: Session, *, batch_runs: int = 100) -> int:
    """Store the outcome of the runs that ended without one, and return how many these are.

    It is what a worker would have stored, by the history and the layer statistics that are there.
    Without layer statistics a worker counts the validation labels; here the classes have the shares
    that the catalog tells of the whole data set. The verdict is brought in line with the outcome,
    by the causes among the findings as they were found then.

    Each batch is a transaction, so workers can go on meanwhile, and a call that was interrupted can
    be repeated.

    Args:
        session: a session outside any transaction.
        batch_runs: runs that one transaction reads and updates.
    """
    count = 0
    while True:
        with session.begin():
            batch = _judge_batch(session, batch_runs)
        count += batch
        if batch < batch_runs:
            return count


def _judge_batch(session: Session, limit: int) -> int:
    runs = session.execute(
        select(Run.id, Run.status, Run.config, Run.verdict, Run.findings)
        .where(_WITHOUT_OUTCOME)
        .order_by(Run.id)
        .limit(limit)
        .with_for_update(key_share=True)
    ).all()
    if not runs:
        return 0
    courses = _courses(session, [run.id for run in runs])
    session.execute(update(Run), [_judged(run, courses[run.id]) for run in runs])
    return len(runs)


def _courses(session: Session, run_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Course]:
    courses = {run_id: Course() for run_id in run_ids}
    epochs = session.execute(
        select(Epoch.run_id, Epoch.loss, Epoch.val_loss, Epoch.val_accuracy)
        .where(Epoch.run_id.in_(run_ids))
        .order_by(Epoch.run_id, Epoch.epoch)
    )
    for run_id, loss, val_loss, val_accuracy in epochs:
        course = courses[run_id]
        course.losses.append(_number(loss))
        course.val_losses.append(_number(val_loss))
        course.val_accuracies.append(_number(val_accuracy))
    probes = session.execute(
        select(Layers.run_id, Layers.payload)
        .where(Layers.run_id.in_(run_ids))
        .order_by(Layers.run_id, Layers.epoch)
    )
    for run_id, payload in probes:
        content = layer_statistics.decode(payload)
        courses[run_id].probes.append(float(content["loss"]))
        courses[run_id].chance_loss = float(content["chance_loss"])
    return courses


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _judged(run: Row[Any], course: Course) -> dict[str, Any]:
    course.diverged = run.status == RunStatus.DIVERGED
    # A run without a history learned nothing that is known of.
    outcome = outcome_of(course, _guessing(run.config)) or Outcome.AT_CHANCE
    findings = [{"advice": None, **finding} for finding in run.findings or ()]
    verdict = _verdict(outcome, run.verdict, findings)
    return {"id": run.id, "outcome": outcome, "verdict": verdict, "findings": findings}


def _verdict(
    outcome: Outcome, verdict: str | None, findings: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return the verdict of an older diagnosis that is in line with the outcome."""
    if verdict is None:
        return None
    if outcome not in FAILURES:
        return Verdict.HEALTHY
    causes = [finding["kind"] for finding in findings if finding["kind"] in CAUSES]
    return causes[0] if causes else Verdict.NO_CAUSE_FOUND


def _guessing(config: Mapping[str, Any]) -> Guessing:
    # Every run whose targets are numbers was given its outcome when it ended.
    samples = validated_on(config["dataset"])
    return Guessing(guessed("loss", config), guessed("val_accuracy", config), samples)
