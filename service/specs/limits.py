"""Limits: how large an experiment may be."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The largest experiment that is accepted; each limit is a setting of the service.

    Attributes:
        max_runs: runs of an experiment.
        max_epochs: epochs of a run.
        max_parameters: weights and biases of a network.
        max_batch_values: z-values that the layers keep for one batch.
        memory_bytes: asks what the largest worker has for a run; None where it is not known. It is
            asked of what can be trained otherwise, so that a spec is refused without a database.
    """

    max_runs: int = 10_000
    max_epochs: int = 20_000
    max_parameters: int = 50_000_000
    max_batch_values: int = 250_000_000
    memory_bytes: Callable[[], int | None] = lambda: None
