"""Declared networks, drawn at random: their counts are torch's, and they train as any other."""

import math
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.packing import engine_form, pack_key
from service.specs.resolution import network_of, planned_network
from service.specs.sizes import sizes_of
from service.specs.spec import ExperimentSpec, RunConfig
from tests.support.declared_networks import normalized
from tests.support.packed_training import BASE, CPU, bits_of, runs_of, seen, trained
from tests.support.random_networks import chains, networks
from workers.datasets.loading import load
from workers.nn.packed.networks import packed_network
from workers.training import solo
from workers.training.assembly import build_network
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining
from workers.training.streams import Streams

QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
AXES = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(["relu", "tanh", "gelu", "selu"]),
        "normalization": st.sampled_from(["none", "none", "batch", "layer", "rms"]),
        "dropout": st.sampled_from([0.0, 0.2]),
        "optimizer": st.sampled_from(["sgd", "adam"]),
        "clipping": st.sampled_from(["none", "norm", "adaptive"]),
    }
)
SMALL = BASE | {
    "dataset": {"name": "digits", "train_size": 24, "test_size": 12},
    "batch_size": 8,
    "epochs": 2,
    "seeds": [3],
    "layer_statistics": {"every": 1, "samples": 20},
}


def config_of(layers: list[Any], **fields: Any) -> RunConfig:
    """Accept a network as the API does."""
    spec = SMALL | {"model": {"name": "layers", "layers": layers}} | fields
    try:
        (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    except SpecError:
        assume(False)
    return RunConfig.model_validate(run.config.model_dump(mode="json"))


def training_of(config: RunConfig) -> SoloTraining:
    return SoloTraining(config, 3, load(config.dataset), CPU)


@given(networks(), AXES)
@settings(max_examples=40, **QUICK)
def test_shapes_and_parameters_are_those_of_torch(layers: list[Any], axes: dict[str, Any]) -> None:
    config = config_of(layers, **axes)
    data = load(config.dataset)
    network = build_network(config, data, Streams(0))
    plan = planned_network(config.dataset, config.model, config.activation)
    assert plan is not None
    counted = network_of(config.dataset, config.model, config.activation)
    made = {}
    hidden = network.hidden_layers()
    for layer in hidden:
        layer.weighted.register_forward_hook(
            lambda _, __, z, name=layer.name: made.update({name: tuple(z.shape[1:])})
        )
    logits = network(data.train.inputs[:4])
    assert tuple(logits.shape) == (4, plan.output.units)
    assert [layer.name for layer in hidden] == [layer.name for layer in counted.hidden]
    for step, layer in zip(plan.hidden, counted.hidden, strict=True):
        assert made[step.name] == (step.units * step.pieces, *step.outputs[1:])
        assert math.prod(made[step.name]) == layer.features * layer.positions
    weights = sum(
        parameter.numel()
        for layer in [*(found.weighted for found in hidden), network.output]
        for parameter in layer.parameters()
    )
    assert counted.parameters == weights
    total = sum(parameter.numel() for parameter in network.parameters())
    assert sizes_of(plan, config.activation, config.normalization).parameters == total


@given(networks(), AXES, st.integers(1, 5))
@settings(max_examples=15, **QUICK)
def test_a_training_goes_on_from_any_step(
    layers: list[Any], axes: dict[str, Any], place: int
) -> None:
    """The state of a training in its midst, taken over by another one, gives the same bits."""
    config = config_of(layers, **axes)
    before = solo.PULSE_SECONDS
    solo.PULSE_SECONDS = 0.0
    try:
        first, state = training_of(config), {}
        results = []
        for item in first.run():
            at = (first.epoch - 1) * first.steps + first.step
            if isinstance(item, Pulse) and first.step and at == place and not state:
                state = first.state()
            elif isinstance(item, EpochResult):
                results.append(seen(item))
        second = training_of(config)
        if state:
            second.restore(state)
        resumed = [seen(item) for item in second.run() if isinstance(item, EpochResult)]
    finally:
        solo.PULSE_SECONDS = before
    assert resumed == results[-len(resumed) :]
    assert resumed
    assert bits_of(first.state()) == bits_of(second.state())


@given(networks(), AXES)
@settings(max_examples=30, **QUICK)
def test_every_layer_has_its_statistics_and_a_diagnosis(
    layers: list[Any], axes: dict[str, Any]
) -> None:
    config = config_of(layers, **axes, epochs=1)
    training = training_of(config)
    results = [item for item in training.run() if isinstance(item, EpochResult)]
    names = [layer.name for layer in training.network.hidden_layers()] + ["output"]
    for result in results:
        assert result.statistics is not None
        assert [layer.name for layer in result.statistics.layers] == names


@given(chains(), AXES)
@settings(max_examples=15, **QUICK)
def test_a_chain_gives_the_same_bits_in_a_pack_and_alone(
    layers: list[Any], axes: dict[str, Any]
) -> None:
    model = {"model": {"name": "layers", "layers": layers}}
    runs, data = runs_of(SMALL | axes | model | {"seeds": [3, 8, 13]})
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


@given(networks(), AXES)
@settings(max_examples=40, **QUICK)
def test_what_has_no_batched_form_trains_alone(layers: list[Any], axes: dict[str, Any]) -> None:
    """Each network with a key of a pack can be packed; dense ones alone on a CPU."""
    config = config_of(layers, **axes)
    spec = SMALL | axes | {"model": {"name": "layers", "layers": layers}}
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    key = pack_key(run.configuration)
    network = build_network(config, load(config.dataset), Streams(0))
    dense = all(isinstance(one.weighted, torch.nn.Linear) for one in network.hidden_layers())
    if key is None:
        assert engine_form("layers", key, "cuda") == "solo"
        return
    assert engine_form("layers", key, "cpu") == ("batched" if dense else "solo")
    assert engine_form("layers", key, "cuda") == "batched"
    inputs = load(config.dataset).train.inputs[:6]
    pack = packed_network([network, network], ["a", "a"], CPU)
    parameters = {
        name: torch.stack([value.detach()] * 2) for name, value in network.named_parameters()
    }
    statistics = {name: torch.stack([value] * 2) for name, value in network.named_buffers()}
    with torch.inference_mode():
        logits, _ = pack.forward(inputs.expand(2, *inputs.shape), parameters, statistics, None)
        expected = network.eval()(inputs)
    torch.testing.assert_close(logits[0], expected, rtol=1e-4, atol=1e-5)


MNIST = {"name": "mnist", "train_size": 24, "test_size": 16}
CNN = [
    {"name": "convolution", "channels": 4},
    {"name": "convolution", "channels": 6},
    "max_pooling",
    {"name": "dropout", "rate": 0.25},
    "flatten",
    {"name": "dense", "units": 8},
    {"name": "dropout", "rate": 0.5},
]
DENSE = [{"name": "dense", "units": 11}, "dropout", {"name": "dense", "units": 6}, "dropout"]


@pytest.mark.parametrize(
    "axes",
    [
        {"activation": "relu"},
        {"activation": "prelu", "clipping": {"name": "norm", "max_norm": 0.01}},
        {"activation": "maxout"},
        {"activation": "selu", "normalization": "batch", "optimizer": "adam"},
        {"activation": "tanh", "normalization": {"name": "layer", "position": "after_activation"}},
        {"activation": "gelu", "normalization": "weight", "initializer": "lsuv"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("named", "layers", "dataset"),
    [
        ({"name": "mnist_cnn", "channels": [4, 6], "units": [8]}, CNN, MNIST),
        ({"name": "mlp", "hidden_units": [11, 6]}, ["flatten", *DENSE], SMALL["dataset"]),
    ],
)
def test_the_named_networks_written_as_layers_give_the_same_bits(
    axes: dict[str, Any], named: dict[str, Any], layers: list[Any], dataset: dict[str, Any]
) -> None:
    """Histories, statistics and weights; and the same form, so that the same kernels compute."""
    rates = {} if named["name"] == "mnist_cnn" else {"dropout": 0.2}
    spec = {**SMALL, **rates, **axes, "dataset": dataset, "epochs": 1}
    if named["name"] == "mnist_cnn":
        del spec["dropout"]
    found = []
    for model in (named, {"name": "layers", "layers": layers}):
        (run,) = expand(ExperimentSpec.model_validate(spec | {"model": model}), Limits())
        key = pack_key(run.configuration)
        training = SoloTraining(run.config, run.seed, load(run.config.dataset), CPU)
        results = [seen(item) for item in training.run() if not isinstance(item, Pulse)]
        form = engine_form(model["name"], key, "cpu"), engine_form(model["name"], key, "cuda")
        found.append((results, bits_of(training.state()), form, run.config.dropout))
    assert found[0] == found[1]


def test_an_mlp_written_as_layers_gives_the_same_bits_in_a_pack() -> None:
    packs = []
    for model in (
        {"name": "mlp", "hidden_units": [11, 6]},
        {"name": "layers", "layers": ["flatten", *DENSE]},
    ):
        runs, data = runs_of({"model": model, "seeds": [3, 8], "normalization": "batch"})
        packs.append(trained(PackedTraining(runs, data, CPU)))
    assert packs[0] == packs[1]


@pytest.mark.parametrize("flat_first", [False, True])
def test_dropout_drops_the_same_before_and_after_flattening(flat_first: bool) -> None:
    pair = ["flatten", "dropout"] if flat_first else ["dropout", "flatten"]
    layers = [{"name": "convolution", "channels": 3}, *pair]
    config = config_of(layers, dropout=0.5, dataset=MNIST)
    network = build_network(config, load(config.dataset), Streams(0))
    masked = network(load(config.dataset).train.inputs[:3], lambda _: 5)
    other = config_of([layers[0], *pair[::-1]], dropout=0.5, dataset=MNIST)
    again = build_network(other, load(other.dataset), Streams(0))
    assert torch.equal(masked, again(load(other.dataset).train.inputs[:3], lambda _: 5))
    assert not torch.equal(masked, network(load(config.dataset).train.inputs[:3]))


@pytest.mark.parametrize(
    ("model", "parameters"),
    [("cnn", {"channels": [8], "units": [16]}), ("resnet", {"depth": 8, "width": 4})],
)
def test_a_ready_network_learns_color_images(model: str, parameters: dict[str, Any]) -> None:
    """Three classes of drawn images, told apart by their color."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(48) % 3
    images = torch.rand(48, 3, 32, 32, generator=generator)
    images[torch.arange(48), labels] += 0.5
    network = normalized(model, (3, 32, 32), 3, **parameters)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 < 0.8 < losses[0]
