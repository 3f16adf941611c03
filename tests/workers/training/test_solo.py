"""Solo training: its history against a plain loop, its pulses, divergence, learning."""

import itertools
import math
import time

import pytest
import torch
import torch.nn.functional as F

from workers.datasets.loading import load
from workers.training import solo
from workers.training.assembly import build_network
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining, train
from workers.training.streams import Streams

CPU = torch.device("cpu")
CLIPPED = {"name": "value", "threshold": 0.02}


def plain_history(config, data, seed):
    """Two epochs as a tutorial would write them: the history the trainer must give."""
    streams = Streams(seed)
    network = build_network(config, data, streams)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7)
    for epoch in (1, 2):
        order = streams.order(epoch, len(data.train)).tolist()
        losses, right, norms, clipped = [], 0, [], []
        for step, start in enumerate(range(0, len(order), config.batch_size)):
            chosen = order[start : start + config.batch_size]
            logits = network(data.train.inputs[chosen], streams.dropout(epoch, step))
            labels = data.train.labels[chosen]
            per_sample = F.cross_entropy(logits, labels, reduction="none")
            optimizer.zero_grad()
            per_sample.mean().backward()
            gradients = torch.cat([p.grad.flatten() for p in network.parameters()])
            norms.append(gradients.norm().item())
            clipped.append(bool((gradients.abs() > CLIPPED["threshold"]).any()))
            torch.nn.utils.clip_grad_value_(network.parameters(), CLIPPED["threshold"])
            optimizer.step()
            losses += per_sample.tolist()
            right += (logits.argmax(1) == labels).sum().item()
        assert len(norms) == 3, "the last, partial batch is trained on"
        logits = network(data.validation.inputs)
        labels = data.validation.labels
        yield {
            "loss": sum(losses) / len(losses),
            "accuracy": right / len(order),
            "val_loss": F.cross_entropy(logits, labels).item(),
            "val_accuracy": (logits.argmax(1) == labels).double().mean().item(),
            "learning_rate": 1e-3,
            "gradient_norm": sum(norms) / len(norms),
            "clipped_fraction": sum(clipped) / len(clipped),
        }


def test_epochs_are_what_a_plain_loop_gives(configure, history):
    config = configure(clipping=CLIPPED, epochs=2)
    data = load(config.dataset)
    results = history(config, data, seed=5)
    assert [(result.epoch, result.diverged) for result in results] == [(1, False), (2, False)]
    for result, expected in zip(results, plain_history(config, data, seed=5), strict=True):
        assert result.metrics == pytest.approx(expected, rel=1e-5)
    assert results[0].metrics["clipped_fraction"] > 0


def test_dropout_acts_in_training_and_not_in_validation(configure, history):
    data = load(configure().dataset)
    frozen = {"name": "adam", "learning_rate": 0.0}
    dropped, plain = (
        history(configure(optimizer=frozen, dropout=dropout), data)[0].metrics
        for dropout in ("dropout", "none")
    )
    assert dropped["val_loss"] == plain["val_loss"]
    assert dropped["loss"] > plain["loss"]


def test_zero_epochs_give_nothing(configure):
    config = configure(epochs=0)
    assert list(train(config, 0, load(config.dataset), CPU)) == []


def test_binary_crossentropy_adds_the_element_wise_accuracies(configure, history):
    frozen = {"name": "sgd", "learning_rate": 0.0}
    config = configure(loss="binary_crossentropy", dropout="none", optimizer=frozen)
    data = load(config.dataset)
    network = build_network(config, data, Streams(0))
    expected = {}
    for prefix, part in (("", data.train), ("val_", data.validation)):
        z = network(part.inputs).detach().double()
        p = z.sigmoid()
        t = F.one_hot(part.labels).double()
        likelihoods = t * p + (1 - t) * (1 - p)
        expected[f"{prefix}loss"] = -likelihoods.log().mean().item()
        expected[f"{prefix}accuracy"] = (z.argmax(1) == part.labels).double().mean().item()
        expected[f"{prefix}binary_accuracy"] = (likelihoods > 0.5).double().mean().item()
    (result,) = history(config, data)
    found = {name: value for name, value in result.metrics.items() if name in expected}
    assert found == pytest.approx(expected, rel=1e-5)
    assert expected["binary_accuracy"] > expected["accuracy"]


def test_with_a_validation_split_the_test_part_is_evaluated_once_at_the_end(configure, history):
    config = configure(train_size=400, validation_split=0.25, epochs=2)
    data = load(config.dataset)
    first, last = history(config, data)
    added = {"test_loss", "test_accuracy"}
    assert set(last.metrics) - set(first.metrics) == added
    assert not added & set(first.metrics)
    # The weights do not move at rate 0, so the two evaluations differ only by their data.
    frozen = config.model_copy(
        update={"optimizer": configure(optimizer={"name": "sgd", "learning_rate": 0.0}).optimizer}
    )
    metrics = history(frozen, data)[-1].metrics
    network = build_network(frozen, data, Streams(0))
    for name, part in (("val_loss", data.validation), ("test_loss", data.test)):
        expected = F.cross_entropy(network(part.inputs), part.labels).item()
        assert metrics[name] == pytest.approx(expected, rel=1e-5)


def test_a_diverged_run_keeps_its_epoch_and_ends(configure, history):
    config = configure(
        epochs=5,
        activation={"name": "leaky_relu", "negative_slope": 0.2},
        dropout="none",
        initializer={"name": "normal", "stddev": 10.0},
        optimizer={"name": "sgd", "learning_rate": 1000.0},
    )
    results = history(config, load(config.dataset))
    assert [result.diverged for result in results] == [False] * (len(results) - 1) + [True]
    assert len(results) < 5
    last = results[-1].metrics
    assert not (math.isfinite(last["loss"]) and math.isfinite(last["val_loss"]))
    assert 0 <= last["val_accuracy"] <= 1


def test_pulses_come_between_steps_and_decide_nothing(configure, history, monkeypatch):
    config = configure(train_size=400, validation_split=0.5, epochs=2)
    data = load(config.dataset)
    monkeypatch.setattr(solo, "PULSE_SECONDS", math.inf)
    quiet = history(config, data)
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    events = list(train(config, 0, data, CPU))
    results = [event for event in events if isinstance(event, EpochResult)]
    for result in results:
        del result.metrics["epoch_seconds"]
    assert results == quiet
    pulses = [event for event in events if isinstance(event, Pulse)]
    # 200 images are two steps and one evaluation; the 250 test images are two more, at the end.
    assert [pulse.epoch for pulse in pulses] == [1] * 3 + [2] * 5
    for epoch in (1, 2):
        fractions = [pulse.fraction for pulse in pulses if pulse.epoch == epoch]
        assert fractions == sorted(set(fractions))
        assert fractions[0] > 0
        assert fractions[-1] <= 1


def test_pulses_come_about_every_half_second(configure):
    config = configure(train_size=3000, model="mnist_cnn", activation="gelu")
    yielded_at = [time.monotonic()]
    for _ in train(config, 0, load(config.dataset), CPU):
        yielded_at.append(time.monotonic())
    gaps = [later - sooner for sooner, later in itertools.pairwise(yielded_at)]
    assert len(gaps) > 2
    assert min(gaps[:-1]) >= solo.PULSE_SECONDS


def test_the_callers_time_is_not_the_epochs(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    config = configure()
    paused_seconds, began = 0.0, time.monotonic()
    for event in train(config, 0, load(config.dataset), CPU):
        if isinstance(event, Pulse):
            paused = time.monotonic()
            time.sleep(0.05)
            paused_seconds += time.monotonic() - paused
        else:
            seconds = event.metrics["epoch_seconds"]
    assert 0 < seconds <= time.monotonic() - began - paused_seconds


def test_a_closed_training_stops(configure, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    config = configure(epochs=1000)
    training = SoloTraining(config, 0, load(config.dataset), CPU)
    events = training.run()
    assert isinstance(next(events), Pulse)
    events.close()
    assert (training.epoch, training.step) == (1, 1)
    assert list(events) == []


def test_relu_learns_real_digits(configure, history):
    config = configure(train_size=2000, test_size=1000, model="mnist_cnn", epochs=2)
    results = history(config, load(config.dataset))
    assert results[-1].metrics["val_accuracy"] >= 0.8
    assert results[-1].metrics["loss"] < results[0].metrics["loss"]
