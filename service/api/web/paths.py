"""What there is to ask for: which methods a path takes, and which parameters."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from service.api.web.problems import answer
from service.fields import unknown


class PathTable:
    """The paths of an application, once all its routes are there."""

    def __init__(self, app: FastAPI) -> None:
        self._methods: dict[str, set[str]] = {}
        for route in iter_route_contexts(app.routes):
            if route.path is not None and route.methods:
                self._methods.setdefault(route.path, set()).update(route.methods)
        self._patterns = {path: compile_path(path)[0] for path in self._methods}
        self._parameters = {
            (path, method): _query_parameters(operation)
            for path, operations in app.openapi()["paths"].items()
            for method, operation in operations.items()
        }

    def methods(self, path: str) -> list[str]:
        """List the methods that a path takes; HEAD wherever GET is taken."""
        found = {
            method
            for template, pattern in self._patterns.items()
            if pattern.match(path)
            for method in self._methods[template]
        }
        return sorted(found | {"HEAD"} if "GET" in found else found)

    def nearest(self, path: str) -> str | None:
        """Name the path that somebody may have meant."""
        shapes = {re.sub(r"\{\w+\}", _PLACE, template): template for template in self._methods}
        asked = re.sub(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}", _PLACE, path)
        near = difflib.get_close_matches(asked, shapes, n=1, cutoff=0.7)
        return shapes[near[0]] if near else None

    def parameters(self, path: str, method: str) -> list[str] | None:
        """List the query parameters of an operation; None where it is not described."""
        return self._parameters.get((path, method.lower()))


_PLACE = "{}"


async def check_parameters(request: Request) -> None:
    """Refuse query parameters that do not exist, and text that the database cannot hold.

    Raises:
        RequestValidationError: naming each parameter.
    """
    table: PathTable = request.app.state.paths
    known = table.parameters(request.scope["route"].path, request.method)
    given = request.query_params.multi_items()
    errors = [_error(name, _NUL) for name, value in given if "\x00" in name + value]
    errors += [
        _error(name, _NUL, place="path")
        for name, value in request.path_params.items()
        if "\x00" in str(value)
    ]
    if known is not None:
        errors += [
            _error(name, unknown("query parameter", name, known) if known else _NONE_TAKEN)
            for name in dict.fromkeys(name for name, _ in given if name not in known)
        ]
    if errors:
        raise RequestValidationError(errors)


_NUL = "Text cannot contain U+0000."
_NONE_TAKEN = "No query parameters are taken here."


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method with what there is, and every other error as it is."""
    table: PathTable = request.app.state.paths
    path = request.scope["path"]
    match error:
        case HTTPException(status_code=404, detail="Not Found"):
            near = table.nearest(path)
            hint = f" Did you mean {near}?" if near else ""
            error = HTTPException(404, f"There is nothing here.{hint} /docs lists all there is.")
        case HTTPException(status_code=400, detail="There was an error parsing the body"):
            # It is valid JSON, or it would not have come this far (service.api.web.bodies).
            error = HTTPException(400, "The body is nested too deeply.")
        case HTTPException(status_code=405):
            methods = ", ".join(table.methods(path))
            detail = f"{request.method} is not possible here; {methods} are."
            error = HTTPException(405, detail, headers={"Allow": methods})
    return answer(request.scope, error)


def _query_parameters(operation: Mapping[str, Any]) -> list[str]:
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]


def _error(name: str, detail: str, *, place: str = "query") -> dict[str, Any]:
    return {"loc": (place, name), "type": "parameter", "msg": detail}
