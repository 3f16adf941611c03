"""What it costs to record short epochs: each in a transaction of its own, or several together.

    python -m benchmarks.database.short_epochs [--epochs 1000] [--rounds 3]

A very small network (circles, 10-5, one step an epoch, one thread) is trained and recorded as a
worker does it, alone and as a pack of 16. Every epoch is committed by itself, and in groups as it
is (``execution.group_commit``), in turns. Prints the median seconds of the runs: on the clock, the
worker's and PostgreSQL's processor time, and what of the first is training and validation.
"""

import time
from collections import defaultdict
from typing import NamedTuple
from unittest.mock import patch

import torch
from sqlalchemy import Double, func, select

from benchmarks.http.serving import Service, Store, processor_seconds
from benchmarks.options import program
from benchmarks.table import middle
from service.database.tables import Epoch
from service.logs import configure_logging
from service.runs import claims
from workers.execution import group_commit
from workers.execution.runner import train_runs
from workers.training import devices

_CPU = torch.device("cpu")
_SPEC = {
    "model": {"name": "mlp", "hidden_units": [10, 5]},
    "dataset": {"name": "circles", "train_size": 300, "test_size": 100},
    "batch_size": 300,
    "layer_statistics": "off",
}
_HOW = {"one epoch per transaction": 0.0, "in groups": group_commit.GROUP_SECONDS}
_PACKS = (1, 16)


class Took(NamedTuple):
    """Seconds of the training of some runs."""

    wall: float
    worker: float
    postgres: float
    training: float


def train(store: Store, runs: int, epochs: int) -> Took:
    """Submit runs, claim them together and train them to the end."""
    stored = store.submit(seeds=runs, epochs=epochs, **_SPEC)
    with store.sessions() as session:
        claimed = claims.claim(
            session, worker="bench", engine=devices.describe(_CPU), settings=store.settings
        )
    server = store.server_pid()
    wall, worker, postgres = time.perf_counter(), time.process_time(), processor_seconds(server)
    train_runs(
        store.sessions, claimed, store.settings, worker="bench", device=_CPU, stopping=lambda: False
    )
    spent = (
        time.perf_counter() - wall,
        time.process_time() - worker,
        processor_seconds(server) - postgres,
    )
    # A member's seconds are its share of the pack's.
    whole = select(func.sum(Epoch.epoch_seconds.cast(Double))).where(
        Epoch.run_id.in_([each.id for each in stored])
    )
    with store.sessions() as session:
        return Took(*spent, session.scalars(whole).one())


def measure(epochs: int, rounds: int) -> dict[tuple[int, str], Took]:
    """Return the medians, by the runs of a pack and how they are recorded."""
    taken: dict[tuple[int, str], list[Took]] = defaultdict(list)
    with Service(pack_size=max(_PACKS)) as service:
        configure_logging(service.settings)
        for runs in _PACKS:
            train(service.store, runs, 5)  # what is imported and planned once
            for _ in range(rounds):
                for how, seconds in _HOW.items():
                    with patch.object(group_commit, "GROUP_SECONDS", seconds):
                        taken[runs, how].append(train(service.store, runs, epochs))
    return {key: Took(*map(middle, zip(*each, strict=True))) for key, each in taken.items()}


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.database.short_epochs", __doc__)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    devices.prepare(_CPU, 1)
    print(f"| {options.epochs:,} epochs | recorded | s | worker | PostgreSQL | training |")
    print("|---|---|---|---|---|---|")
    for (runs, how), took in measure(options.epochs, options.rounds).items():
        shown = " | ".join(f"{each:.2f}" for each in took)
        print(f"| {runs} {'run' if runs == 1 else 'runs'} | {how} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
