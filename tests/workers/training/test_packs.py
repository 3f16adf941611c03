"""Packs: what a run computes does not depend on the runs beside it."""

import gc
import math
import time
import weakref
from itertools import islice

import pytest
import torch

from tests.support.packed_training import CPU, VARIED, runs_of, trained
from workers.nn.packed.dropouts import device_words
from workers.training import solo
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse, StartResult
from workers.training.solo import SoloTraining

#: Three runs of three steps an epoch.
_PROBED = {"seeds": [3, 8, 13], "layer_statistics": {"every": 1, "samples": 20}}


@pytest.mark.parametrize("spec", VARIED.values(), ids=VARIED)
def test_a_run_gives_the_same_bits_alone_and_in_any_company(spec):
    runs, data = runs_of(spec)
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]
    some = [*range(len(runs))[::-2]]
    fewer = trained(PackedTraining([runs[member] for member in some], data, CPU))
    assert [fewer[at] for at in range(len(some))] == [packed[member] for member in some]


@pytest.mark.parametrize("spec", VARIED.values(), ids=VARIED)
def test_a_pack_computes_what_plain_trainings_compute(spec):
    """Up to rounding: other kernels, the same numbers."""
    runs, data = runs_of(spec)
    packed = {}
    for item in PackedTraining(runs, data, CPU).run():
        for member, result in {} if isinstance(item, Pulse) else item.items():
            packed.setdefault(member, []).append(result)
    for member, run in enumerate(runs):
        plain = [
            item for item in SoloTraining(*run, data, CPU).run() if not isinstance(item, Pulse)
        ]
        for ours, theirs in zip(packed[member], plain, strict=True):
            assert type(ours) is type(theirs)
            if isinstance(ours, StartResult):
                assert ours.statistics == theirs.statistics
                continue
            assert ours.metrics.keys() == theirs.metrics.keys()
            for name in ours.metrics.keys() - {"epoch_seconds"}:
                # Of two logits that tie, rounding makes either the larger: one sample is free.
                near = 1 / 30 if name.endswith("accuracy") else 1e-5
                assert ours.metrics[name] == pytest.approx(theirs.metrics[name], rel=2e-4, abs=near)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("relu", "maximum(x, 0)"),
        ("elu", "where(x > 0, x, exp(x) - 1)"),
        ("silu", "x * sigmoid(x)"),
        ("gelu", "x * (1 + erf(x / sqrt(2))) / 2"),
    ],
)
def test_a_formula_trains_as_the_entry_it_imitates(entry, text):
    formula = {"name": "formula", "expression": text}
    spec = {"activation": [entry, formula], "initializer": "he_normal", "seeds": [3]}
    runs, data = runs_of(spec)
    results = [item for item in PackedTraining(runs, data, CPU).run() if isinstance(item, dict)]
    assert results
    for one in results:
        ours, theirs = one[1], one[0]
        if not isinstance(ours, StartResult):
            assert ours.metrics["loss"] == pytest.approx(theirs.metrics["loss"], rel=1e-6)
            assert ours.metrics["val_loss"] == pytest.approx(theirs.metrics["val_loss"], rel=1e-6)


@pytest.mark.parametrize("normalization", ["none", "weight"])
def test_shapes_that_are_no_whole_vectors_change_nothing(normalization):
    spec = {"model": {"name": "mlp", "hidden_units": [33, 5]}, "batch_size": 44, "epochs": 1}
    spec |= {"normalization": normalization}
    functions = ["tanh", "sigmoid", "softplus", "elu"]
    runs, data = runs_of(spec | {"activation": functions, "seeds": [3]})
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in enumerate(runs):
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


def test_starts_are_told_together_after_some_steps():
    """One member is probed after each step, and as it would be in a pack that takes no step."""
    told = []
    for epochs in (2, 0):
        runs, data = runs_of(_PROBED | {"epochs": epochs})
        pack = PackedTraining(runs, data, CPU)
        starts = next(item for item in pack.run() if not isinstance(item, Pulse))
        assert pack.members[0].step == (3 if epochs else 0)
        told.append({member: repr(start.statistics.layers) for member, start in starts.items()})
    assert told[0].keys() == {0, 1, 2}
    assert told[0] == told[1]


@pytest.mark.parametrize("after", range(4))
def test_starts_that_are_left_are_told_after_a_resume(after, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    runs, data = runs_of(_PROBED)
    uninterrupted = trained(PackedTraining(runs, data, CPU))
    stopped, resumed = PackedTraining(runs, data, CPU), PackedTraining(runs, data, CPU)
    passed = [item for item in islice(stopped.run(), after + 1) if not isinstance(item, Pulse)]
    for ours, theirs in zip(stopped.members, resumed.members, strict=True):
        theirs.restore(ours.state())
    results = trained(resumed)
    for member, expected in uninterrupted.items():
        assert results[member] == expected[len(passed) :]


def test_a_member_goes_on_from_any_step_beside_members_at_others(monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    spec = {"optimizer": "adam", "normalization": "batch", "epochs": 3}
    runs, data = runs_of(spec | {"seeds": [3, 8, 13]})
    whole = PackedTraining(runs, data, CPU)
    states, places = {0: None, 1: None, 2: None}, {0: (1, 2), 1: (2, 1), 2: (2, 1)}

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
        assert results[member] == uninterrupted[member][epoch - 1 :]


def test_a_diverging_member_ends_alone():
    optimizers = [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 1e3)]
    runs, data = runs_of({"optimizer": optimizers, "activation": "identity", "epochs": 3})
    packed = trained(PackedTraining(runs, data, CPU))
    assert [len(packed[member]) for member in range(4)] == [3, 3, 1, 1]
    assert not all(math.isfinite(float.fromhex(packed[2][0][0][n])) for n in ("loss", "val_loss"))
    assert packed[0] == trained(PackedTraining(runs[:1], data, CPU))[0]


def test_the_time_of_a_pack_is_shared_among_its_members():
    runs, data = runs_of({"seeds": 4})
    began = time.monotonic()
    items = list(PackedTraining(runs, data, CPU).run())
    wall_seconds = time.monotonic() - began
    epochs = [
        {result.metrics["epoch_seconds"] for result in item.values()}
        for item in items
        if not isinstance(item, Pulse)
    ]
    assert all(len(seconds) == 1 for seconds in epochs)
    assert 0 < sum(4 * seconds.pop() for seconds in epochs) <= wall_seconds


def test_the_memory_of_a_pack_is_free_with_its_end():
    """At once, not when Python next looks for cycles: the next pack is made to fit what is free."""
    runs, data = runs_of({"epochs": 1})
    gc.disable()
    try:
        pack = PackedTraining(runs, data, CPU)
        trained(pack)
        found = weakref.ref(pack)
        del pack
        assert found() is None
    finally:
        gc.enable()


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
