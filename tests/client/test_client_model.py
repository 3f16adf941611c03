"""Previews of networks, from Python and from the command line."""

import json

import pytest

from actinium import ApiError

LAYERS = [{"name": "convolution", "channels": 4}, "flatten", {"name": "dense", "units": 5}]


def model(*layers):
    return {"name": "layers", "layers": list(layers)}


def test_a_network_is_previewed(client):
    found = client.preview_model(model(*LAYERS), dataset="digits", normalization="batch")
    names = [layer["name"] for layer in found["layers"]]
    assert names == ["conv_1", "flatten", "dense_1", "output"]
    assert found["layers"][0]["output_shape"] == [4, 6, 6]
    assert found["parameters"] == 40 + 8 + 145 * 5 + 10 + 60


def test_a_layer_that_does_not_fit_is_an_error_with_its_place(client):
    with pytest.raises(ApiError, match="convolution needs images") as refused:
        client.preview_model(model("flatten", LAYERS[0]))
    assert refused.value.errors[0]["pointer"] == "/model/layers/1"


def test_the_command_shows_the_network_of_a_spec(actinium, tmp_path):
    file = tmp_path / "spec.json"
    spec = {"model": model(*LAYERS), "dataset": "digits", "activation": ["prelu", "relu"]}
    file.write_text(json.dumps(spec | {"seeds": 3}))
    shown = actinium("model", "preview", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "conv_1" in shown.stdout
    assert "4 x 6 x 6" in shown.stdout
    read = json.loads(actinium("model", "preview", str(file), "--json").stdout)
    # The first activation, prelu, learns a slope of each channel and of each unit.
    assert read["parameters"] == 40 + 4 + 145 * 5 + 5 + 60
    file.write_text(json.dumps({"model": model(LAYERS[2])}))
    refused = actinium("model", "preview", str(file))
    assert refused.returncode == 1
    assert "dense needs a vector" in refused.stderr
