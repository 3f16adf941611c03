"""The API's description (OpenAPI 3.1), completed where FastAPI leaves something out."""

import inspect
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from service.api.web.dependencies import Requires
from service.api.web.problems import MEDIA_TYPE, Problem, kind_of, problem_responses

TITLE = "Actinium"
SUMMARY = "Activation x initializer science as a service."
DESCRIPTION = """\
Submit an experiment: a grid of activations, initializers, normalizations, clippings and more,
over seeds. Workers train every run; histories, events and figures can be read during training and
afterwards.

- **Keys.** `Authorization: Bearer act_...`; reading needs the scope `read`, submitting `submit`,
  deleting `admin`. Until a key exists, requests from the service's own machine need none.
- **Errors** are problems (RFC 9457, `application/problem+json`). Errors in a body are listed in
  `errors`, each with a JSON pointer into the body as sent.
- **Lists** are paged by `limit` and an opaque `cursor`; `next_cursor` and a `Link` header lead to
  the next page.
- **Numbers** that are not finite are written as `"NaN"`, `"Infinity"` and `"-Infinity"`.
- **Waiting.** With `Prefer: wait=N` the answer comes once the run or experiment has finished, or
  after N seconds.
- **Limits.** `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) show how many
  requests are left; over the limit the answer is 429 with `Retry-After`.
- **Support.** Every answer has the id of its request in `X-Request-Id`.
"""
TAGS = [
    {
        "name": "experiments",
        "description": "Submitted specs: grids of configurations, each with several seeds.",
    },
    {"name": "runs", "description": "Single trainings, with their histories and layer statistics."},
    {"name": "events", "description": "Live streams of events (server-sent events)."},
    {"name": "catalog", "description": "Every value of the axes of a spec, and every metric."},
    {
        "name": "datasets",
        "description": "Data sets of one's own: a file is uploaded, understood and stored once.",
    },
    {"name": "presets", "description": "Published claims, with the specs that check them."},
    {
        "name": "webhooks",
        "description": "Signed messages about events, posted to an address of yours.",
    },
    {"name": "operations", "description": "The state and the metrics of the service."},
]

_JSON = "application/json"
_REF = "#/components/schemas/{model}"
_SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key made by `actinium-admin keys create`.",
}
#: Components whose names were published with the suffix that the others lose.
_PUBLISHED_NAMES = frozenset({"DeliveryAnswer", "PresetAnswer", "WebhookAnswer"})
#: Statuses of problems that any operation may have, and those of operations with a key or a body.
_ALWAYS = (422, 500)
_WITH_KEY = (401, 403, 429, 503)
_WITH_BODY = (400, 413, 415)
_RETRIED = (429, 503)
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which the request may be repeated.",
        "schema": {"type": "integer", "minimum": 0},
    }
}


#: By what is described: applications of the same routes share one, which takes seconds to make.
_DESCRIPTIONS: dict[Hashable, dict[str, Any]] = {}


#: The description as it is served. ``make openapi`` writes it with openapi.yaml: making it takes
#: seconds, for which tools that ask for it do not wait. A test holds both to the application.
FILE = Path(__file__).with_name("openapi.json")


@cache
def served_description() -> bytes:
    """Return the description as JSON, as it was written."""
    return FILE.read_bytes()


def to_json(description: dict[str, Any]) -> bytes:
    """Return a description as it is served."""
    return orjson.dumps(description)


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application; the same routes give the same description."""
    routes = tuple((route.path, route.name) for route in _routes(app))
    if routes not in _DESCRIPTIONS:
        _DESCRIPTIONS[routes] = make_description(app)
    return _DESCRIPTIONS[routes]


def _routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def make_description(app: FastAPI) -> dict[str, Any]:
    """Return a new description of an application."""
    schema = get_openapi(
        title=TITLE,
        summary=SUMMARY,
        version=app.version,
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        tags=TAGS,
        routes=app.routes,
    )
    _restore_nulls(app, schema)
    _move_models(schema)
    return _complete(_renamed(schema), _scopes(app))


def _renamed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a description whose components are named after what they show, without the suffix."""
    components = schema["components"]["schemas"]
    names = {name: _component_name(name) for name in components}
    for name, component in components.items():
        if component.get("title") == name:
            component["title"] = names[name]
    schema["components"]["schemas"] = {names[name]: components[name] for name in names}
    references = {_REF.format(model=name): _REF.format(model=new) for name, new in names.items()}
    return dict(_with_references(schema, references))


def _component_name(class_name: str) -> str:
    return class_name if class_name in _PUBLISHED_NAMES else class_name.removesuffix("Answer")


def _with_references(node: Any, references: Mapping[str, str]) -> Any:
    """Return a copy of a part of a description with other references."""
    match node:
        case {"$ref": str(reference)}:
            return {**node, "$ref": references.get(reference, reference)}
        case dict():
            return {name: _with_references(value, references) for name, value in node.items()}
        case list():
            return [_with_references(item, references) for item in node]
        case _:
            return node


def _restore_nulls(app: FastAPI, schema: dict[str, Any]) -> None:
    """Restore the examples of the routes: FastAPI drops every null from them."""
    for route in _routes(app):
        for method in map(str.lower, route.methods or ()):
            operation = schema["paths"].get(route.path, {}).get(method)
            if operation is None:
                continue
            for status, response in route.responses.items():
                described = operation["responses"][str(status)]
                for media_type, content in response.get("content", {}).items():
                    described["content"][media_type] |= {
                        name: jsonable_encoder(content[name])
                        for name in ("example", "examples")
                        if name in content
                    }


def _move_models(schema: dict[str, Any]) -> None:
    """Move the models of further answers to JSON: FastAPI has them under the route's own type."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                content = response.get("content", {})
                wanting = content.get(_JSON, {})
                if wanting and "schema" not in wanting:
                    (other,) = content.keys() - {_JSON}
                    wanting["schema"] = content.pop(other)["schema"]


def _scopes(app: FastAPI) -> dict[tuple[str, str], str]:
    """Return the scope that each operation requires, by path and method."""
    return {
        (route.path, method.lower()): dependency.dependency.scope
        for route in _routes(app)
        for dependency in route.dependencies
        if isinstance(dependency.dependency, Requires)
        for method in route.methods or ()
    }


def _complete(schema: dict[str, Any], scopes: dict[tuple[str, str], str]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    components["schemas"] = _schemas(components.get("schemas", {}))
    components["securitySchemes"] = {"key": _SECURITY_SCHEME}
    standard = {str(status): response for status, response in _standard_responses().items()}
    components["responses"] = {_name(status): response for status, response in standard.items()}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            scope = scopes.get((path, method))
            _complete_operation(method, operation, scope, standard)
    return schema


def _schemas(found: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas with those of problems, and without those of FastAPI's own errors."""
    _, described = models_json_schema([(Problem, "serialization")], ref_template=_REF)
    kept = {
        name: schema
        for name, schema in found.items()
        if name not in {"HTTPValidationError", "ValidationError"}
    }
    return dict(sorted({**kept, **described["$defs"]}.items()))


def _standard_responses() -> dict[int, dict[str, Any]]:
    statuses = sorted({*_ALWAYS, *_WITH_KEY, *_WITH_BODY, 404, 406, 409})
    described = {status: problem_responses(status)[status] for status in statuses}
    return {
        status: {**response, "headers": _RETRY_AFTER} if status in _RETRIED else response
        for status, response in described.items()
    }


def _complete_operation(
    method: str, operation: dict[str, Any], scope: str | None, standard: dict[str, Any]
) -> None:
    # The first part of a docstring is for clients; Raises and Args are for us.
    description = inspect.cleandoc(operation.get("description", ""))
    operation["description"] = description.partition("\n\nRaises:")[0].partition("\n\nArgs:")[0]
    possible = {*_ALWAYS, *(_WITH_BODY if method in {"post", "put", "patch"} else ())}
    if scope is not None:
        operation["security"] = [{"key": [scope]}]
        operation["description"] += f"\n\nNeeds a key with the scope `{scope}`."
        possible |= set(_WITH_KEY)
    else:
        operation["security"] = []
    for parameter in operation.get("parameters", ()):
        _tidy_parameter(parameter)
    responses = operation["responses"]
    for status in map(str, possible):
        if not _is_problem(responses.get(status)):
            responses[status] = standard[status]
    for status, response in responses.items():
        if status in standard and _is_standard(response, standard[status]):
            responses[status] = {"$ref": f"#/components/responses/{_name(status)}"}
    operation["responses"] = dict(sorted(responses.items()))


def _tidy_parameter(parameter: dict[str, Any]) -> None:
    """Remove what FastAPI repeats in the schema of a parameter."""
    described = parameter["schema"]
    for name in ("title", "description"):
        described.pop(name, None)
    if examples := described.pop("examples", None):
        parameter["example"] = examples[0]


def _is_problem(response: dict[str, Any] | None) -> bool:
    return response is not None and MEDIA_TYPE in response.get("content", {})


def _is_standard(response: dict[str, Any], standard: dict[str, Any]) -> bool:
    return {**standard, **response} == standard


def _name(status: str) -> str:
    return "".join(word.capitalize() for word in kind_of(int(status)).split("-"))


def to_yaml(schema: dict[str, Any]) -> str:
    """Return a description as YAML for people: long texts as blocks, no aliases."""
    import yaml  # noqa: PLC0415 - only whoever writes the file needs it

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    def write_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, write_text)
    return yaml.dump(schema, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
