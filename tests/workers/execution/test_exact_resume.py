"""A training that resumes from a file gives the same bits as one that was never stopped."""

import math
import uuid
from itertools import islice

import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.catalog.axes import AXES
from service.catalog.losses import losses_of
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from service.weights.storage import Folder
from workers.datasets.loading import load
from workers.execution.checkpoints import CheckpointOwner, Checkpoints
from workers.training import solo
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse, StartResult
from workers.training.solo import SoloTraining

CPU = torch.device("cpu")
BASE = {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [16, 8]},
    "activation": "relu",
    "batch_size": 16,
    "epochs": 3,
    "layer_statistics": {"every": 1, "samples": 32},
}
CNN = {
    "dataset": {"name": "mnist", "train_size": 48, "test_size": 16},
    "model": {"name": "mnist_cnn", "channels": [8, 8], "units": [8]},
}
#: Drops after every epoch but the first, and waits in between.
_PLATEAU = {"name": "reduce_on_plateau", "patience": 1, "min_delta": 10.0, "cooldown": 1}
REQUIRED = {"constant": {"value": 0.1}}
DENSE = {"name": "dense", "units": 8}
OPTIMIZERS = [
    *AXES["optimizer"],
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "rmsprop", "momentum": 0.5},
]
SPECS = [
    *({"optimizer": optimizer} for optimizer in OPTIMIZERS),
    *({"optimizer": {"name": "adam", "schedule": schedule}} for schedule in AXES["schedule"]),
    *(
        {axis: {"name": name, **REQUIRED.get(name, {})}}
        for axis in ("activation", "initializer", "normalization", "clipping")
        for name in AXES[axis]
        if name != "fixup"
    ),
    {
        "initializer": "fixup",
        "model": {
            "name": "layers",
            "layers": ["flatten", DENSE, {"name": "residual", "layers": [DENSE, DENSE]}],
        },
    },
    *({"loss": loss} for loss in losses_of("classification")),
    *(
        {
            "dataset": {"name": "friedman", "train_size": 64, "test_size": 32},
            "loss": loss,
            "early_stopping": {"metric": "val_rmse", "patience": 2},
        }
        for loss in losses_of("regression")
    ),
    *(
        CNN | {"normalization": norm, "dropout": dropout}
        for norm, dropout in zip(
            AXES["normalization"], ["auto", "none", "dropout", "alpha_dropout"] * 2, strict=False
        )
    ),
    {"dropout": "alpha_dropout", "activation": "selu"},
    {"dataset": BASE["dataset"] | {"validation_split": 0.25}},
    {"early_stopping": {"metric": "val_accuracy", "patience": 1, "min_delta": 1.0}, "epochs": 5},
    {"early_stopping": {"patience": 2}, "optimizer": {"name": "sgd", "schedule": _PLATEAU}},
    {"optimizer": {"name": "adam", "schedule": _PLATEAU}, "epochs": 5},
    {"optimizer": {"name": "adam", "decoupled_weight_decay": 0.1}},
    {"loss": {"name": "categorical_crossentropy", "label_smoothing": 0.1}},
    {"precision": "bfloat16", "normalization": "batch"},
    {"precision": "bfloat16", "model": {"name": "rnn", "cell": "lstm", "hidden_units": [6]}},
    CNN | {"precision": "bfloat16"},
    {"precision": "float16", "device": "cuda"},
]


@pytest.fixture(autouse=True)
def pulse_at_every_step(monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)


def run_of(spec, seed=5):
    """Return a function that makes new trainings of a spec."""
    (run,) = expand(ExperimentSpec.model_validate(BASE | spec), Limits())
    data = load(run.config.dataset)
    return lambda: SoloTraining(run.config, seed, data, CPU)


def rows(results):
    """Results as bits, layer statistics with them, without the seconds."""
    return [
        (
            getattr(result, "epoch", 0),
            tuple((n, v.hex()) for n, v in metrics_of(result).items() if n != "epoch_seconds"),
            repr(result.statistics.as_dict()),
        )
        for result in results
        if isinstance(result, EpochResult | StartResult)
    ]


def metrics_of(result):
    return result.metrics if isinstance(result, EpochResult) else {}


def weights(training):
    return {name: tensor.clone() for name, tensor in training.network.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def through_a_file(stopped, fresh, config, folder, settings):
    """Save one training, and take it up in another as the next attempt does."""
    run_id = uuid.uuid4()

    def checkpoints(attempt):
        owner = CheckpointOwner(run_id, attempt, config, 5, {"device": "cpu"})
        return Checkpoints(Folder(folder), owner, settings, lambda: None)

    checkpoints(1).before_leaving(stopped, math.inf)
    assert checkpoints(2).resume(fresh, recorded_epochs=stopped.epoch - 1)
    assert (fresh.epoch, fresh.step) == (stopped.epoch, stopped.step)


def check(make, cut, folder, settings):
    """Stop after some events; return how many there were."""
    whole = make()
    expected = list(whole.run())
    stopped, resumed = make(), make()
    passed = list(islice(stopped.run(), cut % len(expected) + 1))
    through_a_file(stopped, resumed, stopped.config, folder, settings)
    assert rows([*passed, *resumed.run()]) == rows(expected)
    assert same(weights(resumed), weights(whole))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_part_with_a_state_goes_on_exactly(spec, tmp_path, settings):
    """Stopped within the second epoch: an epoch has four steps and evaluates in one piece."""
    check(run_of(spec), 6, tmp_path, settings)


@pytest.mark.parametrize("cut", range(8))
def test_statistics_of_the_start_that_are_left_are_taken_after_a_resume(
    cut, tmp_path, settings, monkeypatch
):
    """In four chunks: one after each of the first four steps."""
    dataset = CNN["dataset"] | {"train_size": 250}
    statistics = {"every": 1, "samples": 250}
    spec = CNN | {"dataset": dataset, "layer_statistics": statistics, "epochs": 1}
    check(run_of(spec), cut, tmp_path, settings)


def test_a_resume_is_not_a_restart(tmp_path, settings):
    """What is compared above depends on the state: without it another end is reached."""
    make = run_of({"optimizer": "adam"})
    whole, stopped, resumed = make(), make(), make()
    list(whole.run())
    list(islice(stopped.run(), 7))
    through_a_file(stopped, resumed, stopped.config, tmp_path, settings)
    resumed.optimizer.state.clear()
    list(resumed.run())
    assert not same(weights(resumed), weights(whole))


@given(
    cut=st.integers(0, 100),
    normalization=st.sampled_from(sorted(AXES["normalization"])),
    optimizer=st.sampled_from(OPTIMIZERS),
    schedule=st.sampled_from(sorted(AXES["schedule"])),
    clipping=st.sampled_from(sorted(AXES["clipping"])),
    cnn=st.booleans(),
)
@hypothesis_settings(
    max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_a_stop_anywhere_goes_on_exactly(
    cut, normalization, optimizer, schedule, clipping, cnn, tmp_path, settings
):
    optimizer = {"name": optimizer} if isinstance(optimizer, str) else optimizer
    spec = {
        "normalization": normalization,
        "optimizer": optimizer | {"schedule": schedule},
        "clipping": clipping,
    }
    check(run_of(spec | (CNN if cnn else {})), cut, tmp_path, settings)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_members_of_a_pack_go_on_exactly_beside_others(optimizer, tmp_path, settings):
    """Stopped within the second epoch, and then each in the company of a run that begins."""
    spec = {"optimizer": optimizer, "normalization": "batch", "seeds": [5, 6, 7]}
    runs = expand(ExperimentSpec.model_validate(BASE | spec), Limits())
    data = load(runs[0].config.dataset)

    def pack(*members):
        return PackedTraining(
            [(runs[member].config, runs[member].seed) for member in members], data, CPU
        )

    def of(member, results):
        rounds = [result for result in results if not isinstance(result, Pulse)]
        return rows([item[member] for item in rounds if member in item])

    whole, stopped = pack(0, 1), pack(0, 1)
    expected = list(whole.run())
    passed = list(islice(stopped.run(), 8))
    for member in (0, 1):
        resumed = pack(2, member)
        config = runs[member].config
        through_a_file(stopped.members[member], resumed.members[1], config, tmp_path, settings)
        assert of(member, passed) + of(1, resumed.run()) == of(member, expected)
