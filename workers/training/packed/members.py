"""Members: the runs of a pack, each with a state of its own between two steps."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from workers.training.packed.lanes import Lane, lane_of
from workers.training.packed.step import Recipe, weights_of
from workers.training.probing import Probing

#: What a member's rows are called in its state.
_ROW = "rows."


class Member:
    """One run of a pack, and its whole state between two steps.

    The state is ``epoch`` (being trained, from 1 on), ``step`` (of the epoch, the next to take)
    and its rows, which lie in a lane of the pack.

    Args:
        number: its place in the pack, for good.
        recipe: what it trains by.
        probing: when its layer statistics are taken.
        lanes: of the pack, as they are at any time.
    """

    def __init__(
        self, number: int, recipe: Recipe, probing: Probing, lanes: Sequence[Lane]
    ) -> None:
        self.number = number
        self.recipe = recipe
        self.probing = probing
        self.kind = str(recipe.config.activation)
        self.epoch = 1
        self._lanes = lanes

    @property
    def step(self) -> int:
        """The next step to take, of the epoch."""
        return self._lane.step

    def weights(self) -> dict[str, Tensor]:
        """Copy the network's weights and running statistics, by their names in the network."""
        return weights_of(self.recipe, self._lane.state(self.number))

    def state(self) -> dict[str, Tensor]:
        """Copy the state: named, contiguous tensors on the CPU."""
        lane = self._lane
        progress = {
            "epoch": torch.tensor(self.epoch),
            "step": torch.tensor(lane.step),
            "seconds": torch.tensor(lane.seconds, dtype=torch.float64),
        }
        rows = {f"{_ROW}{name}": each for name, each in lane.state(self.number).items()}
        return {**progress, **rows}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up the state that a member of the same run gave; before the pack runs."""
        self.epoch = int(state["epoch"])
        rows = {
            name.removeprefix(_ROW): each for name, each in state.items() if name.startswith(_ROW)
        }
        self._lane.put(rows, int(state["step"]), float(state["seconds"]))

    @property
    def _lane(self) -> Lane:
        return lane_of(self.number, self._lanes)
