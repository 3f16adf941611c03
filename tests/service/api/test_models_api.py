"""Previews of networks over HTTP: what is answered, and what is refused, and where."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from service.api.app import create_app
from service.settings import Settings
from tests.support.served_api import ask

KEY = {"Authorization": "Bearer secret"}
CONVOLUTION = {"name": "convolution", "channels": 4}
DENSE = {"name": "dense", "units": 5}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The application alone: a preview needs no database."""
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        api_key=SecretStr("secret"),
    )
    return create_app(settings)


def previewed(app: FastAPI, *layers: Any, **fields: Any) -> httpx.Response:
    body = {"model": {"name": "layers", "layers": layers}, "dataset": "digits", **fields}
    return ask(app, "POST", "/v1/models/preview", json=body, headers=KEY)


def test_a_preview_is_a_table_of_layers(app: FastAPI) -> None:
    block = {"name": "residual", "layers": [CONVOLUTION | {"padding": "same"}]}
    answer = previewed(
        app, CONVOLUTION, block, "max_pooling", "flatten", DENSE, "dropout", normalization="batch"
    ).json()
    rows = [
        (row["name"], row["pointer"], row["output_shape"], row["parameters"])
        for row in answer["layers"]
    ]
    assert rows == [
        # 3 x 3 weights and a bias of each channel, and a scale and a shift of each
        ("conv_1", "/model/layers/0", [4, 6, 6], 40 + 8),
        ("conv_2", "/model/layers/1/layers/0", [4, 6, 6], 4 * 37 + 8),
        ("residual", "/model/layers/1", [4, 6, 6], 0),
        ("max_pooling", "/model/layers/2", [4, 3, 3], 0),
        ("flatten", "/model/layers/3", [36], 0),
        ("dense_1", "/model/layers/4", [5], 5 * 37 + 10),
        ("dropout_1", "/model/layers/5", [5], 0),
        ("output", None, [10], 60),
    ]
    assert [row["block"] for row in answer["layers"]] == [None, 0, 0, None, None, None, None, None]
    assert answer["parameters"] == sum(parameters for *_, parameters in rows)
    assert answer["layers"][0]["multiply_adds"] == 4 * 9 * 36
    assert answer["batch_size"] == 128
    assert answer["memory_bytes"] > 4 * 128 * 64


def test_a_ready_network_has_no_pointers(app: FastAPI) -> None:
    answer = ask(app, "POST", "/v1/models/preview", json={"model": "mnist_cnn"}, headers=KEY).json()
    assert answer["parameters"] == 1_199_882
    assert {row["pointer"] for row in answer["layers"]} == {None}


@pytest.mark.parametrize(
    ("layers", "pointer", "said"),
    [
        (["flatten", CONVOLUTION], "/model/layers/1", "layer 0 (flatten) made a vector of 64."),
        (["flaten"], "/model/layers/0", "did you mean 'flatten'"),
        ([{"name": "dense"}], "/model/layers/0/units", "required"),
        ([DENSE | {"units": 0}], "/model/layers/0/units", "greater than or equal to 1"),
        ([DENSE | {"width": 3}], "/model/layers/0/width", "width"),
        ([DENSE | {"activation": "rleu"}], "/model/layers/0/activation", "did you mean 'relu'"),
        (
            [{"name": "residual", "layers": [{"name": "residual", "layers": ["flatten"]}]}],
            "/model/layers/0/layers/0",
            "not a known layer",
        ),
        (
            [CONVOLUTION, {"name": "residual", "layers": ["flatten", CONVOLUTION]}, "flatten"],
            "/model/layers/1/layers/1",
            "convolution needs images",
        ),
        ([], "/model/layers", "at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(
    app: FastAPI, layers: list[Any], pointer: str, said: str
) -> None:
    """The same from the door of experiments, whose model may be a list."""
    answer = previewed(app, *layers)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert said in error["detail"]


def test_a_preview_takes_one_value_of_each_field(app: FastAPI) -> None:
    answer = previewed(app, "flatten", activation=["relu", "tanh"])
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/activation"


def test_a_network_over_a_limit_is_refused(app: FastAPI) -> None:
    answer = previewed(app, "flatten", *[{"name": "dense", "units": 16_384}] * 2)
    assert "max_parameters" in answer.json()["errors"][0]["detail"]


def test_blocks_of_a_ready_network_are_told_apart(app: FastAPI) -> None:
    body = {"model": {"name": "resnet", "depth": 8}, "normalization": "batch"}
    answer = ask(app, "POST", "/v1/models/preview", json=body, headers=KEY).json()
    found = [(row["name"], row["block"]) for row in answer["layers"]]
    assert found == [
        ("conv_1", None),
        *(("conv_2", 0), ("conv_3", 0), ("residual", 0)),
        *(("shortcut_1", 1), ("conv_4", 1), ("conv_5", 1), ("residual", 1)),
        *(("shortcut_2", 2), ("conv_6", 2), ("conv_7", 2), ("residual", 2)),
        ("global_pooling", None),
        ("output", None),
    ]
