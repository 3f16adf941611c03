"""When layer statistics are taken, and that they change no bit of a training."""

import pytest
import torch

from service.specs.probes import AUTO_SHARE
from tests.workers.training.test_reproducibility import rows, written
from workers.datasets.loading import load
from workers.diagnostics.layers import NetworkStatistics
from workers.training import solo
from workers.training.packed.training import PackedTraining
from workers.training.probing import probing_of
from workers.training.results import EpochResult, Pulse, StartResult
from workers.training.solo import SoloTraining, train

CPU = torch.device("cpu")


def probed(configure, trained=60_000, **fields):
    return sorted(probing_of(configure(**fields), trained).epochs)


def test_off_is_off(configure):
    config = configure(layer_statistics="off", epochs=3)
    assert not any(probing_of(config, 300).at(epoch, ending=True) for epoch in range(4))


@pytest.mark.parametrize(
    ("every", "epochs", "expected"),
    [(1, 3, [0, 1, 2, 3]), (2, 5, [0, 2, 4, 5]), (100, 5, [0, 5]), (1, 0, [0])],
)
def test_every_nth_epoch_and_always_the_first_and_the_last(configure, every, epochs, expected):
    statistics = {"every": every, "samples": 10}
    assert probed(configure, layer_statistics=statistics, epochs=epochs) == expected


def test_auto_takes_powers_of_two_within_its_share(configure):
    auto = {"every": "auto", "samples": 1000}
    assert probed(configure, layer_statistics=auto, epochs=12) == [0, 1, 2, 4, 8, 12]
    assert probed(configure, layer_statistics=auto, epochs=1) == [0, 1]
    # A probe costs as much as an epoch here, and two of a hundred are allowed.
    assert probed(configure, 1000, layer_statistics=auto, epochs=100) == [0, 1, 2, 100]
    assert probed(configure, 1000, layer_statistics=auto, epochs=12) == [0, 12]
    for epochs in (1, 7, 64, 1000):
        between = probed(configure, 5000, layer_statistics=auto, epochs=epochs)[1:-1]
        assert len(between) * 1000 <= AUTO_SHARE * 5000 * epochs


def test_a_divergence_is_probed_whenever_it_comes(configure):
    probing = probing_of(configure(layer_statistics={"every": 10}, epochs=20), 300)
    assert not probing.at(3)
    assert probing.at(3, ending=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"activation": "selu"},
        {"activation": "prelu", "normalization": "batch", "clipping": "norm"},
        {"normalization": "switchable", "loss": "binary_crossentropy"},
    ],
    ids=["selu", "batch", "switchable"],
)
def test_no_bit_of_a_training_sees_the_statistics(configure, fields):
    """Under the same optimizer state, dropout and running statistics."""
    ends = []
    for statistics in ("off", {"every": 1, "samples": 300}):
        config = configure(layer_statistics=statistics, epochs=3, **fields)
        training = SoloTraining(config, 7, load(config.dataset), CPU)
        results = [item for item in training.run() if isinstance(item, EpochResult)]
        assert [result.statistics is not None for result in results] == [statistics != "off"] * 3
        for result in results:
            del result.metrics["epoch_seconds"]
        ends.append((written(results), training.state()))
    (history, state), (probed_history, probed_state) = ends
    assert probed_history == history
    own = {"seconds", "updates", "largest_updates"}
    assert all(torch.equal(probed_state[name], state[name]) for name in state.keys() - own)


def test_a_start_comes_first_and_is_the_network_before_its_first_step(configure):
    config = configure(layer_statistics={"samples": 100}, epochs=0)
    data = load(config.dataset)
    (start,) = train(config, 0, data, CPU)
    assert isinstance(start, StartResult)
    network = SoloTraining(config, 0, data, CPU).network
    logits = network(data.train.inputs[:100])
    expected = torch.nn.functional.cross_entropy(logits, data.train.labels[:100]).item()
    assert start.statistics.samples == 100
    assert start.statistics.loss == pytest.approx(expected, rel=1e-5)
    weight = start.statistics.layers[0].weight
    assert weight.std == pytest.approx(network.conv_1.weight.std(correction=0).item(), rel=1e-5)


def test_a_result_tells_of_the_weights_at_its_epochs_end(configure):
    config = configure(layer_statistics={"every": 1, "samples": 10**5}, epochs=2)
    training = SoloTraining(config, 0, load(config.dataset), CPU)
    events = [item for item in training.run() if not isinstance(item, Pulse)]
    assert [type(event) for event in events] == [StartResult, EpochResult, EpochResult]
    assert events[0].statistics.samples == 300
    last = events[2].statistics.layers[0].weight
    assert last.max == training.network.conv_1.weight.max().item()
    assert last != events[1].statistics.layers[0].weight


def test_a_long_probe_pulses_and_is_not_the_epochs_time(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    statistics = {"every": 1, "samples": 250}
    config = configure(train_size=300, layer_statistics=statistics, batch_size=300)
    events = list(train(config, 0, load(config.dataset), CPU))
    # One step; four chunks of up to 64 with three pulses between them, twice; two evaluations of
    # 200, and after the last epoch the outputs.
    kinds = [type(event) for event in events]
    assert kinds == [Pulse] * 4 + [StartResult] + [Pulse] * 7 + [EpochResult]
    fractions = [event.fraction for event in events if isinstance(event, Pulse)]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


@pytest.mark.parametrize(
    ("fields", "steps"),
    [({}, 4), ({"normalization": "weight"}, 4), ({"normalization": "batch"}, 1)],
    ids=["plain", "weight", "batch"],
)
def test_the_first_probe_waits_for_the_first_step(configure, fields, steps):
    """One chunk after each step, and it finds what it finds in a network that takes no step."""
    statistics = {"every": 1, "samples": 250}
    config = configure(layer_statistics=statistics, epochs=1, batch_size=60, **fields)
    data = load(config.dataset)
    training = SoloTraining(config, 0, data, CPU)
    start = next(item for item in training.run() if not isinstance(item, Pulse))
    assert training.step == steps
    untrained = configure(layer_statistics=statistics, epochs=0, **fields)
    expected = next(item for item in train(untrained, 0, data, CPU) if not isinstance(item, Pulse))
    ours, theirs = (each.statistics.as_dict() for each in (start, expected))
    assert theirs.keys() - ours.keys() == {"outputs"}  # they belong to the end of a run
    assert all(repr(ours[name]) == repr(theirs[name]) for name in ours)


def test_the_last_evaluation_is_not_repeated_for_the_outputs(configure, monkeypatch):
    config = configure(layer_statistics={"every": 1, "samples": 50}, epochs=2)
    data = load(config.dataset)

    def trained() -> tuple[EpochResult, list[int]]:
        """Return the last result, and the samples of each evaluation of the network."""
        training, evaluated = SoloTraining(config, 0, data, CPU), []

        def count(network, inputs):
            if not network.training and torch.is_inference_mode_enabled():
                evaluated.append(len(inputs[0]))

        training.network.register_forward_pre_hook(count)
        *_, last = training.run()
        return last, evaluated

    kept, evaluated = trained()
    assert sum(evaluated) == config.epochs * len(data.validation)
    monkeypatch.setattr(solo, "_MOST_KEPT_OUTPUTS", 0)
    repeated, evaluated = trained()
    assert sum(evaluated) == (config.epochs + 1) * len(data.validation)
    assert kept.statistics.outputs == repeated.statistics.outputs
    assert kept.statistics.outputs.samples == len(data.validation)


def test_a_diverged_network_has_statistics(configure):
    config = configure(
        epochs=5,
        layer_statistics={"every": 100, "samples": 50},
        activation={"name": "leaky_relu", "negative_slope": 0.2},
        initializer={"name": "normal", "stddev": 10.0},
        optimizer={"name": "sgd", "learning_rate": 1000.0},
    )
    *_, last = train(config, 0, load(config.dataset), CPU)
    assert last.diverged
    assert isinstance(last.statistics, NetworkStatistics)
    assert any(layer.z.non_finite for layer in last.statistics.layers)


def test_a_restored_training_takes_the_same_statistics(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    config = configure(layer_statistics={"every": 1, "samples": 300}, epochs=2, train_size=400)
    data = load(config.dataset)
    whole = SoloTraining(config, 3, data, CPU)
    events, states = [], []
    for event in whole.run():
        events.append(event)
        states.append((len(rows(events)), whole.state()))
    expected = [event.statistics for event in events if isinstance(event, EpochResult)]
    for done, state in states:
        resumed = SoloTraining(config, 3, data, CPU)
        resumed.restore(state)
        found = [item for item in resumed.run() if isinstance(item, EpochResult)]
        assert [result.statistics for result in found] == expected[done:]


@pytest.mark.parametrize("packed", [False, True])
def test_the_inputs_are_recorded_once_before_the_first_step(configure, packed):
    config = configure(epochs=1, layer_statistics={"samples": 20})
    data = load(config.dataset)
    if packed:
        pack = PackedTraining([(config, 0)], data, CPU)
        results = [found[0] for found in pack.run() if not isinstance(found, Pulse)]
    else:
        results = [
            found
            for found in train(config, 0, data, CPU, threads=1)
            if not isinstance(found, Pulse)
        ]
    first, last = (result.statistics for result in results)
    inputs = data.train.inputs[:20].double()
    assert first.inputs.count == inputs.numel()
    assert first.inputs.mean == pytest.approx(inputs.mean().item())
    assert first.inputs.std == pytest.approx(inputs.std(correction=0).item())
    assert first.as_dict()["inputs"]["max"] == inputs.max()
    assert last.inputs is None
    assert "inputs" not in last.as_dict()
