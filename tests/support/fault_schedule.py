"""The faults that strike a service, in which order and for how long, drawn from a seed.

The same seed gives the same faults in the same order with the same durations.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

WORKERS = ("worker one", "worker two")
SCHEDULERS = ("scheduler one", "scheduler two")
API, REDIS, POSTGRES, CHECKPOINTS = ("api",), ("redis",), ("postgres",), ("checkpoints",)
RECEIVER = ("receiver",)

AHEAD, BACK = "put a clock an hour ahead", "put a clock an hour back"
HANGS, REDIRECTS = "the receiver hangs", "the receiver redirects"
ANSWERS_500 = "the receiver answers 500"
#: Faults that no training notices.
UNNOTICED = frozenset({AHEAD, BACK, HANGS, REDIRECTS, ANSWERS_500})


@dataclass(frozen=True)
class Kind:
    """A kind of fault: its weight among all kinds, its targets, its bounds in seconds."""

    weight: int
    targets: tuple[str, ...]
    shortest: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True)
class Fault:
    """A fault and the pause that follows it, in seconds."""

    kind: str
    target: str
    seconds: float
    pause: float


def kinds(lease_seconds: float) -> dict[str, Kind]:
    """Return every kind of fault by name. Pauses of a worker are around the length of its lease."""
    around_lease = (0.7 * lease_seconds, 1.7 * lease_seconds)
    return {
        "kill a worker": Kind(4, WORKERS, 0, 1),
        "kill the child that trains": Kind(4, WORKERS),
        "SIGTERM a worker": Kind(2, WORKERS, 0, 1),
        "pause a worker": Kind(3, WORKERS, *around_lease),
        "pause the child that trains": Kind(2, WORKERS, *around_lease),
        "kill the API": Kind(2, API, 0, 1),
        "SIGTERM the API": Kind(1, API, 0, 1),
        "pause the API": Kind(1, API, 0.5, 3),
        "kill a scheduler": Kind(2, SCHEDULERS, 0, 3),
        "SIGTERM a scheduler": Kind(1, SCHEDULERS, 0, 3),
        "pause a scheduler": Kind(1, SCHEDULERS, 0.5, lease_seconds),
        "flush Redis": Kind(3, REDIS),
        "kill Redis": Kind(1, REDIS, 0.5, 3),
        "stop Redis": Kind(1, REDIS, 0.5, 3),
        "kill Postgres": Kind(1, POSTGRES, 0, 2),
        "stop Postgres": Kind(1, POSTGRES, 0.5, 3),
        "cut Postgres' connections": Kind(3, POSTGRES),
        "damage the checkpoints": Kind(3, CHECKPOINTS),
        "delete the checkpoints": Kind(1, CHECKPOINTS),
        "checkpoints cannot be written": Kind(2, CHECKPOINTS, 1, 5),
        AHEAD: Kind(2, (*WORKERS, *SCHEDULERS, *API), *around_lease),
        BACK: Kind(2, (*WORKERS, *SCHEDULERS, *API), *around_lease),
        HANGS: Kind(2, RECEIVER, 2, 10),
        REDIRECTS: Kind(2, RECEIVER, 2, 10),
        ANSWERS_500: Kind(2, RECEIVER, 2, 10),
    }


def draw(seed: int, lease_seconds: float) -> Iterator[Fault]:
    """Yield faults without end; a third of them follow the previous one without a pause."""
    chance, known = random.Random(seed), kinds(lease_seconds)
    weights = [kind.weight for kind in known.values()]
    while True:
        (name,) = chance.choices(list(known), weights)
        kind = known[name]
        yield Fault(
            name,
            chance.choice(kind.targets),
            chance.uniform(kind.shortest, kind.longest),
            0.0 if chance.random() < 1 / 3 else chance.uniform(0.5, 5.0),
        )
