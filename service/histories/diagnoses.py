"""Diagnoses of runs: what a worker records, and what clients read."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError
from service.json_numbers import to_json

#: Raised when a rule or a threshold changes that decides outcomes, verdicts or findings.
DIAGNOSIS_VERSION = 2


@dataclass(frozen=True)
class RecordedDiagnosis:
    """A verdict (None while nothing has been examined), the findings behind it, and the outcome.

    A finding has ``kind``, ``layer``, ``epoch``, ``value``, ``threshold``, ``explanation``,
    ``advice``. The outcome is None until the training has ended.
    """

    verdict: str | None
    findings: Sequence[Mapping[str, Any]]
    outcome: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of the run's columns that store the diagnosis."""
        return {
            "outcome": self.outcome,
            "verdict": self.verdict,
            "findings": [_storable(finding) for finding in self.findings],
            "diagnosis_version": DIAGNOSIS_VERSION,
        }


@dataclass(frozen=True)
class Insight:
    """Layer statistics and diagnosis that a worker records with an epoch.

    Attributes:
        layers: the layer statistics as plain data; None at epochs without any.
        diagnosis: the run's diagnosis after this epoch; None where it has not changed.
    """

    layers: Mapping[str, Any] | None = None
    diagnosis: RecordedDiagnosis | None = None


NO_INSIGHT = Insight()


@dataclass(frozen=True)
class DiagnosedRun:
    """A run's stored diagnosis, the version of its rules, and the run's status."""

    status: str
    outcome: str | None
    verdict: str | None
    findings: list[dict[str, Any]]
    version: int | None


def read_diagnosis(session: Session, run_id: uuid.UUID) -> DiagnosedRun:
    """Return the latest diagnosis of a run.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        wanted = (Run.status, Run.outcome, Run.verdict, Run.findings, Run.diagnosis_version)
        row = session.execute(select(*wanted).where(Run.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no run {run_id}.")
    return DiagnosedRun(
        row.status, row.outcome, row.verdict, row.findings or [], row.diagnosis_version
    )


def _storable(finding: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: to_json(finding[name]) for name in ("value", "threshold")}
    return {**finding, **numbers}
