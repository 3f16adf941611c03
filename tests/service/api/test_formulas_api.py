"""Formulas over HTTP: what is refused, and what is drawn."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from service.api.app import create_app
from service.settings import Settings
from tests.support.served_api import ask

KEY = {"Authorization": "Bearer secret"}
FIGURE = "/v1/catalog/activation/formula/figure.svg"


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application alone: what is refused and drawn here needs no database."""
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        api_key=SecretStr("secret"),
    )
    return create_app(settings)


def get(app: FastAPI, path: str, **query: str) -> httpx.Response:
    return ask(app, "GET", str(httpx.URL(path, params=query)), headers=KEY)


@pytest.mark.parametrize(
    ("formula", "pointer", "said"),
    [
        ({"expression": "__import__('os')"}, "/activation/expression", "At character 1: '__import"),
        ({"expression": "x.real"}, "/activation/expression", "At character 2: '.' has no meaning"),
        ({"expression": "x + b"}, "/activation/expression", "At character 5: 'b' is not a known"),
        ({"expression": ["x", "2"]}, "/activation/expression/1", "does not contain x"),
        ({"expression": "log(x)"}, "/activation/expression", "has no value at x = -0.25"),
        ({"expression": 3}, "/activation/expression", "valid string"),
        ({"parameters": {"b": 1}}, "/activation/parameters/b", "does not use the parameter 'b'"),
        (
            {"expression": "b * x", "parameters": {"b": [1, "2"]}},
            "/activation/parameters/b/1",
            "valid number",
        ),
        (
            {"expression": "b * x", "parameters": {"b": 1e9}},
            "/activation/parameters/b",
            "less than or equal",
        ),
        (
            {"expression": "x", "parameters": dict.fromkeys("abcdefghi", 1)},
            "/activation/parameters",
            "at most 8",
        ),
    ],
)
def test_a_formula_that_cannot_be_trained_is_refused_at_its_place(
    app: FastAPI, formula: dict[str, Any], pointer: str, said: str
) -> None:
    spec = {"activation": {"name": "formula", **formula}}
    answer = ask(
        app,
        "POST",
        "/v1/experiments",
        headers=KEY | {"Content-Type": "application/json"},
        content=json.dumps(spec),
    )
    assert answer.status_code == 422, answer.text
    errors = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert said in errors[pointer]


def test_a_formula_is_drawn_with_its_parameters(app: FastAPI) -> None:
    drawn = get(app, FIGURE, expression="x*sigmoid(b*x)", parameters='{"b": 2.5}')
    assert drawn.status_code == 200, drawn.text
    assert "formula(x * sigmoid(b * x), b=2.5)" in drawn.text
    assert drawn.text != get(app, FIGURE).text
    assert "formula(x * sigmoid(1.702 * x))" in get(app, FIGURE).text
    phases = get(app, FIGURE.replace("figure", "phase_diagram"), expression="tanh(x)")
    assert "formula(tanh(x)): order and chaos" in phases.text
    overflowing = get(app, FIGURE, expression="exp(exp(x))")
    assert overflowing.status_code == 200


@pytest.mark.parametrize(
    ("query", "parameter", "said"),
    [
        ({"expression": "eval(x)"}, "expression", "At character 1: 'eval' is not a known function"),
        ({"expression": "b * x"}, "expression", "'b' is not a known name"),
        ({"expression": "x", "parameters": "b=1"}, "parameters", "should be a JSON object"),
        ({"expression": "x", "parameters": "[1]"}, "parameters", "valid dictionary"),
        ({"expression": "x", "parameters": '{"b": "1"}'}, "parameters", "valid number"),
        ({"expression": "x" * 501}, "expression", "at most 500"),
    ],
)
def test_a_formula_that_cannot_be_drawn_is_refused(
    app: FastAPI, query: dict[str, str], parameter: str, said: str
) -> None:
    answer = get(app, FIGURE, **query)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert said in error["detail"]


def test_only_the_formula_has_an_expression(app: FastAPI) -> None:
    answer = get(app, FIGURE.replace("formula", "relu"), expression="x")
    assert answer.status_code == 422
    assert "Only the activation formula" in answer.json()["errors"][0]["detail"]
    path = FIGURE.replace("formula", "leaky_relu")
    answer = get(app, path, parameters='{"negative_slope": 0.3}')
    assert "leaky_relu is drawn with its default" in answer.json()["errors"][0]["detail"]
