"""What is computed in a process of its own, as the bytes of an answer.

Each function gets a session that only reads. What takes long to import is imported inside.
"""

import codecs
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from service.comparison.question import Question
from service.fields import explaining_at_most


def find_errors(_: Session, body_type: Any, body: bytes, most: int) -> list[Any]:
    """Return the first errors of a JSON body, as pydantic tells them; none where it is valid."""
    content = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    try:
        with explaining_at_most(most):
            TypeAdapter(body_type).validate_python(content, from_attributes=True)
    except ValidationError as error:
        return list(error.errors(include_url=False))[:most]
    return []


def compare(session: Session, experiment_id: uuid.UUID, question: Question) -> tuple[bytes, bool]:
    """Return the comparison of an experiment, and whether it can change no more."""
    from service.api.schemas.comparisons import ComparisonAnswer  # noqa: PLC0415
    from service.comparison import ranking  # noqa: PLC0415

    comparison = ranking.compare(session, experiment_id, question)
    return ComparisonAnswer.of(comparison).to_json(), comparison.finished


def check_claims(session: Session, experiment_id: uuid.UUID) -> bytes:
    """Return what the runs show about each claim of an experiment."""
    from service.api.schemas.presets import ExperimentClaims  # noqa: PLC0415
    from service.presets import checking  # noqa: PLC0415

    return ExperimentClaims.of(checking.check(session, experiment_id)).to_json()


def search_mlflow_runs(
    session: Session, experiment_ids: Sequence[str], query: Mapping[str, Any], limit: int
) -> bytes:
    """Return a page of runs as MLflow's clients read it."""
    from service.mlflow import runs, shapes  # noqa: PLC0415

    page = runs.search(session, experiment_ids, **query, limit=limit)
    return mlflow_body(runs=shapes.runs(page.rows), next_page_token=page.next_cursor)


def search_mlflow_experiments(session: Session, query: Mapping[str, Any], limit: int) -> bytes:
    """Return a page of experiments as MLflow's clients read it."""
    from service.mlflow import experiments, shapes  # noqa: PLC0415

    page = experiments.search(session, **query, limit=limit)
    found = [shapes.experiment(row) for row in page.rows]
    return mlflow_body(experiments=found, next_page_token=page.next_cursor)


def mlflow_body(**content: Any) -> bytes:
    """Return members as the JSON of an answer, without those that are None."""
    return orjson.dumps({name: value for name, value in content.items() if value is not None})
