"""Random streams: functions of seed, purpose and coordinates only."""

import pytest
import torch

from workers.nn.dropouts import DROPOUTS
from workers.training.streams import Streams, stream_key


def test_every_place_has_a_key_of_its_own():
    keys = [
        stream_key(seed, purpose, *coordinates)
        for seed in (0, 1, 2**53 - 1)
        for purpose in ("initialization", "order", "dropout")
        for coordinates in [
            (),
            (1,),
            (1, 1),
            (11,),
            (1, 1, "dropout_1"),
            ("1",),
            ("conv_1.weight",),
        ]
    ]
    assert len(set(keys)) == len(keys)
    assert max(keys) < 2**128


def test_an_order_is_a_permutation_of_its_seed_and_epoch():
    order = Streams(3).order(2, 1000)
    assert torch.equal(order.sort().values, torch.arange(1000))
    assert torch.equal(order, Streams(3).order(2, 1000))
    assert not torch.equal(order, Streams(3).order(1, 1000))
    assert not torch.equal(order, Streams(4).order(2, 1000))


def test_dropout_keys_differ_by_epoch_step_and_layer():
    keys = {
        Streams(0).dropout(epoch, step)(site)
        for epoch in (1, 2)
        for step in (0, 1)
        for site in ("dropout_1", "dropout_2")
    }
    assert len(keys) == 8


def test_what_is_drawn_stays_what_it_is():
    """Histories are compared over years: who changes this raises the SCIENCE_VERSION."""
    streams = Streams(0)
    assert stream_key(0, "order", 1) == 293834361482174541947834158513108219163
    assert streams.order(1, 60_000)[:5].tolist() == [25506, 36930, 37967, 34319, 30294]
    weights = streams.initialization("conv_1.weight")
    assert weights.uniform(-1, 1, 2) == pytest.approx([-0.300970678362, -0.275667908115], abs=1e-11)
    assert weights.standard_normal(2) == pytest.approx([0.189937506066, -0.288313221809], abs=1e-11)
    kept = DROPOUTS["dropout"](rate=[0.5])(0)(torch.ones(16), streams.dropout(1, 0)) != 0
    assert kept.int().tolist() == [1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0]
