"""The task of an experiment's runs, and the metric they are compared by unless one is named."""

import uuid
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.entry import Task
from service.catalog.metrics import COMPARED_METRICS, MAIN_METRICS
from service.comparison.question import Question
from service.database.tables import Run
from service.errors import InvalidError
from service.fields import FieldError
from service.specs.task_rules import other_task


def task_of_experiment(session: Session, experiment_id: uuid.UUID) -> Task:
    """Return the task that all runs of an experiment have; inside a transaction.

    Without a run it is classification.
    """
    task: Task | None = session.scalar(
        select(Run.task).where(Run.experiment_id == experiment_id).limit(1)
    )
    return task or "classification"


def about(session: Session, experiment_id: uuid.UUID, question: Question) -> Question:
    """Return a question about an experiment, with the metric of its task where it names none.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is asked.

    Raises:
        InvalidError: the runs do not record the metric, or that of the target.
    """
    with session.begin():
        task = task_of_experiment(session, experiment_id)
    if not question.names_metric:
        question = replace(question, metric=MAIN_METRICS[task])
    targeted = () if question.target is None else (("target", question.target.metric),)
    for parameter, metric in (("metric", question.metric), *targeted):
        reason = metric in COMPARED_METRICS and other_task(metric, task)
        if reason:
            detail = f"{reason} Compare by {MAIN_METRICS[task]}."
            raise InvalidError(detail, errors=[FieldError(("query", parameter), detail)])
    return question
