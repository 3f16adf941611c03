"""Time per call as the database grows: the same calls at 10, 1,000 and 100,000 runs.

Each size has a database of its own, all filled first; then the calls are made in turns on all of
them, as use-cases, without HTTP. ``benchmarks.reads`` times every read there is, and explains it.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.filled import Filling, database
from benchmarks.reads import Call, Reads
from benchmarks.table import Row, middle
from service.database import create_database_engine, session_factory

_CALLS = {
    "history of a run": "history",
    "search of 100 runs of an experiment": "runs of an experiment, 100",
    "GET of an experiment": "experiment, finished",
    "claim: the next run": "next run to claim",
}
#: Flat is: at most so many times, or milliseconds more than, what it takes at the middle size,
#: whose experiment is already as large as that of the largest.
_FLAT_RATIO, _FLAT_MS = 1.5, 0.5


def measure(sizes: Sequence[int], times: int) -> list[Row]:
    """Give a row a call."""
    with ExitStack() as stack:
        calls: dict[int, dict[str, Call]] = {}
        for size in sizes:
            settings, _ = stack.enter_context(database(Filling(size)))
            engine = create_database_engine(settings)
            stack.callback(engine.dispose)
            calls[size] = Reads(session_factory(engine), settings).all()
        return [_row(name, key, calls, times) for name, key in _CALLS.items()]


def _row(name: str, key: str, calls: dict[int, dict[str, Call]], times: int) -> Row:
    taken: dict[int, list[float]] = defaultdict(list)
    for turn in range(times + 1):
        for size, each in calls.items():
            began = time.perf_counter()
            each[key]()
            if turn:
                taken[size].append(1000 * (time.perf_counter() - began))
    medians = {size: middle(each) for size, each in taken.items()}
    smaller, largest = sorted(medians)[-2:]
    told = ", ".join(f"{each:.2f} ms at {size:,}" for size, each in medians.items())
    ratio = medians[largest] / medians[smaller]
    flat = ratio <= _FLAT_RATIO or medians[largest] - medians[smaller] <= _FLAT_MS
    return Row(f"{name}, as runs grow", told, "", f"x{ratio:.2f}", "flat", flat)
