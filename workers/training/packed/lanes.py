"""Lanes: the members of a pack that are at the same step, with their rows."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from workers.training.packed.rows import SUMS


@dataclass(eq=False)
class Lane:
    """Members side by side: row i of every tensor is member i's.

    Torch multiplies a batch of one matrix by another kernel, which gives other last bits. So a lone
    member has a copy of its row in a second row, which is computed and never read.

    Attributes:
        members: by their numbers in the pack.
        rows: what a step changes, by name (``packed.rows``): parameters and the optimizer's slots
            (rows, width), running statistics (rows, features), sums (rows, metrics).
        step: the next one to take, of the epoch.
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
        """Return a lane of its own for some of the members, with copies of their rows."""
        taken = type(self)(list(members), {}, self.step, self.seconds)
        places = torch.tensor([self.members.index(number) for number in taken.numbers])
        taken.rows = {
            name: rows.index_select(0, places.to(rows.device)) for name, rows in self.rows.items()
        }
        return taken

    def halves(self) -> tuple[Self, Self]:
        """Return two lanes that share the members."""
        middle = (len(self.members) + 1) // 2
        return self.taken(self.members[:middle]), self.taken(self.members[middle:])

    def state(self, member: int) -> dict[str, Tensor]:
        """Return copies of one member's rows on the CPU."""
        place = self.members.index(member)
        return {name: rows[place].detach().cpu().clone() for name, rows in self.rows.items()}

    def put(self, rows: Mapping[str, Tensor], step: int, seconds: float) -> None:
        """Set a lone member to a step of an epoch, with the rows and the seconds it had there."""
        for name, both in self.rows.items():
            both.copy_(rows[name].expand_as(both))
        self.step, self.seconds = step, seconds

    def begin_epoch(self) -> None:
        """Go to the first step of an epoch."""
        self.rows[SUMS].zero_()
        self.step, self.seconds = 0, 0.0


def lane_of_one(member: int, rows: Mapping[str, Tensor], device: torch.device) -> Lane:
    """Return a lane for one member, on a device."""
    both = {name: torch.stack([row] * 2).to(device) for name, row in rows.items()}
    return Lane([member], both)


def joined(lanes: Sequence[Lane]) -> Lane:
    """Return one lane with the members of all; they are at one step."""
    if len(lanes) == 1:
        return lanes[0]
    members = [member for lane in lanes for member in lane.members]
    rows = {
        name: torch.cat([lane.rows[name][: len(lane.members)] for lane in lanes])
        for name in lanes[0].rows
    }
    seconds = sum(lane.seconds * len(lane.members) for lane in lanes) / len(members)
    return Lane(members, rows, lanes[0].step, seconds)


class Lanes:
    """The lanes of a pack. Each member that is still trained is in one of them.

    Args:
        lanes: one of each member.
        width: most members of a lane; halved where memory runs out.
    """

    def __init__(self, lanes: Sequence[Lane], width: int) -> None:
        self._lanes = list(lanes)
        self.width = width

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def members(self) -> list[int]:
        """The numbers of the members that are still trained."""
        return [member for lane in self._lanes for member in lane.members]

    def of(self, member: int) -> Lane:
        """Return the lane a member is in.

        Raises:
            LookupError: the member has left.
        """
        for lane in self._lanes:
            if member in lane.members:
                return lane
        raise LookupError(f"Member {member} has left the pack.")

    def leave(self, members: Collection[int]) -> None:
        """Take members out; a lane that had others is replaced by one with these."""
        lanes = []
        for lane in self._lanes:
            rest = [number for number in lane.members if number not in members]
            if rest:
                lanes.append(lane if rest == lane.members else lane.taken(rest))
        self._lanes = lanes

    def halve(self, lane: Lane) -> tuple[Lane, Lane]:
        """Replace a lane that the memory was too small for by two, and return these."""
        halves = lane.halves()
        self.width = len(halves[0].members)
        if lane in self._lanes:
            place = self._lanes.index(lane)
            self._lanes[place : place + 1] = halves
        return halves

    def arrange(self, kind: Callable[[int], Any]) -> None:
        """Join lanes at one step as far as ``width`` allows, members of equal kind side by side."""
        if len(self._lanes) == -(-len(self.members) // self.width):
            return
        arranged = []
        for step in sorted({lane.step for lane in self._lanes}):
            whole = joined([lane for lane in self._lanes if lane.step == step])
            members = sorted(whole.members, key=lambda member: (kind(member), member))
            arranged += [
                whole.taken(members[start : start + self.width])
                for start in range(0, len(members), self.width)
            ]
        self._lanes = arranged
