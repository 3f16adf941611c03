"""Members leave a pack, or memory runs out, at any moment: the others lose nothing."""

import os
import subprocess
import sys

import pytest
import torch

from tests.support.packed_training import CNNS, CPU, bits_of, runs_of, seen_with_weights, trained
from workers.training import solo
from workers.training.packed import step
from workers.training.packed.step import PackedStep
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse

#: Statistics before the first step and after each epoch, pulses between all of them.
_WATCHED = {
    "model": {"name": "mlp", "hidden_units": [4]},
    "normalization": "batch",
    "seeds": 3,
    "epochs": 2,
    "batch_size": 50,
    "dataset": {"name": "digits", "train_size": 100, "test_size": 30},
    "layer_statistics": {"every": 1, "samples": 20},
}


def until_left(pack, moment, leaving):
    """Train; some members leave at a result or pulse. Return the results of each."""
    results = {member: [] for member in range(len(pack.members))}
    for number, event in enumerate(pack.run()):
        if not isinstance(event, Pulse):
            for member, result in event.items():
                results[member].append(seen_with_weights(pack, member, result))
        if number == moment:
            pack.leave(*leaving)
    return results


@pytest.mark.parametrize("leaving", [[0], [2], [0, 1], [0, 1, 2]])
def test_whoever_leaves_at_whatever_moment_the_others_stay_as_they_are(leaving, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    runs, data = runs_of(_WATCHED)
    moments = sum(1 for _ in PackedTraining(runs, data, CPU).run())
    assert moments > 10
    together = trained(PackedTraining(runs, data, CPU))
    for moment in range(moments):
        results = until_left(PackedTraining(runs, data, CPU), moment, leaving)
        for member in range(len(runs)):
            if member in leaving:
                assert results[member] == together[member][: len(results[member])]
            else:
                assert results[member] == together[member], f"{member} at {moment}"


def test_a_member_that_has_left_has_no_state():
    runs, data = runs_of(_WATCHED)
    pack = PackedTraining(runs, data, CPU)
    pack.leave(1)
    with pytest.raises(LookupError, match="Member 1 has left"):
        pack.members[1].state()


def test_a_member_may_leave_before_the_first_step():
    runs, data = runs_of(_WATCHED)
    together = trained(PackedTraining(runs, data, CPU))
    pack = PackedTraining(runs, data, CPU)
    pack.leave(1)
    assert trained(pack) == {0: together[0], 2: together[2]}


@pytest.mark.parametrize("epoch", [1, 2])
def test_memory_that_is_too_small_for_an_evaluation_splits_the_pack(epoch, monkeypatch):
    runs, data = runs_of(_WATCHED | {"seeds": 4})
    together = trained(PackedTraining(runs, data, CPU))
    pack, evaluate = PackedTraining(runs, data, CPU), PackedStep.evaluate

    def in_little_memory(self, rows, part, chunk):
        if pack.members[0].epoch == epoch and len(rows["parameters"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return evaluate(self, rows, part, chunk)

    monkeypatch.setattr(PackedStep, "evaluate", in_little_memory)
    assert trained(pack) == together
    assert pack.width == 2


@pytest.mark.parametrize(
    "spec",
    [_WATCHED, CNNS["batch norm"], CNNS["switchable norm"]],
    ids=["mlp", "batch norm", "switchable norm"],
)
def test_a_step_without_enough_memory_leaves_everything_as_it_was(spec, monkeypatch):
    """Running statistics too, though the forward pass that moves them is over by then."""

    def too_small(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(step, "packed_clipping", lambda *_: too_small)
    runs, data = runs_of(spec | {"layer_statistics": "off"})
    pack = PackedTraining(runs[:1], data, CPU)
    before = bits_of(pack.members[0].state())
    with pytest.raises(torch.OutOfMemoryError):  # there is nothing to split
        trained(pack)
    assert bits_of(pack.members[0].state()) == before


_SHORT_OF_MEMORY = """
import resource, torch
from tests.support.packed_training import CPU, PackedTraining, runs_of, trained
torch.set_num_threads(1)

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

spec = {"model": {"name": "mlp", "hidden_units": [1500, 4]}, "batch_size": 1000, "seeds": 8,
        "epochs": 1, "dataset": {"name": "moons", "train_size": 1000, "test_size": 30}}
runs, data = runs_of(spec)
alone = trained(PackedTraining(runs[-1:], data, CPU))
before = memory("VmSize")
whole = PackedTraining(runs, data, CPU)
trained(whole)
assert whole.width == 8
needed = memory("VmPeak") - before
assert needed > 96 * 10**6, needed
pack = PackedTraining(runs, data, CPU)
limit = memory("VmSize") + needed // 2
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
assert trained(pack)[7] == alone[0]
print(pack.width)
"""


def test_out_of_memory_splits_the_pack_and_goes_on():
    """Eight members get half of what they have been seen to need, on whatever processor.

    The z-values of the wide layer and their gradient take 48 MB each. A fixed threshold lets glibc
    give each tensor's memory back at once, so a step's need does not depend on those before.
    """
    done = subprocess.run(
        [sys.executable, "-c", _SHORT_OF_MEMORY],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(10**6)},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8
