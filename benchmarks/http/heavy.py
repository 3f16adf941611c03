"""Reads of experiments with very many runs: what they cost, what others notice, what memory stays.

    python -m benchmarks.http.heavy [--runs 1000 10000] [--rounds 3]

A real API process on embedded servers of its own, over the loopback. No two comparisons and
pictures that are asked for are equal, so none comes from what is kept. Processor time is that of
the API with its children. Beside ``CALLERS`` clients of another process, which ask without a pause,
``/healthz`` is asked twenty times a second on new connections. They are one caller: of exports it
may have four at a time, and what it asks beyond its limits is refused at once. Memory is read
before, and a minute after the last heavy answer.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import httpx

from benchmarks.database.filled import Filling, fill
from benchmarks.http.attacks import Target, get_again, observe
from benchmarks.http.serving import Service, processor_seconds
from benchmarks.options import program
from benchmarks.table import Row, below, spread

CALLERS = 20
_EPOCHS = 10
#: Heavy answers of an experiment: by name, the path below it for the n-th time it is asked.
_HEAVY: dict[str, Callable[[int], str]] = {
    "comparison": lambda n: f"comparison?margin={(n + 1) / 10_000}",
    "learning curves": lambda n: f"figures/learning_curves.png?title=number+{n}",
    "export": lambda _: "histories",
}
_PROCESSOR_LIMITS = {("comparison", 1_000): 0.1, ("comparison", 10_000): 0.5}
_PROCESSOR_LIMITS["learning curves", 10_000] = 1.0
_MOST_LEFT_MB = 30.0
_MOST_P99_MS = 50.0


def measure(sizes: Sequence[int], rounds: int, seconds: float) -> Iterator[Row]:
    """Measure the cost of each heavy answer at each size, then the rest at the largest size."""
    for size in sizes:
        with Service(max_runs=size, rate_limit="1000000/second") as service:
            experiment = _filled(service, size)
            pid = service.api().pid
            with httpx.Client(base_url=service.url, timeout=120) as client:
                for path_of in _HEAVY.values():  # the first of a process imports what it needs
                    _ask(client, experiment, path_of(0))
                yield from _costs(client, pid, experiment, size, rounds)
            if size == max(sizes):
                yield from _beside(Target(service.settings.port, experiment, seconds), pid, size)


def _filled(service: Service, runs: int) -> str:
    filling = Filling(runs, _EPOCHS, smallest=runs, largest=runs, seed=runs)
    return str(fill(service.superuser_url, filling)[0])


def _ask(client: httpx.Client, experiment: str, path: str) -> None:
    client.get(f"/v1/experiments/{experiment}/{path}").raise_for_status()


def _costs(
    client: httpx.Client, pid: int, experiment: str, runs: int, rounds: int
) -> Iterator[Row]:
    for name, path_of in _HEAVY.items():
        taken = []
        for number in range(rounds):
            before = processor_seconds(pid)
            _ask(client, experiment, path_of(1 + number))
            taken.append(processor_seconds(pid) - before)
        what = f"{name} of {runs:,} runs, processor time"
        limit = _PROCESSOR_LIMITS.get((name, runs))
        yield below(what, taken, "s", limit) if limit else Row(what, f"{spread(taken)} s")


def _beside(target: Target, pid: int, runs: int) -> Iterator[Row]:
    for name in _HEAVY:
        seen = observe(target, pid, partial(ask_again, name))
        what = f"/healthz beside {CALLERS} clients of {name} of {runs:,} runs, p99"
        yield below(what, [seen.p99], "ms", _MOST_P99_MS, ".0f")
        left = seen.after - seen.before
        yield below(f"memory left a minute later, {name}", [left], "MB", _MOST_LEFT_MB, ".0f")


def ask_again(name: str, target: Target) -> None:
    """Ask for a heavy answer with all callers until the time is over."""
    below_experiment = f"/v1/experiments/{target.experiment}"
    get_again(target, lambda n: f"{below_experiment}/{_HEAVY[name](100 + n)}", clients=CALLERS)


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.http.heavy", __doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0, help="beside each heavy answer")
    options = parser.parse_args()
    for row in measure(options.runs, options.rounds, options.seconds):
        print(f"{row.what:75} {row.ours:30} {row.target}", flush=True)


if __name__ == "__main__":
    main()
