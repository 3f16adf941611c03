"""Limits: how large an experiment may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The largest experiment that is accepted; each limit is a setting of the service.

    Attributes:
        max_runs: runs of an experiment.
        max_epochs: epochs of a run.
        max_parameters: weights and biases of a network.
        max_batch_values: z-values that the layers keep for one batch.
        max_memory_bytes: memory of a run: what the largest worker has; None where it is not known.
    """

    max_runs: int = 10_000
    max_epochs: int = 20_000
    max_parameters: int = 50_000_000
    max_batch_values: int = 250_000_000
    max_memory_bytes: int | None = None
