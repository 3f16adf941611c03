"""Time per call as the database grows: the same calls at 10, 1,000 and 100,000 runs.

Each size has a database of its own, all filled first; then the calls are made in turns on all of
them, as use-cases, without HTTP. Nine of the runs are the same in every database, and the calls are
about those: eight trained ones of an experiment, and one of another that waits. So each call gives
as many rows at 10 runs as at 100,000. ``http.reads`` times every read there is, and explains
it.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg

from benchmarks.database.filled import Filling, database
from benchmarks.http.reads import Call, Reads
from benchmarks.http.serving import Store
from benchmarks.table import Row, middle
from service.settings import Settings

_TRAINED, _WAITING, _EPOCHS = 8, 1, 10
_CALLS = {
    "history of a run": "history",
    "search of the runs of an experiment": "runs of an experiment, 100",
    "GET of an experiment": "experiment, finished",
    "claim: the next run": "next run to claim",
}
#: Flat is: at most so many times, or milliseconds more than, what it takes in the smallest.
_FLAT_RATIO, _FLAT_MS = 1.5, 0.5


def measure(sizes: Sequence[int], times: int) -> list[Row]:
    """Return one row per call."""
    with ExitStack() as stack:
        calls: dict[int, dict[str, Call]] = {}
        for size in sizes:
            others = Filling(max(1, size - _TRAINED - _WAITING), _EPOCHS)
            settings, _ = stack.enter_context(database(others))
            store = Store(settings)
            stack.callback(store.close)
            calls[size] = _calls(store, settings)
        return [_row(name, key, calls, times) for name, key in _CALLS.items()]


def _calls(store: Store, settings: Settings) -> dict[str, Call]:
    """Store the nine runs beside the others, and give the calls about them."""
    trained = store.submit(seeds=_TRAINED, epochs=_EPOCHS)
    store.complete(trained)
    store.submit(seeds=_WAITING, epochs=_EPOCHS)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    reads = Reads(store.sessions, settings)
    reads.finished, reads.run = trained[0].experiment_id, trained[0]
    return reads.all()


def _row(name: str, key: str, calls: dict[int, dict[str, Call]], times: int) -> Row:
    taken: dict[int, list[float]] = defaultdict(list)
    for turn in range(times + 1):
        for size, each in calls.items():
            began = time.perf_counter()
            each[key]()
            if turn:
                taken[size].append(1000 * (time.perf_counter() - began))
    medians = {size: middle(each) for size, each in taken.items()}
    shown = ", ".join(f"{each:.2f} ms at {size:,}" for size, each in medians.items())
    smallest, largest = medians[min(medians)], medians[max(medians)]
    flat = largest <= _FLAT_RATIO * smallest or largest - smallest <= _FLAT_MS
    what = f"{name}, from {min(medians):,} to {max(medians):,} runs"
    return Row(what, shown, "", f"x{largest / smallest:.2f}", "flat", flat)
