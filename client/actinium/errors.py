"""What can go wrong, in sentences: the service declines, or it cannot be reached."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx


class ActiniumError(Exception):
    """Anything this client raises about the service."""


class UnreachableError(ActiniumError):
    """The service does not answer at its address, or broke off."""


class ApiError(ActiniumError):
    """The service's answer to a request that it declines (RFC 9457).

    Attributes:
        status: the HTTP status.
        type: names the kind of problem; stable.
        title: the kind of problem in words.
        detail: what went wrong this time, and what to do.
        errors: what is wrong field by field, each ``detail`` with its ``pointer`` into the
            body, ``parameter`` or ``header``; empty where the problem is not in the fields.
        request_id: names the request in the service's log.
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
        self.errors = [dict(each) for each in errors]
        self.request_id = request_id

    def __str__(self) -> str:
        """One sentence, or one line for each field that is wrong."""
        if not self.errors:
            return self.detail
        return "\n".join(_field(each) for each in self.errors)

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Read an answer that is no success, whoever gave it: a proxy writes no problem."""
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


def _fields(told: Any) -> list[dict[str, str]]:
    """Read what is wrong field by field, where it is told as the service tells it."""
    given = told if isinstance(told, list) else []
    return [each for each in given if isinstance(each, dict) and "detail" in each]


def _unexplained(response: httpx.Response) -> str:
    if response.has_redirect_location:
        where = response.headers["location"]
        return f"{response.url} is not the service but leads to {where}; give the address there."
    return f"{response.url} answered {response.status_code} without a word of why."


def _field(error: Mapping[str, str]) -> str:
    place = next((error[name] for name in ("pointer", "parameter", "header") if name in error), "")
    return f"{place}: {error['detail']}" if place else error["detail"]
