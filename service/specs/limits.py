"""Limits: how large an experiment may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How large an experiment may be. Each is a setting of the service."""

    max_runs: int = 10_000
    max_epochs: int = 20_000
    max_parameters: int = 50_000_000
    max_batch_values: int = 250_000_000
