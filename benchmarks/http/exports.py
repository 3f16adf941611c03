"""Time the exports of all histories of an experiment, and the memory that the API needs for them.

    python -m benchmarks.http.exports [--values 100000 1000000 10000000]

A real API process over the loopback, on experiments of runs with 100 epochs of eight metrics. Each
is fetched as JSON, CSV and Parquet; printed are seconds, megabytes, and by how much the resident
memory of the API rose at its highest.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
import psycopg

from benchmarks.database.filled import Filling, fill
from benchmarks.http.serving import Service, forget_peak, megabytes
from benchmarks.options import program

_EPOCHS = 100
_METRICS = 8
_KINDS = {
    "JSON": "application/json",
    "CSV": "text/csv",
    "Parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Export:
    """One export: seconds, bytes, and the megabytes by which the API's memory rose."""

    values: int
    kind: str
    seconds: float
    bytes: int
    rose: float


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.http.exports", __doc__)
    parser.add_argument("--values", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    options = parser.parse_args()
    print(f"{'values':>12} {'as':10} {'s':>7} {'MB':>7} {'API + MB':>9}")
    for each in measure(options.values):
        size = each.bytes / 1e6
        print(f"{each.values:12,} {each.kind:10} {each.seconds:7.2f} {size:7.1f} {each.rose:9.0f}")


def measure(wanted: Sequence[int], kinds: Sequence[str] = tuple(_KINDS)) -> Iterator[Export]:
    """Export experiments of so many values in these kinds, the smallest first."""
    with Service(max_runs=100_000) as service:
        experiments = {}
        for values in sorted(wanted):
            runs = max(1, values // (_EPOCHS * _METRICS))
            filling = Filling(runs, _EPOCHS, smallest=runs, largest=runs, seed=values)
            experiments[values] = str(fill(service.superuser_url, filling)[0])
        with psycopg.connect(service.superuser_url) as connection:
            connection.execute("CHECKPOINT")
        api = service.api()
        with httpx.Client(base_url=service.url, timeout=600) as client:
            for name in kinds:  # what is imported and cached once is not an export's
                _fetch(client, experiments[min(experiments)], _KINDS[name])
            for values, experiment in experiments.items():
                for name in kinds:
                    forget_peak(api.pid)
                    before = megabytes(api.pid)
                    seconds, size = _fetch(client, experiment, _KINDS[name])
                    rose = megabytes(api.pid, "VmHWM") - before
                    yield Export(values, name, seconds, size, rose)


def _fetch(client: httpx.Client, experiment: str, kind: str) -> tuple[float, int]:
    """Return the seconds until the last byte, and the bytes that came."""
    headers = {"accept": kind, "accept-encoding": "identity"}
    began = time.perf_counter()
    size = 0
    with client.stream("GET", f"/v1/experiments/{experiment}/histories", headers=headers) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            size += len(piece)
    return time.perf_counter() - began, size


if __name__ == "__main__":
    main()
