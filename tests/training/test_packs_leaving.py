"""Members leave a pack at any moment, and memory runs out at any: the others lose nothing."""

import pytest
import torch

from tests.training.test_packs import CPU, runs_of, seen, trained
from workers.training import trainer
from workers.training.packed_step import PackedStep
from workers.training.packs import PackedTraining
from workers.training.results import Pulse

#: Statistics before the first step and after each epoch, pulses between all of them.
_WATCHED = {
    "seeds": 4,
    "epochs": 2,
    "batch_size": 50,
    "dataset": {"name": "digits", "train_size": 100, "test_size": 60},
    "layer_statistics": {"every": 1, "samples": 20},
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def until_left(pack, moment, leaving):
    """Train; at that result or pulse some leave. Gives what each told until its end."""
    told = {member: [] for member in range(len(pack.members))}
    for number, event in enumerate(pack.run()):
        if not isinstance(event, Pulse):
            for member, result in event.items():
                told[member].append(seen(result))
        if number == moment:
            for member in leaving:
                pack.leave(member)
    return told


@pytest.mark.parametrize("leaving", [[0], [2], [3], [1, 2], [0, 1, 2, 3]])
def test_whoever_leaves_at_whatever_moment_the_others_stay_as_they_are(leaving, monkeypatch):
    monkeypatch.setattr(trainer, "PULSE_SECONDS", 0.0)
    runs, data = runs_of(_WATCHED)
    moments = sum(1 for _ in PackedTraining(runs, data, CPU).run())
    assert moments > 10
    together = trained(PackedTraining(runs, data, CPU))
    for moment in range(moments):
        told = until_left(PackedTraining(runs, data, CPU), moment, leaving)
        for member in range(4):
            if member in leaving:
                assert told[member] == together[member][: len(told[member])]
            else:
                assert told[member] == together[member], f"{member} at {moment}"


@pytest.mark.parametrize("epoch", [1, 2])
def test_memory_that_is_too_small_for_an_evaluation_splits_the_pack(epoch, monkeypatch):
    runs, data = runs_of(_WATCHED)
    together = trained(PackedTraining(runs, data, CPU))
    pack, evaluate = PackedTraining(runs, data, CPU), PackedStep.evaluate

    def in_little_memory(self, rows, part, chunk):
        if pack.members[0].epoch == epoch and len(rows["parameters"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return evaluate(self, rows, part, chunk)

    monkeypatch.setattr(PackedStep, "evaluate", in_little_memory)
    assert trained(pack) == together
    assert pack.width == 2


def test_a_member_that_has_left_is_in_no_lane():
    runs, data = runs_of(_WATCHED)
    pack = PackedTraining(runs, data, CPU)
    pack.leave(1)
    with pytest.raises(LookupError, match="Member 1 has left"):
        pack.lane_of(1)
