"""Cursors with the right tag and a wrong position: refused, or read as a position, never a 500."""

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

SPEC = {"activation": ["relu", "tanh"], "initializer": ["he_normal", "glorot_normal"]}
MLFLOW = "/api/2.0/mlflow"

LISTS = {
    "experiments": "/v1/experiments?limit=1",
    "runs": "/v1/runs?limit=1",
    "runs by a number": "/v1/runs?limit=1&order_by=val_accuracy",
    "runs by an index": "/v1/runs?limit=1&order_by=-seed",
    "runs by a time": "/v1/runs?limit=1&order_by=started_at",
    "catalog": "/v1/catalog?limit=1",
    "an axis": "/v1/catalog/activation?limit=1",
    "presets": "/v1/presets?limit=1",
    "dry run": "/v1/experiments?dry_run=true&limit=1",
    "MLflow's runs": f"{MLFLOW}/runs/search",
}


def ask(api: httpx.Client, name: str, experiments: list[str], cursor: str | None) -> httpx.Response:
    target = LISTS[name] + (f"&cursor={cursor}" if cursor else "")
    if name == "dry run":
        return api.post(target, json=SPEC)
    if name == "MLflow's runs":
        body = {
            "experiment_ids": experiments,
            "max_results": 1,
            "order_by": ["metrics.val_loss", "params.activation", "start_time DESC"],
            "page_token": cursor,
        }
        return api.post(LISTS[name], json=body)
    return api.get(target)


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def positions(position: list[Any]) -> Iterator[list[Any]]:
    """Yield wrong positions: too short, too long, and with each part of each kind."""
    yield from (position[:length] for length in range(len(position)))
    yield from ([*position, *more] for more in ([1], [None], [0, None], position))
    kinds = [None, True, 0, 1, 2, 3, -1, 1.5, 10**30, "", "x", "1_0", "NaN", "\x00", "٣", [], {}]
    for place, value in itertools.product(range(len(position)), kinds):
        yield [*position[:place], value, *position[place + 1 :]]


@pytest.mark.parametrize("name", LISTS)
def test_a_wrong_position_is_no_failure(api: httpx.Client, name: str) -> None:
    experiments = [api.post("/v1/experiments", json=SPEC).json()["id"] for _ in range(2)]
    first = ask(api, name, experiments, None).json()
    cursor = first.get("next_cursor") or first["next_page_token"]
    tag, *position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert encoded([tag, *position])
    for wrong in positions(position):
        answer = ask(api, name, experiments, encoded([tag, *wrong]))
        assert answer.status_code in {200, 422}, (wrong, answer.text)
    for content in (None, 1, "x", [], {}, [tag], [None, *position], [[tag], *position]):
        assert ask(api, name, experiments, encoded(content)).status_code == 422
