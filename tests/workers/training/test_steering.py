"""What validation changes in a training: against torch's scheduler, and in whole trainings."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from tests.support.packed_training import BASE, CPU, runs_of, trained
from workers.datasets.loading import load
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, StartResult
from workers.training.solo import SoloTraining
from workers.training.steering import Steering

VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=30)


def config_of(**spec):
    (run,) = expand(ExperimentSpec.model_validate(BASE | {"seeds": [3]} | spec), Limits())
    return run.config


def steering_of(**spec):
    return Steering(config_of(**spec))


def plateau(**parameters):
    schedule = {"name": "reduce_on_plateau", **parameters}
    return steering_of(optimizer={"name": "sgd", "schedule": schedule})


@given(
    values=VALUES,
    metric=st.sampled_from(["val_loss", "val_accuracy"]),
    patience=st.integers(1, 4),
    cooldown=st.integers(0, 3),
    min_delta=st.sampled_from([0.0, 0.15]),
    least=st.sampled_from([0.0, 0.2]),
)
@settings(deadline=None)
def test_a_plateau_reduces_as_torch_does(values, metric, patience, cooldown, min_delta, least):
    ours = plateau(
        metric=metric,
        factor=0.5,
        patience=patience,
        cooldown=cooldown,
        min_delta=min_delta,
        least=least,
    )
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="max" if metric == "val_accuracy" else "min",
        factor=0.5,
        patience=patience - 1,
        threshold=min_delta,
        threshold_mode="abs",
        cooldown=cooldown,
        min_lr=least,
        eps=0.0,
    )
    for value in values:
        ours.see({metric: value})
        theirs.step(value)
        assert ours.rate_factor == optimizer.param_groups[0]["lr"]


def keras_stops_at(values, higher, patience, min_delta):
    """The loop of keras.callbacks.EarlyStopping, of its version 3."""
    best, wait = None, 0
    for epoch, value in enumerate(values):
        wait += 1
        better = best is None or (value - min_delta > best if higher else value + min_delta < best)
        if better:
            best, wait = value, 0
        elif wait >= patience and epoch > 0:
            return epoch + 1
    return None


@given(
    values=VALUES,
    metric=st.sampled_from(["val_loss", "val_accuracy"]),
    patience=st.integers(1, 4),
    # None of these is the difference of two values, which rounding would decide.
    min_delta=st.sampled_from([0.0, 0.15]),
)
@settings(deadline=None)
def test_a_run_stops_at_the_epoch_at_which_keras_stops(values, metric, patience, min_delta):
    steering = steering_of(
        early_stopping={"metric": metric, "patience": patience, "min_delta": min_delta}
    )
    stopped = None
    for epoch, value in enumerate(values, start=1):
        assert not steering.stopped
        stops = steering.stops({metric: value})
        steering.see({metric: value})
        assert steering.stopped == stops
        if stops:
            stopped = epoch
            break
    assert stopped == keras_stops_at(values, metric == "val_accuracy", patience, min_delta)


def test_nothing_is_steered_unless_it_is_asked_for():
    steering = steering_of()
    for value in (1.0, 2.0, math.nan):
        steering.see({"val_loss": value, "val_accuracy": 0.1})
    assert (steering.rate_factor, steering.stopped, steering.state()) == (1.0, False, {})


def test_a_state_is_taken_up():
    spec = {
        "early_stopping": {"patience": 5},
        "optimizer": {"name": "sgd", "schedule": {"name": "reduce_on_plateau", "patience": 2}},
    }
    whole, resumed = steering_of(**spec), steering_of(**spec)
    for value in (0.5, 0.6, 0.6, 0.7):
        whole.see({"val_loss": value})
    resumed.restore(whole.state())
    for value in (0.7, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8):
        for steering in (whole, resumed):
            steering.see({"val_loss": value})
        assert (whole.rate_factor, whole.stopped) == (resumed.rate_factor, resumed.stopped)
    assert whole.stopped
    assert whole.rate_factor == pytest.approx(1e-4)


def results_of(**spec):
    config = config_of(**spec)
    training = SoloTraining(config, 3, load(config.dataset), CPU)
    return [item for item in training.run() if isinstance(item, EpochResult | StartResult)]


def test_a_stopped_run_ends_as_a_last_epoch_does():
    """With the test part, the layer statistics, the outputs and the boundary of its last epoch."""
    data = {"name": "moons", "train_size": 50, "test_size": 30, "validation_split": 0.3}
    results = results_of(
        dataset=data,
        early_stopping={"patience": 2, "min_delta": 1e3},
        layer_statistics={"every": 100, "samples": 20},
        epochs=9,
    )
    first, *epochs = results
    assert [result.epoch for result in epochs] == [1, 2, 3]
    assert [result.stopped for result in epochs] == [False, False, True]
    assert not any(result.diverged for result in epochs)
    assert (first.statistics.boundary.size, first.statistics.outputs) == (50, None)
    last = epochs[-1].statistics
    assert (last.boundary.size, last.outputs.samples) == (100, 15)
    assert [("test_loss" in result.metrics) for result in epochs] == [False, False, True]


def test_the_rate_falls_from_the_epoch_after_the_plateau_on():
    schedule = {"name": "reduce_on_plateau", "patience": 2, "factor": 0.5, "min_delta": 1e3}
    results = results_of(
        optimizer={"name": "sgd", "learning_rate": 0.25, "schedule": schedule}, epochs=6
    )
    rates = [result.metrics["learning_rate"] for result in results]
    assert rates == [0.25, 0.25, 0.25, 0.125, 0.125, 0.0625]


def test_a_member_that_stops_leaves_its_pack_and_the_others_go_on():
    rates = [{"name": "sgd", "learning_rate": rate} for rate in (0.0, 0.05)]
    spec = {"optimizer": rates, "seeds": [3], "epochs": 4, "early_stopping": {"patience": 2}}
    runs, data = runs_of(spec)
    packed = trained(PackedTraining(runs, data, CPU))
    # A rate of zero never improves: two epochs after the first it stops.
    assert [len(packed[member]) for member in range(2)] == [3, 4]
    assert packed[1] == trained(PackedTraining(runs[1:], data, CPU))[0]
