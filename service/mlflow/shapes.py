"""Experiments and runs as JSON of MLflow's REST API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from service.json_numbers import to_json
from service.mlflow.fields import STATUSES
from service.mlflow.runs import Point, latest, milliseconds
from service.specs.spec import LATER_AXES

#: The part of MLflow's API that serves files; clients resolve it to their tracking server.
_ARTIFACTS = "mlflow-artifacts:/"


def experiment(row: Row[Any]) -> dict[str, Any]:
    """Return an experiment of ``service.mlflow.experiments``."""
    created = milliseconds(row.created_at)
    tags = {
        "mlflow.note.content": row.description,
        "mlflow.user": row.created_by,
        "actinium.preset": row.preset,
    }
    return {
        "experiment_id": str(row.id),
        "name": row.name,
        "artifact_location": f"{_ARTIFACTS}{row.id}",
        "lifecycle_stage": "active",
        "creation_time": created,
        "last_update_time": created,
        "tags": _pairs(row.tags | tags),
    }


def runs(rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Return runs of ``service.mlflow.runs`` with their latest metrics."""
    # The seeds of a configuration share its parameters.
    configs = {row.config_hash: row.config for row in rows}
    params = {name: _params(config) for name, config in configs.items()}
    return [_run(row, params[row.config_hash]) for row in rows]


def _run(row: Row[Any], params: list[dict[str, str]]) -> dict[str, Any]:
    run_id = str(row.id)
    info = {
        "run_id": run_id,
        "run_uuid": run_id,
        "run_name": row.run_name,
        "experiment_id": str(row.experiment_id),
        "user_id": row.created_by,
        "status": STATUSES[row.status],
        "start_time": milliseconds(row.begun_at),
        "artifact_uri": artifact_uri(row),
        "lifecycle_stage": "active",
    }
    if row.finished_at is not None:
        info["end_time"] = milliseconds(row.finished_at)
    data = {
        "metrics": [metric(point) for point in latest(row)],
        "params": [*params, *_pairs({"seed": str(row.seed), "variant": row.label})],
        "tags": _pairs(row.tags | _tags(row) | {"mlflow.runName": row.run_name}),
    }
    return {"info": info, "data": data, "inputs": {}}


def metric(point: Point) -> dict[str, Any]:
    """Return one value of a metric."""
    return {
        "key": point.metric,
        "value": to_json(point.value),
        "timestamp": point.timestamp,
        "step": point.step,
    }


def artifact_uri(row: Row[Any]) -> str:
    """Return the address of a run's files."""
    return f"{_ARTIFACTS}{row.experiment_id}/{row.id}/artifacts"


def _params(config: dict[str, Any]) -> list[dict[str, str]]:
    params: dict[str, str] = {}
    for axis, value in (LATER_AXES | config).items():
        _flatten(axis, value, params)
    return _pairs(params)


def _flatten(name: str, value: Any, params: dict[str, str]) -> None:
    """Add a value as text; an object adds its entry's name and, below it, its parameters."""
    if isinstance(value, dict):
        for part, part_value in value.items():
            _flatten(name if part == "name" else f"{name}.{part}", part_value, params)
    elif isinstance(value, str):
        params[name] = value
    elif type(value) in {int, float}:
        params[name] = repr(value)
    elif value is not None:
        params[name] = json.dumps(value)


def _tags(row: Row[Any]) -> dict[str, str | None]:
    return {
        "mlflow.user": row.created_by,
        "actinium.status": row.status,
        "actinium.outcome": row.outcome,
        "actinium.verdict": row.verdict,
        "actinium.config_hash": row.config_hash,
        "actinium.reused_from": str(row.reused_from) if row.reused_from else None,
        "actinium.error": row.error,
    }


def _pairs(values: Mapping[str, str | None]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items() if value is not None]
