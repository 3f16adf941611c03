"""The routes of the application as a table: the methods and the parameters of every path."""

import difflib
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

#: Stands for any path parameter where paths are compared.
_ANY = "{}"
#: Types whose values are judged by those of their arguments.
_TRANSPARENT = (Union, types.UnionType, list)


class RouteTable:
    """The routes of an application, read from what FastAPI made of their functions.

    Args:
        routes: all routes of the application.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._methods: dict[str, set[str]] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._parameters: dict[tuple[str, str], list[str]] = {}
        self._single: dict[tuple[str, str], list[str]] = {}
        self._numbers: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        for route in routes:
            if isinstance(route, APIRoute):
                self._add(route)

    def _add(self, route: APIRoute) -> None:
        methods = route.methods or set()
        self._methods.setdefault(route.path, set()).update(methods)
        self._patterns[route.path] = route.path_regex
        if not route.include_in_schema:
            return
        sent = dict(_sent(route.dependant))
        names = [name for place, name in sent if place == "query"]
        single = [
            name
            for (place, name), type_ in sent.items()
            if place == "query" and not _is_list(type_)
        ]
        numbers = {key: kind for key, type_ in sent.items() if (kind := _number_kind(type_))}
        for method in methods:
            self._parameters[route.path, method] = names
            self._single[route.path, method] = single
            self._numbers[route.path, method] = numbers

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
        return self._parameters.get((path, method))

    def single_parameters(self, path: str, method: str) -> list[str]:
        """Return the query parameters of an operation that take one value."""
        return self._single.get((path, method), [])

    def numbers(self, path: str, method: str) -> Mapping[tuple[str, str], str]:
        """Return ``integer`` or ``number`` by place and name of an operation's numbers."""
        return self._numbers.get((path, method), {})


def _sent(dependant: Dependant) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield place, name and type of what a function and its dependencies read of a request."""
    for place, fields in (("query", dependant.query_params), ("header", dependant.header_params)):
        for field in fields:
            annotation = field.field_info.annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                for name, member in annotation.model_fields.items():
                    yield (place, member.alias or name), member.annotation
            else:
                yield (place, field.alias), annotation
    for needed in dependant.dependencies:
        yield from _sent(needed)


def _is_list(annotation: Any) -> bool:
    """Whether a parameter may be repeated."""
    if get_origin(annotation) is list:
        return True
    inner = get_origin(annotation) in (Annotated, Union, types.UnionType)
    return inner and any(map(_is_list, get_args(annotation)))


def _number_kind(annotation: Any) -> str | None:
    """Return ``integer`` or ``number`` where all values of a type are such, behind lists."""
    found = _types(annotation) - {type(None)}
    if not found or not found <= {int, float}:
        return None
    return "number" if float in found else "integer"


def _types(annotation: Any) -> set[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _types(get_args(annotation)[0])
    if origin in _TRANSPARENT:
        return {found for argument in get_args(annotation) for found in _types(argument)}
    return {annotation}
