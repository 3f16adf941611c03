"""Diagnoses: why a run learns or does not, as a worker found it and as clients read it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError
from service.json_numbers import to_json


@dataclass(frozen=True)
class RecordedDiagnosis:
    """A verdict (None where there is nothing to judge by) and the findings behind it.

    A finding has ``kind``, ``layer``, ``epoch``, ``value``, ``threshold``, ``explanation``.
    """

    verdict: str | None
    findings: Sequence[Mapping[str, Any]]

    def columns(self) -> dict[str, Any]:
        """Give the run's columns that hold it."""
        return {"verdict": self.verdict, "findings": [_storable(each) for each in self.findings]}


@dataclass(frozen=True)
class Insight:
    """What a worker sees at an epoch beside its metrics.

    ``layers`` are the layer statistics as plain data, where they are taken at this epoch;
    ``diagnosis`` is the run's by now, where it is another than before.
    """

    layers: Mapping[str, Any] | None = None
    diagnosis: RecordedDiagnosis | None = None


NO_INSIGHT = Insight()


@dataclass(frozen=True)
class DiagnosedRun:
    """A run's diagnosis as it is stored, and how the run stands."""

    status: str
    verdict: str | None
    findings: list[dict[str, Any]]


def get(session: Session, run_id: uuid.UUID) -> DiagnosedRun:
    """Give a run's diagnosis by what its worker has seen so far.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        row = session.execute(
            select(Run.status, Run.verdict, Run.findings).where(Run.id == run_id)
        ).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no run {run_id}.")
    return DiagnosedRun(row.status, row.verdict, row.findings or [])


def _storable(finding: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: to_json(finding[name]) for name in ("value", "threshold")}
    return {**finding, **figures}
