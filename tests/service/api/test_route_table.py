"""The table of routes says of each operation what the API's description says of it."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.routing import APIRoute

from service.api.app import create_app
from service.api.web.parameters import check_parameters
from service.settings import Settings

APP = create_app(Settings())
TABLE = APP.state.route_table
OPERATIONS = {
    (path, method.upper()): operation
    for path, operations in APP.openapi()["paths"].items()
    for method, operation in operations.items()
}


def described_kind(schema: Mapping[str, Any]) -> set[str]:
    """Return the types of a parameter's values, behind unions and lists."""
    if branches := schema.get("anyOf", ()):
        return {kind for branch in branches for kind in described_kind(branch)}
    if schema.get("type") == "array":
        return described_kind(schema["items"])
    return {schema["type"]} if "type" in schema else {"other"}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_parameters_and_numbers_are_those_described(path: str, method: str) -> None:
    described = OPERATIONS[path, method].get("parameters", ())
    queried = {parameter["name"] for parameter in described if parameter["in"] == "query"}
    numbers = {
        (parameter["in"], parameter["name"]): "number" if "number" in kinds else "integer"
        for parameter in described
        if parameter["in"] in {"query", "header"}
        and (kinds := described_kind(parameter["schema"]) - {"null"})
        and kinds <= {"integer", "number"}
    }
    assert set(TABLE.parameters(path, method)) == queried
    assert TABLE.numbers(path, method) == numbers


def test_numbers_of_both_kinds_are_found() -> None:
    assert TABLE.numbers("/v1/runs/{run_id}/layers", "GET") == {("query", "epoch"): "integer"}
    kinds = {kind for path, method in OPERATIONS for kind in TABLE.numbers(path, method).values()}
    assert kinds == {"integer", "number"}


def test_every_route_checks_its_parameters_before_all_else() -> None:
    routes = [route for route in APP.routes if isinstance(route, APIRoute)]
    assert len(routes) == len(APP.routes)
    assert all(route.dependencies[0].dependency is check_parameters for route in routes)


def test_what_is_not_described_takes_any_parameter() -> None:
    assert TABLE.parameters("/openapi.json", "GET") is None
