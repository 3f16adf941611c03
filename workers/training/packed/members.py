"""Members: the runs of a pack, each with a state of its own between two steps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from workers.nn.names import below
from workers.training.packed.lanes import Lane, Lanes
from workers.training.packed.rows import Recipe, weights_in
from workers.training.probing import Probing
from workers.training.results import START_IS_LEFT

#: Prefix of a member's rows in its state.
_ROWS = "rows."


class PackMember:
    """One run of a pack, and its whole state between two steps.

    The state is ``epoch`` (the one being trained, from 1 on), ``step`` (the next to take, of the
    epoch), ``start_is_left`` (whether the statistics of its initial network are still to be told),
    the recipe's steering and the member's rows, which are in a lane of the pack.

    Args:
        number: its number in the pack, which never changes.
        recipe: what it is trained by.
        probing: when its layer statistics are taken.
        lanes: of the pack.
    """

    def __init__(self, number: int, recipe: Recipe, probing: Probing, lanes: Lanes) -> None:
        self.number = number
        self.recipe = recipe
        self.probing = probing
        self.kind = str(recipe.config.activation)
        self.epoch = 1
        self.start_is_left = False
        self._lanes = lanes

    @property
    def step(self) -> int:
        """The next step to take, of the epoch."""
        return self._lane.step

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights and running statistics, by their names in the network."""
        return weights_in(self._lane.state(self.number), self.recipe)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the state: named, contiguous tensors on the CPU."""
        lane = self._lane
        progress = {
            "epoch": torch.tensor(self.epoch),
            "step": torch.tensor(lane.step),
            "seconds": torch.tensor(lane.seconds, dtype=torch.float64),
        }
        if self.start_is_left:
            progress[START_IS_LEFT] = torch.tensor(True)
        rows = {f"{_ROWS}{name}": row for name, row in lane.state(self.number).items()}
        return {**progress, **rows, **self.recipe.steering.state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the state to what ``state`` returned for the same run; before the pack runs."""
        self.epoch = int(state["epoch"])
        self.start_is_left = START_IS_LEFT in state
        self.recipe.steering.restore(state)
        # Checkpoints of an older version lack rows that came later.
        rows = {**self._lane.state(self.number), **below(_ROWS, state)}
        self._lane.put(rows, int(state["step"]), float(state["seconds"]))

    @property
    def _lane(self) -> Lane:
        return self._lanes.of(self.number)
