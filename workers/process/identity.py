"""What one worker is: its name, its device and its settings."""

from dataclasses import dataclass, field
from typing import Literal

from service.settings import Settings
from workers.process.stop_flag import StopFlag


@dataclass(frozen=True)
class Station:
    """One worker, as its parent process and its forked child both know it."""

    name: str
    device: Literal["cpu", "cuda"]
    settings: Settings
    stop: StopFlag = field(default_factory=StopFlag)
