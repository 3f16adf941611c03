"""From configurations to parts: every catalog entry is reached, with its parameters."""

import inspect

import pytest
import torch

from service.catalog.axes import AXES
from service.specs.declarations import DECLARATIONS
from workers.datasets.loading import DATASETS, load
from workers.datasets.preprocessings import PREPROCESSINGS
from workers.nn.activations import ACTIVATIONS
from workers.nn.clippings import CLIPPINGS
from workers.nn.dropouts import DROPOUTS
from workers.nn.initializers import INITIALIZERS
from workers.nn.losses import LOSSES
from workers.nn.models import MODELS
from workers.nn.normalizations import NORMALIZATIONS
from workers.nn.optimizers import OPTIMIZERS
from workers.nn.products import PRECISIONS
from workers.nn.schedules import SCHEDULES
from workers.training.assembly import build_network, build_optimizer, build_schedule
from workers.training.streams import Streams

REGISTRIES = {
    "dataset": DATASETS,
    "preprocessing": PREPROCESSINGS,
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "normalization": NORMALIZATIONS,
    "clipping": CLIPPINGS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "dropout": DROPOUTS,
    "loss": LOSSES,
}


def test_each_precision_has_a_type():
    assert PRECISIONS.keys() == AXES["precision"].keys()


@pytest.mark.parametrize("axis", REGISTRIES)
def test_entries_and_functions_have_each_other(axis):
    entries = {entry.name for entry in AXES[axis].values() if not entry.symbolic}
    assert set(REGISTRIES[axis]) == entries


def test_a_model_is_a_list_of_layers_or_a_network_in_code():
    assert not DECLARATIONS.keys() & MODELS.keys()
    assert DECLARATIONS.keys() | MODELS.keys() == AXES["model"].keys()


@pytest.mark.parametrize("axis", sorted(set(REGISTRIES) - {"dataset"}))
def test_a_function_takes_its_entrys_parameters_and_defaults_none(axis):
    for name, function in REGISTRIES[axis].items():
        # A schedule is built beside its optimizer, of which it is a parameter in a spec; a
        # model's head is known to it as the number of its outputs; the place of a normalization
        # is the model's; a model has no weights yet when its initializers draw them.
        stated = {parameter.name for parameter in AXES[axis][name].parameters}
        stated -= {"schedule", "head", "position", "recurrent_initializer"}
        taken = {
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        }
        assert taken == stated, name


def test_bias_initializers_are_initializers():
    assert set(AXES["bias_initializer"]) <= set(INITIALIZERS)


def test_each_choice_reaches_its_place(configure):
    config = configure(
        activation={"name": "leaky_relu", "negative_slope": 0.3},
        initializer={"name": "constant", "value": 0.25},
        output_initializer={"name": "constant", "value": 0.75},
        bias_initializer={"name": "constant", "value": 0.5},
        dropout={"name": "alpha_dropout", "rate": [0.125, 0.25]},
        optimizer={"name": "sgd", "learning_rate": 0.5, "momentum": 0.75, "nesterov": True},
    )
    network = build_network(config, load(config.dataset), Streams(0))
    values = {name: tensor.unique().tolist() for name, tensor in network.named_parameters()}
    assert values.pop("output.weight") == [0.75]
    for name, found in values.items():
        assert found == ([0.5] if name.endswith("bias") else [0.25]), name
    assert network.activation_2(torch.tensor(-1.0)).item() == pytest.approx(-0.3)
    assert (network.dropout_1.keep, network.dropout_2.keep) == (0.875, 0.75)
    optimizer, schedule = build_optimizer(config, network), build_schedule(config)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["nesterov"]) == (0.5, 0.75, True)
    assert len(group["params"]) == 8
    assert schedule(3, 10, 5) == 1


def test_initial_weights_depend_on_the_seed_and_on_nothing_else(configure):
    def weights(seed, **fields):
        config = configure(initializer="he_normal", **fields)
        network = build_network(config, load(config.dataset), Streams(seed))
        return network.state_dict()

    first = weights(1)
    for other in (weights(1), weights(1, activation="tanh", dropout="none", batch_size=7)):
        assert all(torch.equal(first[name], other[name]) for name in first)
    changed = weights(2)
    assert not any(torch.equal(first[name], changed[name]) for name in first if "weight" in name)


RNN = {
    "name": "rnn",
    "hidden_units": [6],
    "recurrent_initializer": {"name": "constant", "value": 2.0},
}


@pytest.mark.parametrize(("cell", "forget"), [("simple", None), ("gru", None), ("lstm", 1.0)])
def test_a_recurrent_layer_has_an_initializer_for_each_of_its_matrices(configure, cell, forget):
    config = configure(
        model=RNN | {"cell": cell},
        activation="tanh",
        initializer={"name": "constant", "value": 0.25},
        bias_initializer={"name": "constant", "value": 0.5},
    )
    assert config.model.parameters["forget_bias"] == forget
    network = build_network(config, load(config.dataset), Streams(0))
    layer = network.hidden_layers()[0].weighted
    assert layer.weight[:, :28].unique().tolist() == [0.25]
    assert layer.weight[:, 28:].unique().tolist() == [2.0]
    biases = {name: layer.gate(name, layer.bias).unique().tolist() for name in layer.gates}
    assert biases == {name: [0.5] for name in layer.gates} | ({"forget": [1.0]} if forget else {})


def test_each_gate_is_drawn_by_itself(configure):
    """So the state's matrix of each gate is orthogonal, and inputs have the fans of one gate."""
    config = configure(
        model={"name": "rnn", "cell": "lstm", "hidden_units": [64]}, activation="tanh"
    )
    layer = build_network(config, load(config.dataset), Streams(0)).hidden_layers()[0].weighted
    for gate in layer.gates:
        rows = layer.gate(gate, layer.weight.detach())
        torch.testing.assert_close(rows[:, 28:] @ rows[:, 28:].T, torch.eye(64), rtol=0, atol=1e-5)
        assert rows[:, :28].abs().max() <= (6 / (28 + 64)) ** 0.5
        assert rows[:, :28].std().item() == pytest.approx((2 / (28 + 64)) ** 0.5, rel=0.05)
