"""Titles, refusals and labels that several pictures share."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.comparison import scores
from service.comparison.scores import Score
from service.database.tables import Experiment, Run
from service.errors import InvalidError
from service.fields import FieldError
from service.statuses import FINISHED


@dataclass(frozen=True)
class Picture:
    """A drawn figure; ``finished``: its data will not change any more."""

    data: bytes
    finished: bool


def refusal(parameter: str, detail: str) -> InvalidError:
    """Return the error of a query parameter that cannot be used."""
    return InvalidError(detail, errors=[FieldError(("query", parameter), detail)])


def experiment_title(session: Session, experiment_id: uuid.UUID) -> str:
    """Return an experiment's name, or its id if it has no name."""
    with session.begin():
        name = session.scalar(select(Experiment.name).where(Experiment.id == experiment_id))
    return name or f"Experiment {experiment_id}"


def run_title(run: Run) -> str:
    """Return a run's activation, initializer and seed: ``relu, he_normal, seed 3``."""
    labels = [str(run.labels.get(axis)) for axis in ("activation", "initializer")]
    return ", ".join([*labels, f"seed {run.seed}"])


def moment(epoch: int) -> str:
    """Return an epoch in words: ``as initialized``, ``after epoch 3``."""
    return "as initialized" if epoch == 0 else f"after epoch {epoch}"


def all_finished(runs: Iterable[Score]) -> bool:
    """Whether every run has its result."""
    return all(run.status in FINISHED for run in runs)


def variant_label(run: Score) -> str | None:
    """Return the label of a run's variant."""
    label = run.place["variant"]
    return None if label is None else str(label)


def varying(runs: Sequence[Score]) -> list[str]:
    """Return the axes that tell an experiment's configurations apart, as few as do.

    The variant is the last where configurations differ in no axis, as with another ticket.
    """
    axes = scores.varying_axes(runs)
    kinds = scores.one_of_each(runs)
    places = {(run.config_hash, tuple(run.place[axis] for axis in axes)) for run in kinds}
    told = len({place for _, place in places}) == len(places)
    several = len({run.place["variant"] for run in kinds}) > 1
    return axes if told or not several else [*axes, "variant"]
