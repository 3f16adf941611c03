"""Setting: what of a run's configuration its diagnosis depends on."""

from dataclasses import dataclass, replace
from typing import Self

#: Optimizers that divide a gradient by its own size, so that a uniformly small or large one is no
#: obstacle.
ADAPTIVE = frozenset({"adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"})


@dataclass(frozen=True)
class Setting:
    """What a run is trained with.

    Attributes:
        epochs: how many the run is to have; with 0 the network is only initialized.
        steps: how many steps it takes in all.
        optimizer: its name.
        normalized: whether a normalization follows each layer.
        zeros: layers that are meant to begin with weights of zero, as fixup has them: their equal
            units and the size of their first steps tell nothing.
        least_loss: the least loss that is possible; above 0 with label smoothing.
    """

    epochs: int
    steps: int = 0
    optimizer: str = "sgd"
    normalized: bool = False
    zeros: frozenset[str] = frozenset()
    least_loss: float = 0.0

    def until(self, epoch: int) -> Self:
        """Return the setting of a run that ended with an epoch."""
        if epoch == self.epochs:
            return self
        return replace(self, epochs=epoch, steps=self.steps * epoch // self.epochs)

    def loss_at(self, share: float, chance_loss: float) -> float:
        """Return the loss that is this share of the way from the least one to that of guessing."""
        return self.least_loss + share * (chance_loss - self.least_loss)

    @property
    def adaptive(self) -> bool:
        """Whether the optimizer divides a gradient by its own size."""
        return self.optimizer in ADAPTIVE
