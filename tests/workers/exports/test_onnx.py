"""Networks as ONNX models: what onnxruntime computes is what the network computes."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import nn

from service.catalog.axes import AXES
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.resolution import facts, input_shape, stored_shape
from service.specs.spec import ExperimentSpec, RunConfig
from tests.support.random_networks import networks
from workers.datasets.loading import load, preprocessing_of, targets_of
from workers.diagnostics.outputs import class_probabilities
from workers.exports.graph import GraphBuilder, Value
from workers.exports.model import Shapes, onnx_model
from workers.exports.tracing import UnknownOperatorError, add_network
from workers.nn.models import Network
from workers.training import devices
from workers.training.assembly import build_network
from workers.training.streams import Streams

TOLERANCE = 1e-5
DIGITS = {"name": "digits", "train_size": 60, "test_size": 20}
SAME = {"padding": "same"}
BLOCK = [
    {"name": "convolution", "channels": 4} | SAME,
    {"name": "convolution", "channels": 4} | SAME,
]
LAYERS = [
    {"name": "convolution", "channels": 4} | SAME,
    "max_pooling",
    {"name": "residual", "activation": "relu", "layers": BLOCK},
    "average_pooling",
    {"name": "dropout", "rate": 0.3},
    "flatten",
    {"name": "dense", "units": 6},
]
MODELS: dict[str, Any] = {
    "dense": {"name": "mlp", "hidden_units": [8, 6]},
    "images": {"name": "layers", "layers": LAYERS},
}
FORMULA = {
    "name": "formula",
    "expression": "x * sigmoid(b * x) + maximum(x, 0) + where(x > 0, x, expm1(x)) + abs(x) / 3 + "
    "atan(x) + clip(x, -1, 1) + cos(x) + cosh(x / 9) + erf(x) + log1p(abs(x)) + log(2 + abs(x)) + "
    "minimum(x, 1) + relu(x) + sin(x) + sinh(x / 9) + softplus(x) + sqrt(abs(x)) + tanh(x) + "
    "x**2 / 9",
    "parameters": {"b": 1.5},
}


@pytest.fixture(autouse=True, scope="module")
def trained_before():
    """As in a worker's process, where networks may use kernels, which nothing can trace."""
    devices.prepare(torch.device("cpu"))


def names(axis: str) -> list[str]:
    return [name for name, entry in AXES[axis].items() if not entry.symbolic]


def configured(**fields: Any) -> RunConfig:
    """Return a resolved configuration."""
    spec = {"dataset": DIGITS, "activation": "relu", "batch_size": 8, "epochs": 1} | fields
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    return run.config


def moved(network: Network) -> Network:
    """Return a network whose every number has moved from where it starts."""
    stream = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=stream))
        for statistic in network.buffers():
            statistic.add_(0.5 * torch.rand(statistic.shape, generator=stream))
    return network.eval()


def check(config: RunConfig) -> onnx.ModelProto:
    """Compare a network with its model on raw samples, of one and of several; return the model."""
    data = load(config.dataset)
    network = moved(build_network(config, data, Streams(1)))
    known, shape = facts(config.dataset), stored_shape(config.dataset)
    fitted, scale = preprocessing_of(config.dataset), targets_of(config.dataset)
    content = onnx_model(
        network,
        fitted,
        scale,
        shapes=Shapes(shape, input_shape(config.dataset), known.classes),
        are_pixels=known.largest_value is not None,
        metadata={"run_id": "this"},
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (given_input,) = session.get_inputs()
    random = np.random.default_rng(2)
    top = known.largest_value
    for count in (1, 7):
        raw = random.normal(1.0, 3.0, (count, *shape))
        if top is not None:
            raw = random.integers(0, int(top) + 1, (count, *shape)).astype(float)
        with torch.inference_mode():
            logits = network(torch.from_numpy(fitted(raw)))
        if scale is None:
            wanted = class_probabilities(logits.double())[0].numpy()
        else:
            wanted = logits.double().numpy() * scale.deviation + scale.mean
        kind = np.float32 if given_input.type == "tensor(float)" else np.float64
        found, told = session.run(None, {given_input.name: raw.astype(kind)})
        assert np.isfinite(found).all()
        size = max(1.0, float(logits.abs().max()))
        np.testing.assert_allclose(found, logits.numpy(), atol=TOLERANCE * size)
        unit = 1.0 if scale is None else scale.deviation * size
        np.testing.assert_allclose(told, wanted, atol=TOLERANCE * unit)
    return onnx.load_model_from_string(content)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("activation", names("activation"))
def test_every_activation(activation, model):
    chosen = FORMULA if activation == "formula" else activation
    check(configured(model=MODELS[model], activation=chosen))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("normalization", names("normalization"))
def test_every_normalization(normalization, model):
    chosen = {"name": "group", "groups": 2} if normalization == "group" else normalization
    check(configured(model=MODELS[model], normalization=chosen))


@pytest.mark.parametrize("preprocessing", names("preprocessing"))
def test_every_preprocessing_is_in_the_graph(preprocessing):
    chosen = {"name": "pca", "components": 5} if preprocessing == "pca" else preprocessing
    model = check(configured(dataset=DIGITS | {"preprocessing": chosen}, model=MODELS["dense"]))
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("preprocessing", ["none", "standardize"])
def test_a_table_keeps_its_digits(preprocessing):
    dataset = {"name": "ball", "train_size": 50, "test_size": 20, "preprocessing": preprocessing}
    model = check(configured(dataset=dataset, model=MODELS["dense"]))
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    shapes = [
        [size.dim_value for size in told.type.tensor_type.shape.dim] for told in model.graph.output
    ]
    assert shapes == [[0, 1], [0, 2]], "a binary head has one logit and two probabilities"


def test_targets_that_are_numbers_are_in_their_own_units():
    model = check(configured(dataset="diabetes", model=MODELS["dense"]))
    assert [output.name for output in model.graph.output] == ["logits", "values"]


@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_recurrent_networks(cell, normalization):
    dataset = {"name": "temporal_order", "length": 12, "train_size": 40, "test_size": 20}
    model = {"name": "rnn", "cell": cell, "hidden_units": [5, 4]}
    chosen = {"normalization": normalization} if cell != "gru" else {}
    check(configured(dataset=dataset, model=model, activation="tanh", **chosen))


@pytest.mark.parametrize("model", ["mnist_cnn", {"name": "cnn"}, {"name": "resnet", "depth": 8}])
def test_ready_networks(model):
    dataset = {"name": "mnist", "train_size": 40, "test_size": 20}
    normalization = "batch" if isinstance(model, dict) else "none"
    check(configured(dataset=dataset, model=model, normalization=normalization))


@given(layers=networks())
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_networks(layers):
    try:
        config = configured(model={"name": "layers", "layers": layers})
    except SpecError:
        assume(False)
    check(config)


def test_a_model_tells_what_it_is():
    model = check(configured(model=MODELS["dense"]))
    (opset,) = model.opset_import
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told == {"run_id": "this", "opset": str(opset.version)}
    assert [given_input.name for given_input in model.graph.input] == ["input"]
    assert [output.name for output in model.graph.output] == ["logits", "probabilities"]
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert batch.dim_param == "batch"


def test_what_has_no_nodes_is_told():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.special.i0(x)

    with pytest.raises(UnknownOperatorError, match="i0"):
        add_network(GraphBuilder(), Odd(), Value("input"), (3,))
