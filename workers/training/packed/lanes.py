"""Lanes: members of a pack that stand at one step, and all that training has made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from workers.training.packed.step import SUMS


@dataclass(eq=False)
class Lane:
    """Members side by side: row i of every tensor is member i's.

    Torch takes another kernel for a batch of one matrix, with other last bits. So a lone member
    has a twin in a second row, which is computed and not looked at.

    Attributes:
        members: which ones, by their number in the pack.
        rows: the state that a step changes, by name: ``parameters`` and the optimizer's slots
            (rows, width), running statistics (rows, features), ``sums`` (rows, metrics).
        step: of the epoch, the next to take.
        seconds: each member's share of the time that the epoch has taken so far.
    """

    members: list[int]
    rows: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0

    @property
    def numbers(self) -> list[int]:
        """The member that each row belongs to."""
        return self.members * 2 if len(self.members) == 1 else self.members

    def taken(self, members: Sequence[int]) -> Self:
        """Copy some of the members into a lane of their own."""
        taken = type(self)(list(members), {}, self.step, self.seconds)
        places = torch.tensor([self.members.index(each) for each in taken.numbers])
        taken.rows = {
            name: each.index_select(0, places.to(each.device)) for name, each in self.rows.items()
        }
        return taken

    def halves(self) -> tuple[Self, Self]:
        """Split the lane in two."""
        middle = (len(self.members) + 1) // 2
        return self.taken(self.members[:middle]), self.taken(self.members[middle:])

    def state(self, member: int) -> dict[str, Tensor]:
        """Copy one member's rows to the CPU."""
        at = self.members.index(member)
        return {name: each[at].detach().cpu().clone() for name, each in self.rows.items()}

    def put(self, rows: Mapping[str, Tensor], step: int, seconds: float) -> None:
        """Put a lone member at a step, with the rows it had there."""
        for name, each in self.rows.items():
            each.copy_(rows[name].expand_as(each))
        self.step, self.seconds = step, seconds

    def begin_epoch(self) -> None:
        """Stand before the first step of an epoch."""
        self.rows[SUMS].zero_()
        self.step, self.seconds = 0, 0.0


def lane_of_one(member: int, rows: Mapping[str, Tensor], device: torch.device) -> Lane:
    """Give a member a lane of its own on a device."""
    return Lane([member], {name: torch.stack([each] * 2).to(device) for name, each in rows.items()})


def lane_of(member: int, lanes: Sequence[Lane]) -> Lane:
    """Give the lane a member is in.

    Raises:
        LookupError: it has left.
    """
    for lane in lanes:
        if member in lane.members:
            return lane
    raise LookupError(f"Member {member} has left the pack.")


def joined(lanes: Sequence[Lane]) -> Lane:
    """Put lanes that stand at one step side by side."""
    if len(lanes) == 1:
        return lanes[0]
    members = [each for lane in lanes for each in lane.members]
    rows = {
        name: torch.cat([lane.rows[name][: len(lane.members)] for lane in lanes])
        for name in lanes[0].rows
    }
    seconds = sum(each.seconds * len(each.members) for each in lanes) / len(members)
    return Lane(members, rows, lanes[0].step, seconds)
