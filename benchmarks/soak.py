"""Use a whole service for hours as a small team does, and tell memory and latency by the minute.

    python -m benchmarks.soak [--hours 1] [--people 4] [--every 60]

A real API, scheduler and worker on embedded servers of their own. Each of ``--people`` submits a
small experiment, follows its events to the end, reads the lists, the histories, a comparison, a
picture and an export, and deletes every second experiment; one in five is cancelled on its way.
Printed per minute (``--every`` seconds): requests, their p50 and p99 (without those that wait),
answers that were no success, and the memory of each process with its children. The last lines tell
how much memory grew from the first tenth of the time to the last. Exits with 1 where an answer was
an error of the service.
"""

import argparse
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from benchmarks.http.attacks import whole_megabytes
from benchmarks.http.serving import Service, processor_seconds
from benchmarks.options import program

_READS = (
    "/v1/experiments",
    "/v1/experiments/{id}",
    "/v1/runs?experiment_id={id}",
    "/v1/experiments/{id}/comparison",
    "/v1/experiments/{id}/figures/comparison.png",
    "/v1/experiments/{id}/figures/learning_curves.svg",
    "/v1/experiments/{id}/histories",
    "/v1/presets",
    "/v1/catalog",
)
_SHARE = 10
_WAIT_SECONDS = 60


@dataclass
class Noted:
    """What people saw since the last line."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    errors: list[str] = field(default_factory=list)


class People:
    """Those who use the service, each in a thread of its own."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._noted = Noted()
        self._threads = [
            threading.Thread(target=self._work, args=(seed,)) for seed in range(number)
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them end what they are at."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def noted(self) -> Noted:
        """Return what was seen since the last call."""
        with self._lock:
            noted, self._noted = self._noted, Noted()
        return noted

    def _work(self, seed: int) -> None:
        drawn = random.Random(seed)
        with httpx.Client(base_url=self._url, timeout=120) as client:
            for number in count():
                if self._over.is_set():
                    return
                self._one_experiment(client, drawn, number)

    def _one_experiment(self, client: httpx.Client, drawn: random.Random, number: int) -> None:
        answer = self._call(client, "POST", "/v1/experiments", json=_spec(drawn))
        if answer is None or not answer.is_success:
            time.sleep(1)
            return
        place = f"/v1/experiments/{answer.json()['id']}"
        if number % 5 == 4:
            self._call(client, "POST", f"{place}/cancel")
        else:
            self._follow(client, f"{place}/events")
        for path in drawn.sample(_READS, len(_READS)):
            self._call(client, "GET", path.format(id=place.rpartition("/")[2]))
        if number % 2:
            waited = {"Prefer": f"wait={_WAIT_SECONDS}"}
            client.get(place, headers=waited)
            self._call(client, "DELETE", place)

    def _follow(self, client: httpx.Client, path: str) -> None:
        """Read the events of an experiment until it has ended."""
        accept = {"Accept": "text/event-stream"}
        with client.stream("GET", path, headers=accept) as stream:
            for line in stream.iter_lines():
                if line == "event: experiment.finished" or self._over.is_set():
                    return

    def _call(
        self, client: httpx.Client, method: str, path: str, **request: Any
    ) -> httpx.Response | None:
        began = time.perf_counter()
        try:
            answer = client.request(method, path, **request)
        except httpx.HTTPError as error:
            with self._lock:
                self._noted.errors.append(f"{method} {path}: {error!r}")
            return None
        with self._lock:
            self._noted.seconds.append(time.perf_counter() - began)
            self._noted.refused += 400 <= answer.status_code < 500
            if answer.status_code >= 500:
                self._noted.errors.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer


def _spec(drawn: random.Random) -> dict[str, Any]:
    """Return a small experiment that nobody submitted before."""
    return {
        "activation": drawn.sample(["relu", "tanh", "elu", "selu", "sigmoid", "gelu"], 2),
        "initializer": drawn.sample(["he_normal", "glorot_normal", "lecun_normal"], 2),
        "model": {"name": "mlp", "hidden_units": [drawn.randint(4, 32)] * drawn.randint(1, 3)},
        "dataset": "digits",
        "optimizer": {"name": "adam", "learning_rate": drawn.uniform(1e-4, 1e-2)},
        "epochs": drawn.randint(1, 5),
        "seeds": 3,
    }


def main() -> None:
    """Use a service, and print a line a minute."""
    parser = program("benchmarks.soak", __doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two lines")
    options = parser.parse_args()
    with Service() as service:
        processes = {
            "api": service.api().pid,
            "scheduler": service.scheduler().pid,
            "worker": service.worker().pid,
            "postgres": service.store.server_pid(),
        }
        people = People(service.url, options.people)
        people.start()
        try:
            errors = _watch(people, processes, options)
        finally:
            people.stop()
    sys.exit(1 if errors else 0)


def _watch(people: People, processes: Mapping[str, int], options: argparse.Namespace) -> int:
    """Print a line at each interval and the growth at the end; give the number of errors."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when it began")
    names = "".join(f"{name + ' MB':>14}" for name in processes)
    print(f"{'minute':>7}{'requests':>10}{'p50 ms':>9}{'p99 ms':>9}{'4xx':>6}{'errors':>8}{names}")
    began = time.monotonic()
    until = began + 3600 * options.hours
    memory: dict[str, list[float]] = {name: [] for name in processes}
    errors = 0
    while time.monotonic() < until:
        time.sleep(min(options.every, max(0.0, until - time.monotonic())))
        noted = people.noted()
        for name, pid in processes.items():
            memory[name].append(whole_megabytes(pid))
        _print_line((time.monotonic() - began) / 60, noted, memory)
        errors += len(noted.errors)
    for name, values in memory.items():
        used = processor_seconds(processes[name])
        print(f"{name}: {_growth(values)}; {used:,.0f} s of processor time.")
    print(f"{errors} errors.")
    return errors


def _print_line(minute: float, noted: Noted, memory: Mapping[str, Iterable[float]]) -> None:
    cuts = statistics.quantiles(noted.seconds or [0.0, 0.0], n=100, method="inclusive")
    sizes = "".join(f"{[*values][-1]:14.0f}" for values in memory.values())
    print(
        f"{minute:7.1f}{len(noted.seconds):10,}{1000 * cuts[49]:9.1f}{1000 * cuts[98]:9.1f}"
        f"{noted.refused:6}{len(noted.errors):8}{sizes}",
        flush=True,
    )
    for error in noted.errors[:3]:
        print(error[:300], file=sys.stderr)


def _growth(values: list[float]) -> str:
    few = max(1, len(values) // _SHARE)
    first, last = statistics.median(values[:few]), statistics.median(values[-few:])
    return f"{first:.0f} MB at first, {last:.0f} MB at last, {max(values):.0f} MB at most"


if __name__ == "__main__":
    main()
