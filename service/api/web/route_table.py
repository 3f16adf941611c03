"""The routes of the application as a table: the methods and the parameters of every path."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

#: Stands for any path parameter where paths are compared.
_ANY = "{}"


class RouteTable:
    """The routes of an application that has all of them."""

    def __init__(self, app: FastAPI) -> None:
        self._methods: dict[str, set[str]] = {}
        for route in iter_route_contexts(app.routes):
            if route.path is not None and route.methods:
                self._methods.setdefault(route.path, set()).update(route.methods)
        self._patterns = {path: compile_path(path)[0] for path in self._methods}
        described = {
            (path, method): operation
            for path, operations in app.openapi()["paths"].items()
            for method, operation in operations.items()
        }
        self._parameters = {key: _query_parameters(found) for key, found in described.items()}
        self._numbers = {key: _numbers(found) for key, found in described.items()}

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path takes; HEAD wherever it takes GET."""
        found = {
            method
            for template, pattern in self._patterns.items()
            if pattern.match(path)
            for method in self._methods[template]
        }
        return sorted(found | {"HEAD"} if "GET" in found else found)

    def nearest(self, path: str) -> str | None:
        """Return the path of a route that the client may have meant, None without one."""
        shapes = {re.sub(r"\{\w+\}", _ANY, template): template for template in self._methods}
        asked = re.sub(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}", _ANY, path)
        near = difflib.get_close_matches(asked, shapes, n=1, cutoff=0.7)
        return shapes[near[0]] if near else None

    def parameters(self, path: str, method: str) -> list[str] | None:
        """Return the query parameters of an operation; None where it is not described."""
        return self._parameters.get((path, method.lower()))

    def numbers(self, path: str, method: str) -> Mapping[tuple[str, str], str]:
        """Return ``integer`` or ``number`` by place and name of an operation's numbers."""
        return self._numbers.get((path, method.lower()), {})


def _query_parameters(operation: Mapping[str, Any]) -> list[str]:
    parameters = operation.get("parameters", ())
    return [parameter["name"] for parameter in parameters if parameter["in"] == "query"]


def _numbers(operation: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    found = {}
    for parameter in operation.get("parameters", ()):
        kinds = _types(parameter["schema"]) - {"null"}
        if parameter["in"] in {"query", "header"} and kinds and kinds <= {"integer", "number"}:
            kind = "number" if "number" in kinds else "integer"
            found[parameter["in"], parameter["name"]] = kind
    return found


def _types(schema: Mapping[str, Any]) -> set[str]:
    """Return the types of a parameter's values, behind unions and lists."""
    branches = schema.get("anyOf", ())
    if branches:
        return {kind for branch in branches for kind in _types(branch)}
    if schema.get("type") == "array":
        return _types(schema["items"])
    return {schema["type"]} if "type" in schema else {"other"}
