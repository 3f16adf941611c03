"""Errors of the client: the service declines a request, or it cannot be reached."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx


class ActiniumError(Exception):
    """Base of the errors that concern the service."""


class UnreachableError(ActiniumError):
    """The service does not answer, or the connection broke."""


class ApiError(ActiniumError):
    """The service declined a request; the attributes are those of its answer (RFC 9457).

    Attributes:
        status: the HTTP status.
        type: a stable name of the kind of problem.
        title: the kind of problem in words.
        detail: what went wrong, and what to do.
        errors: the problems field by field, each a ``detail`` with a ``pointer`` into the body,
            a ``parameter`` or a ``header``; empty if the fields are not the problem.
        request_id: the request's id in the service's log.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        kind: str = "about:blank",
        errors: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.type = kind
        self.title = title
        self.detail = detail
        self.errors = [dict(error) for error in errors]
        self.request_id = request_id

    def __str__(self) -> str:
        """Return the detail, or one line per field with a problem."""
        if not self.errors:
            return self.detail
        return "\n".join(_field(error) for error in self.errors)

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Return the error of an answer without success; a proxy's answer is understood, too."""
        problem = _problem(response)
        return cls(
            response.status_code,
            str(problem.get("title") or response.reason_phrase or "HTTP error"),
            str(problem.get("detail") or _unexplained(response)),
            kind=str(problem.get("type", "about:blank")),
            errors=_fields(problem.get("errors")),
            request_id=problem.get("request_id"),
        )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        read = response.json()
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _fields(errors: Any) -> list[dict[str, str]]:
    """Return the problems field by field; none if they are not in the service's format."""
    listed = errors if isinstance(errors, list) else []
    return [error for error in listed if isinstance(error, dict) and "detail" in error]


def _unexplained(response: httpx.Response) -> str:
    if response.has_redirect_location:
        where = response.headers["location"]
        return f"{response.url} is not the service but leads to {where}; give the address there."
    return f"{response.url} answered {response.status_code} without a reason."


def _field(error: Mapping[str, str]) -> str:
    place = next((error[name] for name in ("pointer", "parameter", "header") if name in error), "")
    return f"{place}: {error['detail']}" if place else error["detail"]
