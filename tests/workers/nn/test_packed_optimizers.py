"""The optimizers of a pack where squares of gradients are too small for float32."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from service.specs.choices import choice
from workers.nn.packed.optimizers import PACKED_OPTIMIZERS, OptimizerRows

CPU = torch.device("cpu")
ROOTED = ["adam", "adamw", "nadam", "rmsprop", "adagrad"]

#: Their squares are zero, subnormal, about the smallest normal number, and ordinary.
GRADIENTS = torch.tensor(
    [0.0, 1e-30, 3e-22, 1e-20, 1.08e-19, 1.09e-19, 2e-19, 5e-18, 1e-16, 1e-9, 1e-4, 0.3, -1e-20]
).repeat(16)


def numbers_of(name: str, **own: float) -> dict[str, Any]:
    """Return an optimizer's parameters, the defaults where none are given; sums begin at zero."""
    from_zero = {"initial_accumulator": 0.0} if name == "adagrad" else {}
    return choice("optimizer", {"name": name, **from_zero, **own}).parameters


def stepped(name: str, members: Sequence[dict[str, Any]], gradients: Tensor) -> list[Tensor]:
    """Return each member's parameters after three steps from zero with the same gradients."""
    rows, width = len(members), len(gradients)
    optimizer = PACKED_OPTIMIZERS[name](members, CPU)
    parameters = torch.zeros(rows, width)
    slots = {slot: torch.zeros(rows, width) for slot in optimizer.slots}
    for taken in range(3):
        rates = torch.tensor(optimizer.rates([1.0] * rows, [taken] * rows)).unbind()
        again = gradients.repeat(rows, 1)
        scratch = torch.empty(rows, width)
        optimizer.step(OptimizerRows(parameters, again, slots, rates, scratch))
    return list(parameters)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-8, 1e-3])
@pytest.mark.parametrize("name", ROOTED)
def test_no_bit_depends_on_whether_a_neighbour_needs_the_smallest_roots(
    name: str, epsilon: float
) -> None:
    usual, exact = numbers_of(name, epsilon=epsilon), numbers_of(name, epsilon=1e-30)
    alone = stepped(name, [usual], GRADIENTS)[0]
    beside = stepped(name, [usual, exact], GRADIENTS)[0]
    assert torch.equal(alone.view(torch.int32), beside.view(torch.int32))


@pytest.mark.parametrize("name", ROOTED)
def test_a_small_epsilon_is_divided_by_where_squares_vanish(name: str) -> None:
    # The square of 1e-25 is zero in float32, so epsilon alone divides.
    gradients = torch.full((16,), 1e-25)
    (parameters,) = stepped(name, [numbers_of(name, epsilon=1e-24)], gradients)
    assert (parameters < -0.1).all()


@pytest.mark.parametrize("beta_2", [0.0, 0.9, 0.999999, 1 - 2.0**-40])
def test_adam_divides_by_epsilon_where_beta_2_enlarges_what_squares_are_left(beta_2: float) -> None:
    gradients = torch.full((16,), 1e-25)
    members = [numbers_of("adam", beta_2=beta_2, epsilon=1e-12)]
    (parameters,) = stepped("adam", members, gradients)
    assert torch.allclose(parameters, torch.full((16,), -3e-13), rtol=1e-5, atol=0)
