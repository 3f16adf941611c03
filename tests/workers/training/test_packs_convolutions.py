"""Packs of convolutional networks: each member's results are those of its plain training."""

import pytest
import torch
import torch.nn.functional as F

from tests.support.packed_training import CNNS, CPU, runs_of
from workers.nn.packed.networks import packed_network
from workers.training.assembly import build_network
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining
from workers.training.streams import Streams


def member_of(config, seed, data, place):
    """A member's network in float64, its normalizations as if they had been trained."""
    network = build_network(config, data, Streams(seed)).double()
    generator = torch.Generator().manual_seed(place)
    for name, tensor in network.state_dict().items():
        if name.startswith("normalization_"):
            tensor.add_(torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
    return network


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("spec", CNNS.values(), ids=CNNS)
def test_convolutions_side_by_side_compute_what_plain_ones_do(spec):
    """In float64, which leaves no room for more than rounding."""
    runs, data = runs_of(spec | {"dropout": "none"})
    members = [member_of(*run, data, place) for place, run in enumerate(runs)]
    pack = packed_network(members, [str(config.activation) for config, _ in runs], CPU)
    parameters = {
        name: torch.stack(
            [network.get_parameter(name).detach() for network in members]
        ).requires_grad_()
        for name, _ in members[0].named_parameters()
    }
    statistics = {
        name: torch.stack([member.get_buffer(name) for member in members])
        for name, _ in members[0].named_buffers()
    }
    before = {name: value.clone() for name, value in statistics.items()}
    inputs, labels = data.train.inputs[:7].double(), data.train.labels[:7]
    each_its_own = inputs.expand(len(runs), *inputs.shape)
    with torch.inference_mode():
        evaluated, unmoved = pack.forward(each_its_own, parameters, statistics, None)
    keys = torch.zeros(len(pack.sites), len(runs), 2, dtype=torch.int64)
    places = {name: torch.empty_like(tensor).detach() for name, tensor in parameters.items()}
    logits, moved = pack.forward(each_its_own, parameters, statistics, keys, places)
    losses = F.cross_entropy(logits.flatten(0, 1), labels.repeat(len(runs)), reduction="sum")
    found = torch.autograd.grad(losses, list(parameters.values()))
    gradients = dict(zip(parameters, found, strict=True))
    close(statistics, before)
    assert (unmoved.keys(), moved.keys()) == (set(), statistics.keys())
    for place, network in enumerate(members):
        close(evaluated[place], network.eval()(inputs))
        plain = network.train()(inputs)
        F.cross_entropy(plain, labels, reduction="sum").backward()
        close(logits[place], plain)
        close(
            {name: gradient[place] for name, gradient in gradients.items()},
            {name: tensor.grad for name, tensor in network.named_parameters()},
        )
        close({name: value[place] for name, value in moved.items()}, dict(network.named_buffers()))


@pytest.mark.parametrize("kind", ["activations", "batch norm", "bfloat16"])
def test_a_pack_of_convolutions_trains_as_plain_trainings_do(kind):
    runs, data = runs_of(CNNS[kind])
    rounds = [item for item in PackedTraining(runs, data, CPU).run() if not isinstance(item, Pulse)]
    for member, run in enumerate(runs):
        plain = [
            item for item in SoloTraining(*run, data, CPU).run() if isinstance(item, EpochResult)
        ]
        for ours, theirs in zip(rounds, plain, strict=True):
            found = ours[member].metrics | {"epoch_seconds": theirs.metrics["epoch_seconds"]}
            assert found == pytest.approx(theirs.metrics, rel=1e-3, abs=1e-5)
