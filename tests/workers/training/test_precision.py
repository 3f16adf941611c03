"""Runs of each precision: what stays float32, loss scaling, and packs on other processors."""

import math

import pytest
import torch

from tests.support.packed_training import (
    CPU,
    VARIED,
    bits_of,
    metrics_and_states,
    metrics_from,
    runs_of,
    seen,
    trained,
)
from workers.datasets.loading import load
from workers.nn import products
from workers.nn.models import HiddenLayer
from workers.nn.packed import dense
from workers.training import devices, loss_scaling, solo
from workers.training.loss_scaling import initial_scaling, move_scaling
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining

FLOAT16 = {"precision": "float16", "device": "cuda"}


def results(training):
    return [item for item in training.run() if isinstance(item, EpochResult)]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_precision_changes_the_products_and_nothing_else(precision):
    (plain,), data = runs_of({"seeds": [3]})
    (narrow,), _ = runs_of({"seeds": [3], "precision": precision, "device": "cuda"})
    wide, ours = (SoloTraining(*run, data, CPU) for run in (plain, narrow))
    for one, other in zip(wide.network.parameters(), ours.network.parameters(), strict=True):
        assert torch.equal(one, other)  # the same initial weights
    expected, found = results(wide), results(ours)
    assert {tensor.dtype for tensor in ours.network.state_dict().values()} == {torch.float32}
    for one, other in zip(expected, found, strict=True):
        assert one.metrics["loss"] != other.metrics["loss"]
        assert other.metrics["loss"] == pytest.approx(one.metrics["loss"], rel=0.02)


@pytest.mark.parametrize("least", [0, dense.LEAST_NATIVE], ids=["one by one", "at once"])
@pytest.mark.parametrize("name", ["bfloat16", "bfloat16_weight_norm"])
def test_packs_keep_their_bits_where_the_processor_multiplies_bfloat16(monkeypatch, name, least):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(dense, "LEAST_NATIVE", least)
    runs, data = runs_of(VARIED[name])
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_a_cell_rounds_its_weights_once_with_the_same_bits(
    monkeypatch, configure, cell, normalization, native
):
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: native)
    config = configure(
        dataset={"name": "temporal_order", "length": 12, "train_size": 40, "test_size": 10},
        model={"name": "rnn", "cell": cell, "hidden_units": [6, 5]},
        normalization=normalization,
        precision="bfloat16",
        epochs=1,
    )
    found = []
    for least in (0, 10**9):
        monkeypatch.setattr(products, "_WORTH_KEEPING", least)
        training = SoloTraining(config, 3, load(config.dataset), CPU)
        losses = [one.metrics["loss"] for one in results(training)]
        found.append([losses, *training.weights().values()])
    for kept, anew in zip(*found, strict=True):
        assert kept == anew if isinstance(kept, list) else torch.equal(kept, anew)


def test_products_of_one_operand_read_one_copy_of_it():
    weight = torch.randn(200, 100, requires_grad=True)
    narrow = products.Products(torch.bfloat16, native=False)
    repeated = narrow.repeated(weight)
    read = [narrow.operand(repeated) for _ in range(3)]
    assert {one.data_ptr() for one in read} == {repeated.rounded.data_ptr()}
    sum(one.sum() for one in read).backward()
    assert torch.equal(weight.grad, torch.full_like(weight, 3.0))


def test_both_ways_to_multiply_train_alike(monkeypatch):
    (run,), data = runs_of({"seeds": [3], "precision": "bfloat16"})
    losses = []
    for native in (True, False):
        monkeypatch.setattr(devices, "multiplies_bfloat16", lambda native=native: native)
        losses.append([one.metrics["loss"] for one in results(SoloTraining(*run, data, CPU))])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_the_engine_says_how_bfloat16_is_multiplied(monkeypatch):
    for native, told in ((True, "native"), (False, "emulated")):
        monkeypatch.setattr(devices, "multiplies_bfloat16", lambda native=native: native)
        assert devices.describe(CPU)["bfloat16"] == told
        assert devices.products_of("bfloat16", CPU).native == native
        assert not devices.products_of("float32", CPU).narrow


def test_a_scale_is_halved_by_an_overflow_and_doubled_after_enough_steps(monkeypatch):
    monkeypatch.setattr(loss_scaling, "STEPS", 3)
    scaling = torch.stack([initial_scaling(), initial_scaling()])
    scales = []
    for step in range(8):
        move_scaling(scaling, torch.tensor([step != 1, True]))
        scales.append([math.log2(scale) for scale in scaling[:, 0].tolist()])
    assert [first for first, _ in scales] == [16, 15, 15, 15, 16, 16, 16, 17]
    assert [second for _, second in scales] == [16, 16, 17, 17, 17, 18, 18, 18]


def overflowing(monkeypatch, exponent=40):
    """Let the first steps overflow, until the scale has come down."""
    monkeypatch.setattr(loss_scaling, "INITIAL_SCALE", 2.0**exponent)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "adam", "coupled_weight_decay": 0.1},
        {"name": "sgd", "momentum": 0.9},
        "nadam",
        "adagrad",
        "lion",
    ],
    ids=str,
)
def test_a_step_that_overflows_is_skipped(monkeypatch, optimizer):
    """Weights and the optimizer's tensors stay; the pack and the run alone agree ever after."""
    overflowing(monkeypatch, exponent=24)
    spec = FLOAT16 | {"seeds": [3, 8], "optimizer": optimizer, "dropout": "none", "epochs": 8}
    runs, data = runs_of(spec)
    alone = SoloTraining(*runs[0], data, CPU)
    before = {name: tensor.clone() for name, tensor in alone.network.state_dict().items()}
    alone.train_step(torch.arange(20))
    assert float(alone.scaling[0]) == 2**23
    after = alone.network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    slots = [
        value
        for weight, state in alone.optimizer.state.items()
        for value in state.values()
        if value.shape == weight.shape
    ]
    assert all(len(slot.unique()) == 1 for slot in slots)

    packed = {}
    for item in PackedTraining(runs, data, CPU).run():
        for member, result in {} if isinstance(item, Pulse) else item.items():
            packed.setdefault(member, []).append(result.metrics)
    for member, run in enumerate(runs):
        training = SoloTraining(*run, data, CPU)
        plain = [result.metrics for result in results(training)]
        assert float(training.scaling[0]) < 2**24
        for ours, theirs in zip(packed[member], plain, strict=True):
            for name in ("loss", "val_loss", "gradient_norm"):
                assert math.isfinite(ours[name])
                assert ours[name] == pytest.approx(theirs[name], rel=1e-3)
        assert plain[-1]["loss"] < plain[0]["loss"]


@pytest.mark.parametrize("form", ["solo", "batched"])
def test_the_scale_goes_on_from_a_checkpoint(monkeypatch, form):
    overflowing(monkeypatch, exponent=30)
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    (run,), data = runs_of(FLOAT16 | {"seeds": [3], "epochs": 3, "optimizer": "adam"})
    metrics, states = metrics_and_states(form, run, data)
    place = 3  # in the middle of the first epoch's steps, while the scale comes down
    (name,) = (name for name in states[place] if name.endswith("scaling"))
    assert states[place][name][0] < 2**30
    left = metrics_from(states[place], form, run, data)
    assert left == metrics[-len(left) :]


CONVOLUTION = {"name": "convolution", "channels": 4}
POOLED = [CONVOLUTION, "max_pooling", CONVOLUTION, {"name": "max_pooling", "size": 3, "stride": 2}]
BLOCK = {"name": "residual", "layers": [{**CONVOLUTION, "padding": "same"}] * 2}
CONVOLVING = {
    "the recipe": {"name": "mnist_cnn", "channels": [3, 4], "units": [5]},
    "windows": [*POOLED, "flatten", {"name": "dense", "units": 5}],
    "a block": [CONVOLUTION, BLOCK, {"name": "global_pooling", "kind": "average"}],
    "a mean": [CONVOLUTION, "average_pooling", "flatten", {"name": "dense", "units": 5}],
    "single pixels": [CONVOLUTION, {**CONVOLUTION, "kernel_size": 1, "stride": 2}, "flatten"],
}


def told(training):
    """Train to the end; return the bits of all results with their statistics, and of the state."""
    found = [seen(result) for result in training.run() if not isinstance(result, Pulse)]
    return found, bits_of(training.state())


@pytest.mark.parametrize(
    ("precision", "native"), [("bfloat16", True), ("bfloat16", False), ("float16", False)]
)
@pytest.mark.parametrize(
    ("model", "activation"),
    [
        *((model, "relu") for model in CONVOLVING),
        *(("windows", each) for each in ("relu6", "identity", "maxout", "tanh", "leaky_relu")),
    ],
)
def test_reading_z_values_in_the_type_of_the_products_changes_no_bit(
    monkeypatch, configure, model, activation, native, precision
):
    layers = CONVOLVING[model]
    config = configure(
        train_size=60,
        test_size=20,
        batch_size=20,
        model=layers if isinstance(layers, dict) else {"name": "layers", "layers": layers},
        activation=activation,
        dropout=0.2 if model == "the recipe" else "none",
        layer_statistics={"every": 1, "samples": 30},
        precision=precision,
        device="cuda" if precision == "float16" else "cpu",
    )
    monkeypatch.setattr(devices, "multiplies_bfloat16", lambda: native)
    ours = told(SoloTraining(config, 3, load(config.dataset), CPU))
    monkeypatch.setattr(HiddenLayer, "stays_narrow", False)
    wide = told(SoloTraining(config, 3, load(config.dataset), CPU))
    assert ours == wide


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"precision": "bfloat16"}, [torch.bfloat16, torch.bfloat16, torch.float32]),
        ({"precision": "bfloat16", "activation": "tanh"}, [torch.float32] * 3),
        ({"precision": "bfloat16", "normalization": "batch"}, [torch.float32] * 3),
        ({}, [torch.float32] * 3),
    ],
    ids=["relu", "tanh", "batch normalization", "float32"],
)
def test_activations_that_only_choose_read_what_convolutions_return(configure, fields, read):
    config = configure(train_size=20, test_size=20, **fields)
    training = SoloTraining(config, 3, load(config.dataset), CPU)
    types = []
    for layer in training.network.hidden_layers():
        layer.activation.register_forward_pre_hook(lambda _, inputs: types.append(inputs[0].dtype))
    training.network(training.data.train.inputs[:5])
    assert types == read
