"""Identity of a worker: its name, its device, its settings and its flags."""

from dataclasses import dataclass, field
from typing import Literal

from service.settings import Settings
from workers.process.shared_flag import SharedFlag


@dataclass(frozen=True)
class WorkerIdentity:
    """One worker, shared by its parent process and the child it forks.

    Attributes:
        name: unique among the running workers; recorded with the runs it trains.
        device: the device it trains on.
        settings: of the service.
        memory_bytes: what it has for its runs.
        ready: set by the child once it can train, read by the parent.
        stop: set by the parent when the worker has to stop, read by the child between two steps.
    """

    name: str
    device: Literal["cpu", "cuda"]
    settings: Settings
    memory_bytes: int
    ready: SharedFlag = field(default_factory=SharedFlag)
    stop: SharedFlag = field(default_factory=SharedFlag)
