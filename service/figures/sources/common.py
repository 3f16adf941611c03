"""What all pictures share."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparison.ranking import Comparison
from service.comparison.scores import Score
from service.database.tables import Experiment, Run
from service.errors import InvalidError
from service.fields import FieldError
from service.figures.plots.metrics import metric_name
from service.specs.choices import choice
from service.specs.labels import Label
from service.statuses import FINISHED


@dataclass(frozen=True)
class Picture:
    """A drawn figure. ``finished``: its data will never change."""

    data: bytes
    finished: bool


def refusal(parameter: str, detail: str) -> InvalidError:
    """Say what is wrong with a query parameter."""
    return InvalidError(detail, errors=[FieldError(("query", parameter), detail)])


def experiment_title(session: Session, experiment_id: uuid.UUID) -> str:
    """Give an experiment's name, or its id where it has none."""
    with session.begin():
        name = session.scalar(select(Experiment.name).where(Experiment.id == experiment_id))
    return name or f"Experiment {experiment_id}"


def run_title(run: Run) -> str:
    """Name a run by its activation, initializer and seed: ``relu, he_normal, seed 3``."""
    names = [str(choice(axis, run.config[axis])) for axis in ("activation", "initializer")]
    return ", ".join([*names, f"seed {run.seed}"])


def all_finished(runs: Iterable[Score]) -> bool:
    """Say whether every run has its result."""
    return all(each.status in FINISHED for each in runs)


def written(label: Label) -> str:
    """Write a label for readers; only a variant's may be missing."""
    return "none" if label is None else str(label)


def variant(run: Score) -> str | None:
    """Give the label of a run's variant."""
    label = run.place["variant"]
    return None if label is None else str(label)


def measured(compared: Comparison) -> str:
    """Say what a comparison compares: ``final validation accuracy``."""
    return f"{compared.at} {metric_name(compared.metric).lower()}"
