"""Every error is a problem with a place and a sentence, whatever was sent."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from service.api.app import create_app
from service.api.web import pointers
from service.settings import Settings
from tests.support.served_api import ask

PROBLEM = "application/problem+json"
KEY = {"Authorization": "Bearer secret"}
JSON = {**KEY, "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application alone: its own key spares it the database, which is away."""
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        api_key=SecretStr("secret"),
        max_runs=1000,
        max_body_bytes=10_000,
    )
    return create_app(settings)


def get(app: FastAPI, path: str) -> httpx.Response:
    """Get a path, with the key."""
    return ask(app, "GET", path, headers=KEY)


def _submit(app: FastAPI, body: Any) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = ask(app, "POST", "/v1/experiments", content=content, headers=JSON)
    assert response.headers["content-type"] == PROBLEM
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert problem["instance"] == "/v1/experiments"
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


BAD_SPECS: list[tuple[Any, str, str]] = [
    ({}, "", "needs an activation"),
    ([], "", "an object"),
    (None, "", "an object, not null"),
    # Parsed once, by orjson: the json module refuses to nest so deeply.
    (b"[" * 1_020 + b"]" * 1_020, "", "an object"),
    ({"activation": 3}, "/activation", "a name or as an object"),
    ({"activation": "rleu"}, "/activation", "did you mean 'relu'"),
    ({"activation": ["relu", "rleu"]}, "/activation/1", "did you mean 'relu'"),
    ({"activation": []}, "/activation", "at least 1, not 0"),
    ({"activation": {"alpha": 1}}, "/activation", "`name` is required"),
    (
        {"activation": {"name": "leaky_relu", "negative_slope": -1}},
        "/activation/negative_slope",
        "0",
    ),
    ({"activation": {"name": "leaky_relu", "slope": 1}}, "/activation/slope", "'negative_slope'"),
    ({"activation": "relu", "epochs": -1}, "/epochs", "greater than or equal to 0, not -1."),
    ({"activation": "relu", "epochs": 1.5}, "/epochs", "integer, not 1.5."),
    (
        {"activation": "relu", "epochs": 1.0},
        "/epochs",
        "an integer, written without a decimal point, not 1.0.",
    ),
    ({"activation": "relu", "batch_size": 128.0}, "/batch_size", "without a decimal point"),
    ({"activation": {"name": 5}}, "/activation/name", "should be a string, not 5."),
    ({"activation": ["elu", {"name": None}]}, "/activation/1/name", "a string, not null."),
    ({"activation": {"name": ["relu"]}}, "/activation/name", "should be a string."),
    (
        {"activation": "relu", "optimizer": {"name": "adam", "schedule": {"name": {"a": 1}}}},
        "/optimizer/schedule/name",
        "should be a string.",
    ),
    ({"activation": "ReLU"}, "/activation", "; did you mean 'relu'? Valid"),
    ({"activation": "relu", "dataset": "MNIST"}, "/dataset", "; did you mean 'mnist'? Valid"),
    (
        {"activation": "relu", "dataset": {"name": "uploaded", "id": "x"}},
        "/dataset/id",
        'should be a UUID, as in 019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e, not "x".',
    ),
    ({"activation": "relu", "ticket": {"run": "x"}}, "/ticket/run", "a UUID, as in 019ac4f2-"),
    (
        {"activation": "relu", "dataset": "uploaded"},
        "/dataset",
        'uploaded needs the field `id`: write it as {"name": "uploaded", "id": ...}.',
    ),
    ({"activation": "relu", "initializer": "constant"}, "/initializer", "the field `value`"),
    ({"activation": "relu", "model": ["mlp", "layers"]}, "/model/1", "the field `layers`"),
    (
        {"activation": "relu", "model": {"name": "layers", "layers": ["flatten", "dense"]}},
        "/model/layers/1",
        "dense needs the field `units`",
    ),
    ({"activation": "relu", "seeds": "3"}, "/seeds", 'an integer or a list, not "3".'),
    ({"activation": "relu", "seeds": 3.0}, "/seeds", "an integer or a list, not 3.0."),
    ({"activation": "relu", "seeds": None}, "/seeds", "an integer or a list, not null."),
    ({"activation": "relu", "variants": 3}, "/variants", "should be a list, not 3."),
    ({"activation": "relu", "epoch": 1}, "/epoch", "did you mean 'epochs'"),
    ({"activation": "relu", "device": "gpu"}, "/device", "'cuda', not \"gpu\""),
    ({"activation": "relu", "seeds": []}, "/seeds", "at least 1, not 0"),
    ({"activation": "relu", "seeds": [1, "2"]}, "/seeds/1", 'integer, not "2".'),
    ({"activation": "relu", "dropout": 1.5}, "/dropout", "less than 1, not 1.5."),
    ({"activation": "relu", "dropout": [0.1, 1.5]}, "/dropout/1", "less than 1"),
    ({"activation": "relu", "tags": {"a/b~": 1}}, "/tags/a~1b~0", "string, not 1."),
    ({"activation": "relu", "tags": {"": "x"}}, "/tags/", "characters should be at least 1"),
    ({"activation": "relu", "layer_statistics": "on"}, "/layer_statistics", "an object or 'off'"),
    (
        {"activation": "relu", "layer_statistics": {"every": 0}},
        "/layer_statistics/every",
        "greater than or equal to 1 or 'auto', not 0.",
    ),
    ({"activation": "relu", "model": {"units": [4]}}, "/model", "`name` is required"),
    (
        {
            "activation": "relu",
            "optimizer": {"name": "adam", "schedule": {"name": "constant", "x": 1}},
        },
        "/optimizer/schedule/x",
        "'x' is not a known field",
    ),
    (
        {"activation": "relu", "optimizer": {"name": "adam", "learning_rate": [0.1, 0.2, -1]}},
        "/optimizer/learning_rate/2",
        "greater than or equal to 0, not -1.",
    ),
    (
        {
            "activation": "relu",
            "optimizer": ["sgd", {"name": "adam", "learning_rate": {"low": 0.1, "high": 1e4}}],
        },
        "/optimizer/1/learning_rate/high",
        "less than or equal to 1000",
    ),
    (
        {
            "activation": "relu",
            "optimizer": {"name": "adam", "learning_rate": {"low": 1, "high": 2}},
        },
        "/optimizer/learning_rate/count",
        "required",
    ),
    (
        {
            "activation": "relu",
            "optimizer": {
                "name": "adam",
                "learning_rate": {"low": 1, "high": 2, "count": 3, "base": 3},
            },
        },
        "/optimizer/learning_rate/base",
        "Valid: count, high, low, scale.",
    ),
    (
        {
            "activation": "relu",
            "optimizer": {
                "name": "adam",
                "schedule": ["constant", {"name": "step", "factor": [2]}],
            },
        },
        "/optimizer/schedule/1/factor/0",
        "less than or equal to 1",
    ),
    (
        {"activation": "relu", "optimizer": {"name": "sgd", "nesterov": [False, True]}},
        "/optimizer/nesterov/1",
        "momentum above 0",
    ),
    ({"variants": [{"activation": "relu"}]}, "/variants/0/label", "required"),
    (
        {"variants": [{"label": "a", "activation": ["relu", {"name": "elu", "alpha": "x"}]}]},
        "/variants/0/activation/1/alpha",
        "number",
    ),
    ({"activation": "relu", "epochs": 10**6}, "/epochs", "max_epochs"),
    ({"activation": "relu", "seeds": 1001}, "", "max_runs"),
    (
        {
            "activation": "relu",
            "normalization": "batch",
            "dataset": {"name": "mnist", "train_size": 3},
        },
        "/dataset",
        "needs two samples in every batch",
    ),
    ({"activation": "relu", "batch_size": 10**6}, "/batch_size", "larger than"),
]


@pytest.mark.parametrize(("spec", "pointer", "detail"), BAD_SPECS, ids=lambda case: str(case)[:60])
def test_a_bad_spec_is_answered_with_a_pointer_into_what_was_sent(
    app: FastAPI, spec: Any, pointer: str, detail: str
) -> None:
    problem = _submit(app, spec)
    assert problem["status"] == 422
    (error,) = problem["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]
    assert error["detail"].endswith(".")


@pytest.mark.parametrize("value", ["x" * 9_000, ["x" * 9_000], {"x" * 9_000: 1}])
def test_no_error_repeats_a_long_value(app: FastAPI, value: Any) -> None:
    for body in ({"activation": {"name": value}}, {"activation": value}):
        problem = _submit(app, body)
        assert problem["status"] == 422
        assert len(json.dumps(problem)) < 3_000


def test_all_errors_are_answered_at_once(app: FastAPI) -> None:
    problem = _submit(app, {"activation": "rleu", "epochs": -1, "actvation": 1})
    assert {error["pointer"] for error in problem["errors"]} == {
        "/activation",
        "/epochs",
        "/actvation",
    }
    assert problem["detail"].startswith("3 things")


def test_a_field_named_like_a_choice_does_not_lead_the_pointer_astray() -> None:
    body = {"activation": {"name": "elu", "elu": {}, "alpha": -1}}
    steps = pointers.into_body(body, ("activation", 0, "elu", "alpha"))
    assert pointers.write(steps) == "/activation/alpha"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "line 1, column 2"),
        (b'{"activation": "relu",\n "epochs": }', "line 2, column"),
        (b'{"activation": "relu", "epochs": NaN}', "NaN is not a JSON number"),
        (b'{"activation": "relu", "epochs": -Infinity}', "Infinity is not a JSON number"),
        (b'{"activation": "relu", "epochs": 1e999}', "infinity"),
        (b'{"activation": "\xff"}', "is written in UTF-8: byte 17 begins no character"),
        (b'{"activation": "\\ud800"}', "surrogate"),
        (b"[" * 5_000, "depth limit"),
    ],
)
def test_what_is_no_json_is_answered_with_400_and_where(
    app: FastAPI, body: bytes, detail: str
) -> None:
    problem = _submit(app, body)
    assert problem["status"] == 400
    assert detail in problem["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_answered_with_415(app: FastAPI, content_type: str) -> None:
    headers = {**KEY, "Content-Type": content_type}
    response = ask(app, "POST", "/v1/experiments", content=b"{}", headers=headers)
    assert response.status_code == 415
    assert response.headers["content-type"] == PROBLEM


def test_an_encoded_body_is_answered_with_415(app: FastAPI) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    content = gzip.compress(b'{"activation": "relu"}')
    response = ask(app, "POST", "/v1/experiments", content=content, headers=headers)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    assert "without Content-Encoding: 'gzip' is not read" in response.json()["detail"]
    headers["Content-Encoding"] = "identity"
    same = ask(app, "POST", "/v1/experiments", content=b"{}", headers=headers)
    assert same.status_code == 422


def test_a_missing_body_is_answered_with_422(app: FastAPI) -> None:
    response = ask(app, "POST", "/v1/experiments", headers=KEY)
    assert response.status_code == 422
    assert response.json()["errors"] == [{"pointer": "", "detail": "A JSON body is required."}]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_answered_with_413(app: FastAPI, announced: bool) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 1_000

    content = b" " * 10_001 if announced else in_pieces()
    response = ask(app, "POST", "/v1/experiments", content=content, headers=JSON)
    assert response.status_code == 413
    assert response.headers["content-type"] == PROBLEM
    assert "max_body_bytes = 10,000" in response.json()["detail"]


def test_an_unknown_path_is_answered_with_the_nearest(app: FastAPI) -> None:
    response = get(app, "/v1/experimnts/019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e")
    assert response.status_code == 404
    assert response.headers["content-type"] == PROBLEM
    assert "/v1/experiments/{experiment_id}" in response.json()["detail"]


def test_an_unknown_method_is_answered_with_all_there_are(app: FastAPI) -> None:
    response = ask(app, "PUT", "/v1/experiments", headers=KEY)
    assert response.status_code == 405
    assert response.headers["content-type"] == PROBLEM
    assert response.headers["allow"] == "GET, HEAD, POST"


def test_head_is_get_without_its_body(app: FastAPI) -> None:
    head, whole = ask(app, "HEAD", "/openapi.json"), get(app, "/openapi.json")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_an_unknown_query_parameter_is_answered_with_the_nearest(app: FastAPI) -> None:
    response = get(app, "/v1/experiments?limt=3")
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["parameter"] == "limt"
    assert "did you mean 'limit'" in error["detail"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/experiments?limit=1&limit=2", "limit"),
        ("/v1/experiments?status=failed&status=queued&name=a&name=a", "name"),
        ("/v1/runs?order_by=seed&order_by=-seed", "order_by"),
        ("/v1/experiments/019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e/comparison?at=best&at=final", "at"),
    ],
)
def test_a_parameter_of_one_value_is_refused_where_it_is_repeated(
    app: FastAPI, path: str, name: str
) -> None:
    response = get(app, path)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error == {
        "parameter": name,
        "detail": "Send this once, not 2 times: it takes one value.",
    }


def test_no_submission_has_two_idempotency_keys_or_two_dry_runs(app: FastAPI) -> None:
    for query, headers, place in (
        ("?dry_run=true&dry_run=false", [], {"parameter": "dry_run"}),
        ("", [("Idempotency-Key", "a"), ("Idempotency-Key", "b")], {"header": "idempotency-key"}),
    ):
        sent = [*JSON.items(), *headers]
        path = f"/v1/experiments{query}"
        response = ask(app, "POST", path, content=b'{"activation": "relu"}', headers=sent)
        assert response.status_code == 422, place
        (error,) = response.json()["errors"]
        assert place.items() <= error.items()


FORMS = [
    ("/v1/experiments?tag=a", "tag", 'a key, a colon and a value, as in course:dl, not "a".'),
    (
        "/v1/experiments/019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e/figures/learning_curves.svg"
        "?leave_out=foo",
        "leave_out",
        'an axis, a colon and a value, as in activation:sigmoid, not "foo".',
    ),
    (
        "/v1/experiments?created_after=2026-11-21T05:00:00+02:00",
        "created_after",
        "A plus is written %2B in an address: 2026-11-21T05:00:00%2B02:00.",
    ),
    (
        "/v1/experiments?created_before=2026-11-21T05:00:00",
        "created_before",
        "The time needs a zone: write it as in 2026-11-21T05:00:00Z.",
    ),
    ("/v1/experiments?created_before=Today", "created_before", "2026-11-21T05:00:00Z."),
]


def test_the_form_of_a_parameter_is_told_in_words(app: FastAPI) -> None:
    for path, name, words in FORMS:
        (error,) = get(app, path).json()["errors"]
        assert error["parameter"] == name, path
        assert error["detail"].endswith(words), path


def test_the_form_of_what_is_said_of_an_upload_is_told_in_words(app: FastAPI) -> None:
    response = ask(app, "POST", "/v1/datasets?tag=a&image_shape=2,2", content=b"x", headers=KEY)
    assert response.status_code == 422
    told = {error["parameter"]: error["detail"] for error in response.json()["errors"]}
    assert told == {
        "image_shape": 'Input should be a size such as 28x28 or 3x32x32, not "2,2".',
        "tag": 'Input should be a key, a colon and a value, as in course:dl, not "a".',
    }


def test_a_group_to_compare_with_is_written_with_an_axis_that_is_asked_for(app: FastAPI) -> None:
    path = "/v1/experiments/019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e/comparison?"
    for query, words in (
        ("against=relu", "write it as activation:relu."),
        ("by=initializer&against=he_normal", "write it as initializer:he_normal."),
        ("by=optimizer.learning_rate&against=0.001", "as optimizer.learning_rate:0.001."),
        ("by=initializer&against=", "write it as initializer:LABEL."),
    ):
        (error,) = get(app, path + query).json()["errors"]
        assert error["parameter"] == "against"
        assert error["detail"].endswith(words), query


@pytest.mark.parametrize("path", ["/v1/experiments?name=a%00b", "/v1/runs/a%00b"])
def test_text_that_the_database_cannot_hold_is_refused_before_it(app: FastAPI, path: str) -> None:
    response = get(app, path)
    assert response.status_code == 422
    assert "U+0000" in response.text


def test_a_bad_path_parameter_is_named(app: FastAPI) -> None:
    response = get(app, "/v1/runs/17")
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "run_id"


def test_a_database_that_is_away_is_answered_with_503(app: FastAPI) -> None:
    response = get(app, "/v1/experiments")
    assert response.status_code == 503
    assert response.headers["content-type"] == PROBLEM
    assert int(response.headers["retry-after"]) > 0
    assert "127.0.0.1" not in response.text


def test_an_internal_error_shows_no_internals() -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", api_key=SecretStr("k"))
    app = create_app(settings)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the secret ingredient")

    headers = {"Authorization": "Bearer k", "X-Request-Id": "request-17"}
    response = ask(app, "GET", "/broken", headers=headers)
    assert response.status_code == 500
    assert response.headers["content-type"] == PROBLEM
    assert "ingredient" not in response.text
    assert response.json()["request_id"] == "request-17"


def test_every_answer_has_the_security_headers(app: FastAPI) -> None:
    for path in ("/healthz", "/v1/experiments", "/nothing", "/", "/docs"):
        headers = get(app, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        # Scalar writes its styles into the document; no other page and no script may.
        allowed = "style-src 'self' 'unsafe-inline';" if path == "/docs" else ""
        assert "unsafe" not in policy.replace(allowed, "")


def test_the_api_reference_loads_files_of_this_service_alone(app: FastAPI) -> None:
    response = get(app, "/docs")
    assert response.status_code == 200
    assert re.findall(r'(?:src|href)="(?!/(?!/))', response.text) == []
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", response.text)
    directives = response.headers["content-security-policy"].split("; ")
    assert "script-src 'self'" in directives
    assert "connect-src 'self'" in directives


def test_a_byte_order_mark_before_json_is_ignored(app: FastAPI) -> None:
    problem = _submit(app, b"\xef\xbb\xbf" + json.dumps({"activation": "rleu"}).encode())
    assert problem["errors"][0]["pointer"] == "/activation"
