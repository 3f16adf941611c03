"""Schedules at known points, and their properties between them."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workers.nn.schedules import SCHEDULES

PROVED = {"constant", "step", "cosine", "warmup", "one_cycle", "reduce_on_plateau"}


def factors(name, total=10, epoch=6, **parameters):
    """The factors of a whole training."""
    schedule = SCHEDULES[name](**parameters)
    return [schedule(taken, total * epoch, epoch) for taken in range(total * epoch)]


def test_every_schedule_is_proved_here():
    assert set(SCHEDULES) == PROVED


def test_constant_is_one():
    assert set(factors("constant")) == {1.0}


def test_a_plateau_is_no_matter_of_the_schedule():
    parameters = {"metric": "val_loss", "factor": 0.1, "patience": 2, "min_delta": 0.0}
    assert set(factors("reduce_on_plateau", cooldown=0, least=0.0, **parameters)) == {1.0}


def test_step_drops_at_the_first_step_of_an_epoch():
    found = factors("step", total=7, epoch=4, every=3, factor=0.5)
    assert found == [1.0] * 12 + [0.5] * 12 + [0.25] * 4


@pytest.mark.parametrize("every", [1, 3])
def test_step_is_torchs_step_lr(every):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    own = torch.optim.lr_scheduler.StepLR(optimizer, every, 0.3)
    for found in factors("step", total=8, epoch=1, every=every, factor=0.3):
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        optimizer.step()
        own.step()


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine_is_torchs_annealing(final):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    own = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60, eta_min=final)
    for found in factors("cosine", final=final):
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        own.step()


def test_cosine_at_known_points():
    found = factors("cosine", final=0.2)
    assert found[0] == 1
    assert found[20] == pytest.approx(0.2 + 0.8 * 0.75)
    assert found[30] == pytest.approx(0.6)
    assert found[40] == pytest.approx(0.2 + 0.8 * 0.25)


@pytest.mark.parametrize("then", ["constant", "cosine"])
def test_warmup_rises_in_equal_steps_and_is_whole_at_its_last(then):
    found = factors("warmup", total=4, epoch=6, epochs=2.0, then=then)
    assert found[:12] == pytest.approx([(1 + step) / 12 for step in range(12)])
    if then == "constant":
        assert found[12:] == [1.0] * 12
    else:
        expected = [(1 + math.cos(math.pi * step / 12)) / 2 for step in range(12)]
        assert found[12:] == pytest.approx(expected)


def test_warmup_of_part_of_an_epoch():
    found = factors("warmup", total=2, epoch=8, epochs=0.5, then="constant")
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0] + [1.0] * 12)


def test_a_training_shorter_than_its_warmup_ends_on_the_way_up():
    found = factors("warmup", total=1, epoch=4, epochs=2.0, then="cosine")
    assert found == pytest.approx([1 / 8, 2 / 8, 3 / 8, 4 / 8])


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("rise", [0.1, 0.3, 0.75])
def test_one_cycle_is_torchs(shape, rise):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    own = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=60,
        pct_start=rise,
        anneal_strategy={"cosine": "cos", "linear": "linear"}[shape],
        cycle_momentum=False,
        div_factor=25,
        final_div_factor=1e4,
    )
    found = factors("one_cycle", rise=rise, start=1 / 25, final=4e-6, shape=shape)
    for number, factor in enumerate(found):
        assert factor == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        if number < 59:
            own.step()


def test_one_cycle_of_a_single_step_has_a_rate():
    (found,) = factors("one_cycle", 1, 1, rise=0.3, start=0.04, final=0.01, shape="cosine")
    assert 0 < found <= 1


EPOCHS, STEPS = st.integers(1, 12), st.integers(1, 40)


@given(EPOCHS, STEPS, st.floats(0, 1))
def test_cosine_falls_from_one_towards_its_end(epochs, epoch, final):
    found = factors("cosine", epochs, epoch, final=final)
    assert found[0] == 1
    assert all(later <= sooner for sooner, later in itertools.pairwise(found))
    assert min(found) >= final - 1e-12


@given(EPOCHS, STEPS, st.floats(0.01, 20), st.sampled_from(["constant", "cosine"]))
def test_warmup_rises_then_never_rises_again_and_does_not_jump(epochs, epoch, warm, then):
    found = factors("warmup", epochs, epoch, epochs=warm, then=then)
    assert all(0 < factor <= 1 for factor in found[:-1])
    assert 0 <= found[-1] <= 1
    top = found.index(max(found))
    assert top <= warm * epoch
    pairs = list(itertools.pairwise(found))
    assert all(later >= sooner for sooner, later in pairs[:top])
    assert all(later <= sooner for sooner, later in pairs[top:])
    fall = math.pi / 2 / max(epochs * epoch - warm * epoch, 1e-9)
    steepest = max(1 / max(warm * epoch, 1), fall)
    assert all(abs(later - sooner) <= steepest + 1e-9 for sooner, later in pairs)
