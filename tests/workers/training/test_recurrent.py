"""Training recurrent networks: they learn, at any size of batch, and resume exactly."""

import pytest
import torch

from tests.support.probe_networks import statistics
from workers.datasets.loading import load
from workers.training import solo
from workers.training.assembly import build_network
from workers.training.results import Pulse
from workers.training.solo import SoloTraining
from workers.training.streams import Streams

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
TASK = {"name": "temporal_order", "length": 10, "train_size": 600, "test_size": 200}
BASE = {
    "dataset": TASK,
    "activation": "tanh",
    "batch_size": 20,
    "epochs": 6,
    "optimizer": {"name": "adam", "learning_rate": 0.01},
}


def rnn(cell="simple", units=(16,), **parameters):
    return {"name": "rnn", "cell": cell, "hidden_units": list(units), **parameters}


@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
def test_it_learns_an_order_that_lies_half_a_sequence_back(configure, history, cell):
    config = configure(**BASE, model=rnn(cell))
    results = history(config, load(config.dataset))
    assert results[-1].metrics["val_accuracy"] > 0.9


@pytest.mark.parametrize("cell", ["simple", "gru", "lstm"])
@pytest.mark.parametrize("normalization", ["layer", "rms"])
def test_with_a_normalization_it_learns_from_single_samples(
    configure, history, cell, normalization
):
    fields = BASE | {"epochs": 2, "batch_size": 1, "normalization": normalization}
    fields["optimizer"] = {"name": "adam", "learning_rate": 0.003}
    config = configure(**fields, model=rnn(cell))
    results = history(config, load(config.dataset))
    assert results[-1].metrics["val_accuracy"] > 0.9


def test_it_reads_digits_by_rows(configure, history):
    digits = {"name": "digits", "train_size": 1000, "test_size": 300}
    config = configure(**BASE | {"dataset": digits, "epochs": 4}, model=rnn("gru", (32,)))
    assert history(config, load(config.dataset))[-1].metrics["val_accuracy"] > 0.8


def test_a_restored_training_goes_on_as_if_never_stopped(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    fields = BASE | {"epochs": 2, "normalization": "layer", "dropout": 0.25, "activation": "prelu"}
    config = configure(
        **fields, model=rnn("lstm", (6, 5)), clipping={"name": "norm", "max_norm": 0.5}
    )
    data = load(config.dataset)
    whole = SoloTraining(config, 3, data, CPU)
    for number, event in enumerate(whole.run()):
        if number == 40:
            assert isinstance(event, Pulse)
            kept = whole.state()
    again = SoloTraining(config, 3, data, CPU)
    again.restore(kept)
    list(again.run())
    assert kept["step"] > 0
    expected = whole.weights()
    for name, weights in again.weights().items():
        assert torch.equal(weights, expected[name]), name


def test_the_gradient_of_each_step_is_that_of_the_states_own_derivative(configure):
    """Against a backward pass through time written out, of a linear network."""
    config = configure(**BASE | {"activation": "identity"}, model=rnn(units=(5,)))
    data = load(config.dataset)
    network = build_network(config, data, Streams(1)).double()
    x, labels = data.train.inputs[:50].double(), data.train.labels[:50]
    found = statistics(network, x, labels).layers
    layer = network.hidden_layers()[0].weighted
    recurrent = layer.weight.detach()[:, 6:]
    p = network(x).softmax(1).detach()
    p[torch.arange(50), labels] -= 1
    delta = (p / 50) @ network.output.weight.detach()
    expected = []
    for _ in range(10):
        expected.insert(0, (delta.square().sum() / 50).sqrt().item())
        delta = delta @ recurrent
    assert found[0].gradient_by_step == pytest.approx(expected, rel=1e-4)
    assert found[0].units == 5
    assert found[0].z.count == 50 * 5 * 10
    assert found[1].gradient_by_step is None


def test_equal_units_are_told(configure):
    config = configure(
        **BASE | {"initializer": "zeros"},
        model=rnn("lstm", recurrent_initializer="zeros"),
    )
    data = load(config.dataset)
    network = build_network(config, data, Streams(0))
    found = statistics(network, data.train.inputs[:50], data.train.labels[:50])
    assert (found.layers[0].symmetric, found.layers[0].symmetry_kept) == (True, True)
    with torch.no_grad():
        network.output.weight.normal_(generator=torch.Generator().manual_seed(0))
    found = statistics(network, data.train.inputs[:50], data.train.labels[:50])
    assert (found.layers[0].symmetric, found.layers[0].symmetry_kept) == (True, False)
