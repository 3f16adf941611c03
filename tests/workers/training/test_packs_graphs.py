"""A pack's step as a CUDA graph: what a recording requires of it, tested also without CUDA."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.support.packed_training import CNNS, CPU, VARIED, runs_of, trained
from workers.nn.names import below
from workers.training.packed.step import PackedStep
from workers.training.packed.training import PackedTraining

#: Tensors without values: whoever reads a number of one gets an error.
META = torch.device("meta")

KINDS = VARIED | {f"convolutions, {kind}": spec for kind, spec in CNNS.items()}


class NothingFromTheHost(TorchDispatchMode):
    """Lets no tensor into an operation, or out of one, that is not on the device."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        for leave in tree_leaves((args, kwargs, found)):
            if isinstance(leave, torch.Tensor):
                assert leave.device == META, f"{operation} has a tensor on the {leave.device}"
        return found


@pytest.mark.parametrize("spec", KINDS.values(), ids=KINDS)
def test_a_step_reads_nothing_back_and_brings_nothing_in(spec):
    """A replay is deaf to both: it repeats what the recording launched, on the same memory."""
    runs, data = runs_of(spec)
    members = PackedTraining(runs, data, CPU).members
    states = [below("rows.", member.state()) for member in members]
    rows = {name: torch.stack([state[name] for state in states]).to(META) for name in states[0]}
    step = PackedStep([member.recipe for member in members], data.to(META), META)
    samples = torch.zeros(len(runs), 7, dtype=torch.int64, device=META)
    inputs = step.inputs([1] * len(runs), 0, samples)
    with NothingFromTheHost():
        step.train(rows, inputs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("spec", [{}, *CNNS.values()], ids=["mlp", *CNNS])
def test_a_recorded_step_is_the_step(spec, monkeypatch):
    runs, data = runs_of(spec)
    cuda = torch.device("cuda")
    replayed = trained(PackedTraining(runs, data, cuda))
    monkeypatch.setattr(PackedStep, "train", PackedStep.take)
    assert trained(PackedTraining(runs, data, cuda)) == replayed
