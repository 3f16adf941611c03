"""Identity of a worker: its name, its device, its settings and its stop flag."""

from dataclasses import dataclass, field
from typing import Literal

from service.settings import Settings
from workers.process.stop_flag import StopFlag


@dataclass(frozen=True)
class WorkerIdentity:
    """One worker, shared by its parent process and the child it forks.

    Attributes:
        name: unique among the running workers; recorded with the runs it trains.
        device: the device it trains on.
        settings: of the service.
        memory_bytes: what it has for its runs.
        stop: set by the parent when the worker has to stop, read by the child.
    """

    name: str
    device: Literal["cpu", "cuda"]
    settings: Settings
    memory_bytes: int
    stop: StopFlag = field(default_factory=StopFlag)
