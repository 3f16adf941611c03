"""Packs: what a run computes does not depend on the runs beside it."""

import math
import subprocess
import sys

import pytest
import torch

from service.catalog import AXES
from service.door import Limits
from service.expansion import expand
from service.packing import pack_key
from service.spec import ExperimentSpec
from workers import datasets
from workers.nn.packs.dropouts import device_words
from workers.training import trainer
from workers.training.packed_step import PackedStep
from workers.training.packs import PackedTraining
from workers.training.results import EpochResult, Pulse, Start
from workers.training.trainer import Training

CPU = torch.device("cpu")
BASE = {
    "dataset": {"name": "digits", "train_size": 70, "test_size": 30},
    "model": {"name": "mlp", "hidden_units": [11, 6]},
    "activation": "relu",
    "dropout": {"name": "dropout", "rate": 0.2},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "batch_size": 20,
    "epochs": 2,
    "seeds": [3, 8],
    "layer_statistics": {"every": 1, "samples": 20},
}
PARAMETRIC = ("prelu", "maxout")
ELEMENTWISE = [name for name in AXES["activation"] if name not in PARAMETRIC]
REQUIRED = {"constant": {"value": 0.1}}
#: Axes that may vary inside a pack, each with several of its values.
VARIED = {
    "activation": {"activation": ELEMENTWISE, "seeds": [3]},
    "slope": {"activation": [{"name": "leaky_relu", "negative_slope": a} for a in (0.1, 0.3)]},
    "prelu": {"activation": [{"name": "prelu", "initial_slope": a} for a in (0.1, 0.25)]},
    "maxout": {"activation": {"name": "maxout", "pieces": 2}, "dropout": "none"},
    "initializer": {
        "initializer": [{"name": n, **REQUIRED.get(n, {})} for n in AXES["initializer"]],
        "seeds": [3],
    },
    "bias": {"bias_initializer": ["zeros", {"name": "constant", "value": 0.2}]},
    "dropout": {"dropout": [{"name": "dropout", "rate": rate} for rate in (0.1, [0.5, 0.0])]},
    "alpha_dropout": {
        "activation": "selu",
        "dropout": [{"name": "alpha_dropout", "rate": rate} for rate in (0.1, 0.3)],
    },
    "value": {"clipping": [{"name": "value", "threshold": t} for t in (0.001, 0.1)]},
    "norm": {"clipping": [{"name": "norm", "max_norm": t} for t in (0.01, 1.0)]},
    "each_norm": {"clipping": [{"name": "per_parameter_norm", "max_norm": t} for t in (0.01, 1)]},
    "adaptive": {"clipping": [{"name": "adaptive", "clipping": t} for t in (0.001, 0.1)]},
    "sgd": {
        "optimizer": [
            {"name": "sgd"},
            {"name": "sgd", "momentum": 0.9},
            {"name": "sgd", "momentum": 0.5, "nesterov": True, "schedule": "cosine"},
        ]
    },
    **{
        name: {
            "optimizer": [
                {"name": name, "learning_rate": 0.01},
                {"name": name, "learning_rate": 0.002, "schedule": "warmup"},
            ]
        }
        for name in ("adam", "adamw", "rmsprop", "adagrad")
    },
    "weight_decay": {"optimizer": [{"name": "adamw", "weight_decay": w} for w in (0.0, 0.1)]},
    "accumulator": {
        "optimizer": [{"name": "adagrad", "initial_accumulator": a} for a in (0.0, 0.5)]
    },
    **{f"{name}_norm": {"normalization": name} for name in ("batch", "layer", "instance")},
    "group_norm": {"normalization": {"name": "group", "groups": 1}},
    "switchable_norm": {"normalization": "switchable"},
    "binary": {"dataset": {"name": "moons", "train_size": 70, "test_size": 30}},
    "ten_sigmoids": {"loss": "binary_crossentropy"},
    "held_out": {"dataset": BASE["dataset"] | {"validation_split": 0.3}},
    "one_sample": {"batch_size": 1, "epochs": 1},
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def runs_of(spec):
    """Configuration and seed of each run of a spec, and their data."""
    runs = expand(ExperimentSpec.model_validate(BASE | spec), Limits())
    assert len({pack_key(each.config) for each in runs}) == 1, "they may be one pack"
    return [(each.config, each.seed) for each in runs], datasets.load(runs[0].config.dataset)


def seen(result):
    """A result's bits, layer statistics with them, without the seconds."""
    metrics = result.metrics if isinstance(result, EpochResult) else {}
    return (
        {name: each.hex() for name, each in metrics.items() if name != "epoch_seconds"},
        result.statistics and repr(result.statistics.as_dict()),
    )


def trained(pack, *, at_pulse=None):
    """Each member's results, as bits."""
    found = {}
    for item in pack.run():
        if isinstance(item, Pulse):
            if at_pulse is not None:
                at_pulse(pack)
            continue
        for member, result in item.items():
            found.setdefault(member, []).append(seen(result))
    return found


@pytest.mark.parametrize("spec", VARIED.values(), ids=VARIED)
def test_a_run_gives_the_same_bits_alone_and_in_any_company(spec):
    runs, data = runs_of(spec)
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]
    some = [*range(len(runs))[::-2]]
    fewer = trained(PackedTraining([runs[each] for each in some], data, CPU))
    assert [fewer[at] for at in range(len(some))] == [packed[each] for each in some]


@pytest.mark.parametrize("spec", VARIED.values(), ids=VARIED)
def test_a_pack_computes_what_plain_trainings_compute(spec):
    """Up to rounding: other kernels, the same numbers."""
    runs, data = runs_of(spec)
    packed = {}
    for item in PackedTraining(runs, data, CPU).run():
        for member, result in {} if isinstance(item, Pulse) else item.items():
            packed.setdefault(member, []).append(result)
    for member, run in enumerate(runs):
        plain = [each for each in Training(*run, data, CPU).run() if not isinstance(each, Pulse)]
        for ours, theirs in zip(packed[member], plain, strict=True):
            assert type(ours) is type(theirs)
            if isinstance(ours, Start):
                assert ours.statistics == theirs.statistics
                continue
            assert ours.metrics.keys() == theirs.metrics.keys()
            for name in ours.metrics.keys() - {"epoch_seconds"}:
                assert ours.metrics[name] == pytest.approx(theirs.metrics[name], rel=2e-4, abs=1e-5)


def test_shapes_that_are_no_whole_vectors_change_nothing():
    spec = {"model": {"name": "mlp", "hidden_units": [33, 5]}, "batch_size": 44, "epochs": 1}
    functions = ["tanh", "sigmoid", "softplus", "elu"]
    runs, data = runs_of(spec | {"activation": functions, "seeds": [3]})
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


def test_a_member_goes_on_from_any_step_beside_members_at_others(monkeypatch):
    monkeypatch.setattr(trainer, "PULSE_SECONDS", 0.0)
    spec = {"optimizer": "adam", "normalization": "batch", "epochs": 3}
    runs, data = runs_of(spec | {"seeds": [3, 8, 13]})
    whole = PackedTraining(runs, data, CPU)
    states, places = {0: None, 1: None, 2: None}, {0: (1, 3), 1: (2, 1), 2: (2, 1)}

    def keep(pack):
        for member, place in places.items():
            if pack.members[member].step and place == (
                pack.members[member].epoch,
                pack.members[member].step,
            ):
                states[member] = states[member] or pack.members[member].state()

    uninterrupted = trained(whole, at_pulse=keep)
    resumed = PackedTraining(runs, data, CPU)
    for member, state in states.items():
        resumed.members[member].restore(state)
    results = trained(resumed)
    for member, (epoch, _) in places.items():
        assert results[member] == uninterrupted[member][epoch:], "the start is epoch 0"


def test_members_leave_without_a_trace_in_the_others(monkeypatch):
    monkeypatch.setattr(trainer, "PULSE_SECONDS", 0.0)
    runs, data = runs_of({"seeds": [3, 8, 13], "normalization": "batch"})
    together = trained(PackedTraining(runs, data, CPU))

    def leave(pack):
        if pack.members[1].epoch == 2:
            pack.leave(1)

    left = trained(PackedTraining(runs, data, CPU), at_pulse=leave)
    assert left[0] == together[0]
    assert left[2] == together[2]
    assert left[1] == together[1][:2], "the start and the first epoch"


def test_a_diverging_member_ends_alone():
    optimizers = [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 1e3)]
    runs, data = runs_of({"optimizer": optimizers, "activation": "identity", "epochs": 3})
    packed = trained(PackedTraining(runs, data, CPU))
    assert [len(packed[each]) for each in range(4)] == [4, 4, 2, 2]
    assert not all(math.isfinite(float.fromhex(packed[2][1][0][n])) for n in ("loss", "val_loss"))
    assert packed[0] == trained(PackedTraining(runs[:1], data, CPU))[0]


def test_the_time_of_a_pack_is_shared_among_its_members():
    runs, data = runs_of({"seeds": 4, "layer_statistics": "off"})
    rounds = [each for each in PackedTraining(runs, data, CPU).run() if not isinstance(each, Pulse)]
    for each in rounds:
        seconds = {result.metrics["epoch_seconds"] for result in each.values()}
        assert len(seconds) == 1
        assert 0 < seconds.pop() < 1


_SHORT_OF_MEMORY = """
import resource, sys, torch
from tests.training.test_packs import PackedTraining, CPU, runs_of, trained
torch.set_num_threads(1)
spec = {"model": {"name": "mlp", "hidden_units": [2000, 4]}, "batch_size": 1600, "seeds": 8,
        "layer_statistics": "off", "dataset": {"name": "moons", "train_size": 1600}}
runs, data = runs_of(spec)
enough = trained(PackedTraining(runs, data, CPU))
pack = PackedTraining(runs, data, CPU)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 250 * 2**20, resource.RLIM_INFINITY))
assert trained(pack) == enough
print(pack.width)
"""


def test_out_of_memory_splits_the_pack_and_goes_on():
    """Eight members take 100 MB a tensor of z-values; the process gets 250 MB more."""
    done = subprocess.run(
        [sys.executable, "-c", _SHORT_OF_MEMORY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8


CNN = {
    "dataset": {"name": "mnist", "train_size": 48, "test_size": 16},
    "model": {"name": "mnist_cnn", "channels": [4, 6], "units": [8]},
    "activation": ["relu", "gelu", "tanh"],
    "dropout": {"name": "dropout", "rate": [0.1, 0.4]},
    "clipping": {"name": "value", "threshold": 0.1},
    "optimizer": "adam",
    "seeds": [3],
}
# Adam makes steps of the rounding errors that are the gradients of a normalized layer's biases.
_BY_SGD = {"optimizer": {"name": "sgd", "learning_rate": 0.05}}
CNNS = {
    "activations": {},
    "maxout": {"activation": {"name": "maxout"}, "dropout": "none"},
    "prelu": {"activation": "prelu", "dropout": "none"},
    "batch norm": _BY_SGD | {"normalization": "batch"},
    "layer norm": _BY_SGD | {"normalization": "layer"},
    "instance norm": _BY_SGD | {"normalization": "instance"},
    "group norm": _BY_SGD | {"normalization": {"name": "group", "groups": 2}},
    "switchable norm": _BY_SGD | {"normalization": "switchable"},
}


@pytest.mark.parametrize("spec", CNNS.values(), ids=CNNS)
def test_convolutions_side_by_side_compute_what_plain_ones_do(spec):
    runs, data = runs_of(CNN | spec)
    rounds = [e for e in PackedTraining(runs, data, CPU).run() if not isinstance(e, Pulse)]
    for member, run in enumerate(runs):
        plain = [each for each in Training(*run, data, CPU).run() if isinstance(each, EpochResult)]
        for ours, theirs in zip(rounds[1:], plain, strict=True):
            found = ours[member].metrics | {"epoch_seconds": theirs.metrics["epoch_seconds"]}
            assert found == pytest.approx(theirs.metrics, rel=1e-3, abs=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    "spec", [{}, CNN, CNN | {"normalization": "batch"}], ids=["mlp", "cnn", "normalized"]
)
def test_a_recorded_step_is_the_step(spec, monkeypatch):
    runs, data = runs_of(spec)
    cuda = torch.device("cuda")
    replayed = trained(PackedTraining(runs, data, cuda))
    monkeypatch.setattr(PackedStep, "train", PackedStep._take)
    assert trained(PackedTraining(runs, data, cuda)) == replayed


def split_mix(key, count):
    """SplitMix64 as Steele, Lea & Flood 2014 print it, in whole numbers; 16 bits at a time."""
    words, state = [], key
    while len(words) < count:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
        words += [z >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
    return words[:count]


def test_words_drawn_on_a_device_are_split_mix():
    keys = [1, 2**63 - 1, 12345678901234567890]
    signed = torch.tensor([key - 2**64 if key >= 2**63 else key for key in keys])
    found = device_words(signed, 30).numpy().view("uint16").tolist()
    assert found == [split_mix(key, 30) for key in keys]
