"""The API's description: openapi.yaml is up to date, complete, valid and true."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from service.api.app import create_app
from service.api.openapi.document import (
    make_description,
    served_description,
    to_json,
    to_yaml,
)
from service.settings import Settings
from tests.support.paths import ROOT

FILE = ROOT / "openapi.yaml"
SCHEMA = create_app(Settings()).openapi()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> Operation:
    """Each operation: its method, its path and its description."""
    return OPERATIONS[request.param]


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = SCHEMA
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _examples(content: dict[str, Any]) -> list[Any]:
    given = [content["example"]] if "example" in content else []
    given += [example["value"] for example in content.get("examples", {}).values()]
    return given or list(_resolved(content.get("schema", {})).get("examples", ()))


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every body of an operation: request or status, media type and description."""
    holders = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for where, holder in holders.items():
        for media_type, content in _resolved(holder).get("content", {}).items():
            yield where, media_type, content


def test_the_file_is_what_the_application_serves() -> None:
    assert FILE.read_text() == to_yaml(SCHEMA), "Run `make openapi`."
    assert served_description() == to_json(SCHEMA), "Run `make openapi`."


def test_the_same_routes_give_the_same_description() -> None:
    assert json.dumps(make_description(create_app(Settings()))) == json.dumps(SCHEMA)


def test_it_is_valid_openapi_3_1() -> None:
    assert SCHEMA["openapi"].startswith("3.1.")
    validate(SCHEMA)


def test_ids_are_names_and_distinct() -> None:
    ids = [
        operation["operationId"]
        for methods in SCHEMA["paths"].values()
        for operation in methods.values()
    ]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ids)


def test_every_operation_has_a_summary_and_a_description(operation: Operation) -> None:
    _, _, described = operation
    assert described["summary"]
    assert described["description"]
    assert set(described["tags"]) <= {tag["name"] for tag in SCHEMA["tags"]}
    for parameter in described.get("parameters", ()):
        assert parameter["in"] == "path" or parameter.get("description"), parameter["name"]


def test_every_operation_has_an_example_of_each_body(operation: Operation) -> None:
    method, path, described = operation
    for where, media_type, content in _contents(described):
        assert _examples(content), f"{method} {path}: {where}, {media_type}"


def test_every_example_is_what_its_schema_says(operation: Operation) -> None:
    _, _, described = operation
    for _, media_type, content in _contents(described):
        if not media_type.endswith("json"):
            continue
        validator = OAS31Validator({**content["schema"], "components": SCHEMA["components"]})
        for example in _examples(content):
            validator.validate(example)


def test_every_operation_lists_its_problems(operation: Operation) -> None:
    method, path, described = operation
    expected = {"422", "500"}
    if path.startswith("/v1/") or path == "/metrics":
        expected |= {"401", "403", "429", "503"}
    if method == "post":
        expected |= {"400", "413", "415"}
    if path.startswith("/v1/") and "{" in path:
        expected |= {"404"}
    assert expected <= set(described["responses"])
    for status, response in described["responses"].items():
        if status >= "400":
            (media_type,) = _resolved(response)["content"]
            assert media_type == "application/problem+json"


def test_every_operation_on_data_asks_for_a_scope(operation: Operation) -> None:
    method, path, described = operation
    if not path.startswith("/v1/"):
        return
    ((scope,),) = [requirement["key"] for requirement in described["security"]]
    wanted = {"get": "read", "post": "submit", "patch": "submit", "delete": "admin"}[method]
    if path == "/v1/models/preview":  # a question with a body, which stores nothing
        wanted = "read"
    assert scope == wanted
