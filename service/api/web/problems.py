"""Problems: the one place where an exception becomes an HTTP answer (RFC 9457)."""

from typing import Any

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.web import mlflow_errors
from service.api.web.field_errors import (
    MAX_ERRORS,
    FieldProblem,
    from_locations,
    from_pydantic,
)
from service.api.web.scopes import path_of
from service.database.outages import RefusalKind, is_outage, refusal_of
from service.errors import DomainError
from service.fields import explaining_at_most
from service.specs.expansion import SpecError

MEDIA_TYPE = "application/problem+json"

_DATABASE_AWAY = "The database does not answer; try again."
_INTERNAL = "The request failed here; the service's log says why."
#: Status and detail where the database answers, but not this request.
_REFUSALS = {
    RefusalKind.TOO_COMPLEX: (422, "The request is too complex for the database. Ask for less."),
    RefusalKind.TOO_SLOW: (
        503,
        "The database took too long for this request and gave it up. Ask for less, or try again "
        "when the service has less to do.",
    ),
    RefusalKind.NO_MEMORY: (
        503,
        "The database has too little memory for this request now. Ask for less, or try again.",
    ),
}
_TYPE_PREFIX = "urn:actinium:problem:"
_RETRY_SECONDS = 2

#: Headers that the standards require with a status.
_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="actinium"'},
    503: {"Retry-After": str(_RETRY_SECONDS)},
}

#: By status: the usual problem type, its title, and a detail for examples.
_STATUSES: dict[int, tuple[str, str, str]] = {
    400: (
        "malformed",
        "Malformed request",
        "The body is not valid JSON, at line 1, column 2: unexpected end of data.",
    ),
    401: (
        "unauthorized",
        "A valid API key is needed",
        "Send an API key: `Authorization: Bearer act_...`.",
    ),
    403: (
        "forbidden",
        "Not allowed",
        "This needs a key with the scope 'submit'; the key 'lab' has read.",
    ),
    404: ("not-found", "Not found", "There is no run 019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e."),
    405: (
        "method-not-allowed",
        "Method not allowed",
        "This path does not take PUT; it takes GET, HEAD, POST.",
    ),
    406: ("not-acceptable", "Not acceptable", "This is available as application/json, text/csv."),
    408: (
        "request-timeout",
        "The request came too slowly",
        "The body was not complete within 60 s.",
    ),
    409: (
        "conflict",
        "Conflict",
        "The experiment has runs that are queued or running. Cancel it first.",
    ),
    410: (
        "gone",
        "Deleted",
        "This Idempotency-Key stored experiment 019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e, which was "
        "deleted since. Use a new key to submit it again.",
    ),
    412: (
        "precondition-failed",
        "Changed meanwhile",
        "Somebody edited the experiment since its ETag was read. Read it again, then repeat the "
        "change.",
    ),
    413: ("body-too-large", "Body too large", "The body is over the limit max_body_bytes = 1,000."),
    415: (
        "unsupported-media-type",
        "Unsupported media type",
        "Send the body as application/json, not 'text/plain'.",
    ),
    422: (
        "invalid",
        "The request cannot be used",
        "1 thing in the request cannot be used: 'rleu' is not a known activation; did you mean "
        "'relu'? Valid: elu, relu, tanh.",
    ),
    431: ("headers-too-large", "Headers too large", "The headers have more than 65,536 bytes."),
    429: ("rate-limited", "Too many requests", "The limit is 100000 per 1 minute; wait 12 s."),
    500: ("internal", "Internal error", _INTERNAL),
    503: ("unavailable", "Temporarily unavailable", _DATABASE_AWAY),
}

_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str = Field(description="The kind of problem, as a URN that does not change.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and what to do.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field(description="The id of the request in the service's log.")
    errors: list[FieldProblem] | None = Field(None, description="What is wrong, field by field.")


class ProblemAnswers:
    """Middleware that answers with a problem where a request ends in an exception."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            with explaining_at_most(MAX_ERRORS):
                await self._app(scope, receive, send_noting)
        except Exception as error:
            if started:
                # Too late for another answer: the server cuts the connection, so that the
                # client does not take half an answer for a whole one.
                raise
            await problem_response(scope, error)(scope, receive, send)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of problem answers, with examples, for ``responses`` of a route."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        _, title, detail = _STATUSES[status]
        errors = [_EXAMPLE_ERROR] if status == 422 else []
        example = make_problem(status, detail, "/v1/experiments", "1f6fd0c1a7e04d6b", errors=errors)
        described[status] = {
            "description": title,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": example.model_dump(exclude_none=True),
                }
            },
        }
    return described


def kind_of(status: int) -> str:
    """Return the usual kind of problem with a status, as ``not-found`` for 404."""
    return _STATUSES[status][0]


_EXAMPLE_ERROR = FieldProblem(
    pointer="/activation/2",
    detail="'rleu' is not a known activation; did you mean 'relu'? Valid: elu, relu, tanh.",
)


def make_problem(
    status: int,
    detail: str,
    instance: str,
    request_id: str,
    *,
    errors: list[FieldProblem] | None = None,
    kind: str | None = None,
    title: str | None = None,
) -> Problem:
    """Return a problem; without a kind or a title it has those of its status."""
    usual_kind, usual_title, _ = _STATUSES.get(status, ("http", "HTTP error", ""))
    return Problem(
        type=_TYPE_PREFIX + (kind or usual_kind),
        title=title or usual_title,
        status=status,
        detail=detail,
        instance=instance,
        request_id=request_id,
        errors=errors or None,
    )


def problem_response(scope: Scope, error: Exception) -> Response:
    """Return the answer to a request that ended in an exception."""
    problem = _problem_of(scope, error)
    headers = {**_HEADERS.get(problem.status, {})}
    if isinstance(error, HTTPException):
        headers |= error.headers or {}
    content = problem.model_dump(exclude_none=True) | mlflow_errors.members(
        problem.instance, problem.status, problem.detail
    )
    return Response(
        orjson.dumps(content), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def _problem_of(scope: Scope, error: Exception) -> Problem:
    """Return the problem of an exception; an unexpected one is logged and not shown."""
    place = (path_of(scope), scope["state"]["request_id"])
    match error:
        case DomainError(status=status, detail=detail, type=kind, title=title):
            errors = from_locations(error.errors, scope["state"].get("body"))
            return make_problem(status, detail, *place, errors=errors, kind=kind, title=title)
        case SpecError() | RequestValidationError():
            errors = _field_problems(scope, error)
            return make_problem(422, _summary(errors), *place, errors=errors)
        case HTTPException():
            return make_problem(error.status_code, str(error.detail), *place)
        case SQLAlchemyError() if refusal := refusal_of(error):
            reason = _first_line(error)
            _log.warning("The database refused a statement", reason=reason, path=place[0])
            return make_problem(*_REFUSALS[refusal], *place)
        case SQLAlchemyError() if is_outage(error):
            _log.warning("The database did not answer", reason=_first_line(error))
            return make_problem(503, _DATABASE_AWAY, *place)
        case _:
            _log.error("A request failed", path=place[0], exc_info=error)
            return make_problem(500, _INTERNAL, *place)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _field_problems(scope: Scope, error: SpecError | RequestValidationError) -> list[FieldProblem]:
    body = scope["state"].get("body")
    if isinstance(error, SpecError):
        return from_locations(error.errors, body)
    field = getattr(scope.get("route"), "body_field", None)
    body_type = field.field_info.annotation if field is not None else None
    return from_pydantic(error.errors(), body, body_type)


def _summary(errors: list[FieldProblem]) -> str:
    things = "1 thing" if len(errors) == 1 else f"{len(errors)} things"
    return f"{things} in the request cannot be used: {errors[0].detail}"
