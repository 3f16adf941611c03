"""Whatever reads clients' texts takes time in proportion to them, and is bounded.

A quadratic parser needs hours for a megabyte; a linear one, milliseconds. So a generous bound on
the time tells them apart on any machine.
"""

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from service.api.app import create_app
from service.api.routes.questions import names
from service.api.web import caching, negotiation, request_log, waiting
from service.api.web.parameters import is_number
from service.database.paging import decode
from service.errors import DomainError
from service.experiments.idempotency import keyed_request
from service.mlflow import artifacts
from service.mlflow import experiments as mlflow_experiments
from service.mlflow.fields import find_run_field, sort_keys, sql_conditions
from service.mlflow.grammar import read_filter, read_orders
from service.settings import Settings
from tests.support.served_api import ask

BYTES = 1_000_000
MOST_SECONDS = 10
KEY = {"Authorization": "Bearer secret"}
MLFLOW = "/api/2.0/mlflow"


def long(piece: str, before: str = "", after: str = "") -> str:
    """Return about a megabyte of a piece, between two others."""
    return before + piece * (BYTES // len(piece)) + after


#: Texts at which patterns that give back what they took need quadratic time, or worse.
TEXTS = {
    "digits": long("9", after="x"),
    "decimals": long("9", "1.", "x"),
    "exponent": long("9", "1e", "x"),
    "letters": long("a"),
    "spaces": long(" ", "a", "b"),
    "dots": long("."),
    "steps": long("a."),
    "quotes": long("'"),
    "open quote": long("a", "'"),
    "double quotes": long('"'),
    "open tick": long("a", "`"),
    "commas": long(","),
    "brackets": long("("),
    "lists": long("["),
    "objects": long('{"a":'),
    "colons": long("a:"),
    "escapes": long("\\"),
    "percent": long("%"),
    "dashes": long("0-"),
    "suffixes": long(" (0123456"),
    "not ascii": long("٣"),
    "wait": long(" ", "wait", "x"),
    "equals": long("="),
}


def filters(text: str) -> list[str]:
    """Return filters with the text in each place that a filter has."""
    return [
        text,
        f"metrics.loss > {text}",
        f"metrics.loss {text}",
        f"params.activation IN ({text}",
        f"params.activation IN ('{text}",
        f"params.{text} = 'a'",
        f"params.activation IS{text}",
        f"params.activation = '{text}'",
        f"params.units = '{text[:900]}'",
        f"name = 'a' AND {text}",
    ]


def read_filters(text: str) -> None:
    for written in filters(text):
        try:
            sql_conditions(read_filter(written), find_run_field)
        except DomainError:
            continue


def read_order(text: str) -> None:
    sort_keys(read_orders([text]), find_run_field)
    sort_keys(read_orders([f"params.{text}"]), find_run_field)


PARSERS: dict[str, Callable[[str], Any]] = {
    "filter": read_filters,
    "order": read_order,
    "experiment's name": mlflow_experiments._is_called,
    "artifact": artifacts.split,
    "cursor": lambda text: decode(text, "tag"),
    "idempotency key": lambda text: keyed_request(
        caller="a", key=text, method="POST", target="/", body=b""
    ),
    "If-None-Match": lambda text: list(caching._TAGS.finditer(text)),
    "Accept": lambda text: negotiation.negotiate(text, ["application/json", "text/csv"]),
    "Prefer": waiting.preferred_wait,
    "X-Request-Id": request_log._SENT_ID.fullmatch,
    "integer": lambda text: is_number(text, "integer"),
    "number": lambda text: is_number(text, "number"),
    "axes": lambda text: names("by", [text]),
}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application alone: its own key spares it the database, which is away."""
    return create_app(
        Settings(
            database_url="postgresql://nobody@127.0.0.1:1/none",
            redis_url="redis://127.0.0.1:1/0",
            api_key=SecretStr("secret"),
        )
    )


@pytest.mark.parametrize("parser", PARSERS)
def test_a_parser_is_linear(parser: str) -> None:
    for name, text in TEXTS.items():
        began = time.process_time()
        with contextlib.suppress(DomainError, HTTPException):
            PARSERS[parser](text)
        assert time.process_time() - began < MOST_SECONDS, name


def test_paths_are_matched_in_linear_time(app: FastAPI) -> None:
    """The server refuses long paths; the patterns do not rely on it."""
    patterns = {
        route.path: compile_path(route.path)[0]
        for route in app.routes
        if isinstance(route, APIRoute)
    }
    for path, pattern in patterns.items():
        for piece in (".", "a", "a.", "a/", "-", "0-"):
            tried = path.partition("{")[0] + long(piece) + "/"
            began = time.process_time()
            pattern.match(tried)
            assert time.process_time() - began < MOST_SECONDS, (path, piece)


def bodies(text: str) -> list[tuple[str, Any]]:
    """Return requests with the text in each place that takes one."""
    return [
        (f"{MLFLOW}/runs/search", {"filter": f"metrics.loss > {text}"}),
        (f"{MLFLOW}/runs/search", {"order_by": [f"params.{text}"]}),
        (f"{MLFLOW}/runs/search", {"page_token": text}),
        (f"{MLFLOW}/runs/search", {"experiment_ids": [text]}),
        (f"{MLFLOW}/runs/search", {"max_results": text}),
        (f"{MLFLOW}/experiments/search", {"filter": f"name = '{text}"}),
        ("/v1/experiments", {"activation": text}),
        ("/v1/experiments", {"activation": "relu", "tags": {text: "a"}}),
        ("/v1/experiments", {"activation": "relu", "name": text}),
        ("/v1/experiments", {"activation": {"name": text}}),
        ("/v1/experiments", {"activation": "relu", text: 1}),
        ("/v1/experiments", {"activation": "relu", "batch_size": text}),
        ("/v1/webhooks", {"url": text}),
        ("/v1/webhooks", {"url": f"http://{text}/"}),
        ("/v1/webhooks", {"url": "http://example.org/", "events": [text]}),
    ]


@pytest.mark.parametrize("name", ["digits", "steps", "lists", "quotes", "not ascii", "dashes"])
def test_a_body_of_a_megabyte_is_answered_in_time(app: FastAPI, name: str) -> None:
    text = TEXTS[name][: 999_000 // len(TEXTS[name][0].encode())]
    for path, body in bodies(text):
        content = orjson.dumps(body)
        headers = {**KEY, "Content-Type": "application/json"}
        began = time.process_time()
        answer = ask(app, "POST", path, content=content, headers=headers)
        assert time.process_time() - began < MOST_SECONDS, (path, content[:100])
        # 503: it passed, and the database is away.
        assert answer.status_code in {400, 404, 413, 422, 503}, (path, content[:100], answer.text)


def test_many_parts_are_answered_in_time(app: FastAPI) -> None:
    texts = ",".join(["'b'"] * 200_000)
    many = [
        (f"{MLFLOW}/runs/search", {"filter": f"params.a IN ({texts})"}),
        (f"{MLFLOW}/runs/search", {"filter": " AND ".join(["metrics.loss > 1"] * 50_000)}),
        (f"{MLFLOW}/runs/search", {"order_by": ["metrics.loss"] * 50_000}),
        (f"{MLFLOW}/runs/search", {"experiment_ids": [str(uuid.uuid4())] * 20_000}),
        ("/v1/experiments", {"activation": ["rleu"] * 100_000}),
        (
            "/v1/experiments",
            {
                "activation": "relu",
                "variants": [
                    {"label": str(number), "initializer": ["he_norma"] * 900}
                    for number in range(85)
                ],
            },
        ),
        ("/v1/experiments", {"activation": "relu", **{f"activatio{n}": 1 for n in range(50_000)}}),
        ("/v1/webhooks", {"url": "https://example.org", "events": ["run.finishe"] * 60_000}),
    ]
    for path, body in many:
        content = orjson.dumps(body)
        headers = {**KEY, "Content-Type": "application/json"}
        began = time.process_time()
        answer = ask(app, "POST", path, content=content, headers=headers)
        assert time.process_time() - began < MOST_SECONDS, (path, content[:80])
        assert answer.status_code in {400, 413, 422}, (path, content[:80], answer.text[:500])
        assert len(answer.content) < 200_000


def test_many_query_parameters_are_answered_in_time(app: FastAPI) -> None:
    run = f"/v1/runs/{uuid.uuid4()}/history"
    experiment = f"/v1/experiments/{uuid.uuid4()}"
    targets = [
        "/v1/runs?" + "&".join(f"activatio{number}=a" for number in range(4_000)),
        "/v1/runs?" + "&".join(f"seed={number}" for number in range(4_000)),
        "/v1/experiments?" + "&".join(f"tag=a:{number}" for number in range(4_000)),
        f"{run}?metrics=" + "los," * 15_000,
        f"{experiment}/comparison?by=" + "activation," * 5_000,
        f"{experiment}/figures/learning_curves.svg?" + "leave_out=activation:a&" * 900,
    ]
    for target in targets:
        began = time.process_time()
        answer = ask(app, "GET", target, headers=KEY)
        assert time.process_time() - began < MOST_SECONDS, target[:60]
        assert answer.status_code == 422, (target[:60], answer.text[:500])


@pytest.mark.parametrize(
    "number", ["1_0", " 10", "10 ", "+10", "1e1", "10.0", "٣", "\uff11\uff10", "0x10"]
)
def test_a_number_is_written_in_ascii_digits(app: FastAPI, number: str) -> None:
    run = uuid.uuid4()
    query = [
        ("/v1/experiments", "limit"),
        ("/v1/runs", "seed"),
        ("/v1/runs", "limit"),
        (f"/v1/runs/{run}/history", "from_epoch"),
        (f"/v1/runs/{run}/history", "max_points"),
        (f"/v1/runs/{run}/layers", "epoch"),
        (f"/v1/runs/{run}/figures/layers.svg", "epoch"),
        (f"/v1/runs/{run}/events", "last_event_id"),
        ("/v1/events", "last_event_id"),
    ]
    for path, name in query:
        answer = ask(app, "GET", path, params={name: number}, headers=KEY)
        assert answer.status_code == 422, (path, name, answer.text)
        assert answer.json()["errors"][0]["parameter"] == name
    history = f"{MLFLOW}/metrics/get-history?run_id=a&metric_key=loss"
    assert ask(app, "GET", f"{history}&max_results={number}", headers=KEY).status_code == 422
    body = {"max_results": number}
    assert ask(app, "POST", f"{MLFLOW}/runs/search", json=body, headers=KEY).status_code == 422
    if number.isascii():
        seen = {**KEY, "Last-Event-ID": number.strip() if number.strip() != "10" else "1 0"}
        answer = ask(app, "GET", "/v1/events", headers=seen)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["header"] == "Last-Event-ID"


@pytest.mark.parametrize("margin", ["1_0", "nan", "inf", "0x1", "٣"])
def test_a_decimal_number_is_written_in_ascii_digits(app: FastAPI, margin: str) -> None:
    path = f"/v1/experiments/{uuid.uuid4()}/comparison"
    answer = ask(app, "GET", path, params={"margin": margin}, headers=KEY)
    assert answer.status_code == 422, answer.text


def test_names_are_explained_in_some_sentences_only(app: FastAPI) -> None:
    wrong = [f"rleu{number}" for number in range(900)]
    answer = ask(app, "POST", "/v1/experiments", json={"activation": wrong}, headers=KEY)
    details = [error["detail"] for error in answer.json()["errors"]]
    assert len(details) == 50
    assert all("did you mean" in detail for detail in details)


def test_scopes_are_looked_at_before_a_long_body_is_validated(settings: Settings, sessions) -> None:
    from service import api_keys

    with sessions() as session:
        reader = api_keys.create(session, name="reader", scopes=["read"]).token
    body = {"activation": ["rleu"] * 900}
    key = {"Authorization": f"Bearer {reader}"}
    answer = ask(create_app(settings), "POST", "/v1/experiments", json=body, headers=key)
    assert answer.status_code == 403, answer.text
