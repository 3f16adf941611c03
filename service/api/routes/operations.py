"""Operating the service: whether it is alive, whether it is ready, and its metrics."""

from typing import Any

import orjson
from fastapi import Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from service.api.web import problems
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.routers import make_router
from service.database.outages import is_outage
from service.operations.process_memory import memory_by_process
from service.operations.readiness import check_parts

router = make_router(tags=["operations"])


class Health(BaseModel):
    """The answer of a process that runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: str


class PartState(BaseModel):
    """Whether one part works, and a sentence about it."""

    ok: bool
    detail: str


class Readiness(BaseModel):
    """The state of every part that training needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ready": True,
                    "checks": {
                        "database": {"ok": True, "detail": "PostgreSQL answers."},
                        "schema": {
                            "ok": True,
                            "detail": "The schema is the one this version needs.",
                        },
                        "workers": {"ok": True, "detail": "Seen: 2 on cpu."},
                        "broker": {"ok": True, "detail": "Redis answers."},
                    },
                }
            ]
        }
    )

    ready: bool
    checks: dict[str, PartState] = Field(
        description="By part: `database`, `schema`, `workers`, `broker`."
    )


@router.get("/healthz", summary="Check that the process is alive")
async def healthz() -> Health:
    """Answer without reading anything."""
    return Health(status="alive")


@router.get(
    "/readyz",
    summary="Check whether runs can be trained",
    response_model=Readiness,
    responses=problems.problem_responses(503),
)
def readyz(request: Request) -> Response:
    """Check the database, its schema, the broker and the workers.

    Where one of them does not work, the answer is a problem with the status 503 and the same
    `checks`.
    """
    state = request.app.state
    checks = check_parts(state.engine, state.sessions, state.doorbell, state.settings)
    failed = [f"{name}: {check.detail}" for name, check in checks.items() if not check.ok]
    shown = {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()}
    if not failed:
        return Response(
            orjson.dumps({"ready": True, "checks": shown}), media_type="application/json"
        )
    problem = problems.make_problem(
        503, " ".join(failed), request.url.path, request.state.request_id
    ).model_dump(exclude_none=True)
    return Response(
        orjson.dumps({**problem, "ready": False, "checks": shown}),
        status_code=503,
        media_type=problems.MEDIA_TYPE,
    )


_METRICS_EXAMPLE = """\
# HELP actinium_runs Runs by status.
# TYPE actinium_runs gauge
actinium_runs{status="queued"} 12.0
"""

_METRICS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The metrics.",
        "content": {"text/plain": {"example": _METRICS_EXAMPLE, "schema": {"type": "string"}}},
    }
}


class _PlainText(Response):
    media_type = "text/plain"


@router.get(
    "/metrics",
    summary="Get metrics for Prometheus",
    dependencies=[Depends(requires("read"))],
    response_class=_PlainText,
    responses=_METRICS_RESPONSES,
)
def metrics(request: Request, session: SessionDep, settings: SettingsDep) -> Response:
    """Return the requests and memory of this process, and the runs, workers and webhooks of all.

    While the database does not answer, its counts are missing and `actinium_database_up` is 0.
    docs/howto/monitoring.md explains each metric.
    """
    state = request.app.state
    measured = state.metrics
    measured.show_memory(memory_by_process(state.computing.pids()))
    try:
        measured.count_shared(session, settings)
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
    return Response(measured.text(), media_type=CONTENT_TYPE_LATEST)
