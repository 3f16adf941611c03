"""Problems: the one place where an exception becomes an HTTP answer (RFC 9457)."""

from typing import Any

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from service.api.web import mlflow_errors
from service.api.web.field_errors import FieldProblem, from_locations, from_pydantic
from service.database.outages import is_outage
from service.errors import DomainError
from service.specs.expansion import SpecError

MEDIA_TYPE = "application/problem+json"

_TYPE_PREFIX = "urn:actinium:problem:"
_RETRY_SECONDS = 2

#: Headers that the standards ask for beside a status.
_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="actinium"'},
    503: {"Retry-After": str(_RETRY_SECONDS)},
}

#: Problem type, title and an example's sentence by status.
_STATUSES: dict[int, tuple[str, str, str]] = {
    400: ("malformed", "Malformed request", "The body is no JSON: unexpected end of data at ..."),
    401: ("unauthorized", "A valid API key is needed", "Send a key: Authorization: Bearer act_..."),
    403: ("forbidden", "Not allowed", "This needs a key with the scope 'submit'."),
    404: ("not-found", "Not found", "There is no run 019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e."),
    405: ("method-not-allowed", "Method not allowed", "PUT is not possible here."),
    406: ("not-acceptable", "Not acceptable", "This is available as application/json."),
    409: ("conflict", "Conflict", "The experiment still has active runs; cancel it first."),
    413: ("body-too-large", "Body too large", "The body is over max_body_bytes = 1,000,000."),
    415: ("unsupported-media-type", "Unsupported media type", "Send application/json."),
    422: ("invalid", "The request cannot be used", "1 thing in the request cannot be used."),
    429: ("rate-limited", "Too many requests", "The limit is 100000 per 1 minute; wait 12 s."),
    500: ("internal", "Internal error", "Something went wrong here; the log has more."),
    503: ("unavailable", "Temporarily unavailable", "The database does not answer; try again."),
}

_log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str = Field(description="Names the kind of problem; stable.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Names the request in the service's log.")
    errors: list[FieldProblem] | None = Field(None, description="What is wrong, field by field.")


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe problem answers with an example each, for the ``responses`` of a route."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        _, title, detail = _STATUSES[status]
        errors = [_EXAMPLE_ERROR] if status == 422 else []
        example = make(status, detail, "/v1/experiments", "1f6fd0c1a7e04d6b", errors=errors)
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
    """Name the usual kind of problem with a status: ``not-found``."""
    return _STATUSES[status][0]


_EXAMPLE_ERROR = FieldProblem(
    pointer="/activation/2",
    detail="'rleu' is not a known activation; did you mean 'relu'? Valid: elu, relu, tanh.",
)


def make(
    status: int,
    detail: str,
    instance: str,
    request_id: str,
    *,
    errors: list[FieldProblem] | None = None,
    kind: str | None = None,
    title: str | None = None,
) -> Problem:
    """Fill in a problem; its kind and title follow from the status where not given."""
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


def answer(scope: Scope, error: Exception) -> Response:
    """Turn whatever a request ended with into its answer."""
    problem = explain(scope, error)
    headers = {**_HEADERS.get(problem.status, {})}
    if isinstance(error, HTTPException):
        headers |= error.headers or {}
    content = problem.model_dump(exclude_none=True) | mlflow_errors.members(
        problem.instance, problem.status, problem.detail
    )
    return Response(
        orjson.dumps(content), status_code=problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def explain(scope: Scope, error: Exception) -> Problem:
    """Say what a request ended with; what we do not know goes to the log, not to the client."""
    place = (path_of(scope), scope["state"]["request_id"])
    match error:
        case DomainError(status=status, detail=detail, type=kind, title=title):
            errors = from_locations(error.errors, scope["state"].get("body"))
            return make(status, detail, *place, errors=errors, kind=kind, title=title)
        case SpecError() | RequestValidationError():
            errors = _field_problems(scope, error)
            return make(422, _count(errors), *place, errors=errors)
        case HTTPException():
            return make(error.status_code, str(error.detail), *place)
        case SQLAlchemyError() if isinstance(error, PoolTimeoutError) or is_outage(error):
            _log.warning("The database did not answer", reason=str(error).partition("\n")[0])
            return make(503, "The database does not answer; try again.", *place)
        case _:
            _log.error("A request failed", path=place[0], exc_info=error)
            return make(500, "Something went wrong here; the log has more.", *place)


def _field_problems(scope: Scope, error: SpecError | RequestValidationError) -> list[FieldProblem]:
    body = scope["state"].get("body")
    if isinstance(error, SpecError):
        return from_locations(error.errors, body)
    field = getattr(scope.get("route"), "body_field", None)
    body_type = field.field_info.annotation if field is not None else None
    return from_pydantic(error.errors(), body, body_type)


def path_of(scope: Scope) -> str:
    """Give the path as it was asked for, without its query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


def _count(errors: list[FieldProblem]) -> str:
    things = "1 thing" if len(errors) == 1 else f"{len(errors)} things"
    return f"{things} in the request cannot be used: {errors[0].detail}"
