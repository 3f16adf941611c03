"""Time how long the API and a worker take to be ready, and a submission to its first step.

    python -m benchmarks.http.startup [--rounds 5]

Really started processes on servers of their own. The API is ready when /healthz and /readyz
answer with 200, a worker when it has claimed a run that waits for it. The first step is seen as
the commit of an epoch of one step: a single batch of 128 images trained on, one validated. A fresh
worker reads MNIST for its first run and keeps it. Prints the median and the range of the seconds,
and the median of the processor time that the processes took meanwhile, which a busy machine
stretches less.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import httpx

from benchmarks.http.serving import Process, Service, answers, processor_seconds, stop, wait_for
from benchmarks.options import program
from benchmarks.table import Row, middle, spread

API = "API: first /healthz"
READY = "API: first /readyz"
WORKER = "worker: from its start to a claimed run"
FIRST = "POST to the first step, fresh worker"
STEP = "POST to the first step, idle worker"
STATISTICS = "the same, with layer statistics before it"

_ONE_STEP = {
    "activation": "relu",
    "dataset": {"name": "mnist", "train_size": 128, "test_size": 1},
    "epochs": 1,
    "reuse": False,
    "layer_statistics": "off",
}


class Took(NamedTuple):
    """Seconds on the clock, and of processor time."""

    wall: float
    processor: float


def measure(rounds: int) -> dict[str, list[Took]]:
    """Return what each took, one value per round."""
    took: dict[str, list[Took]] = defaultdict(list)
    with Service() as service:
        service.scheduler()
        first = service.worker("first")  # without any /readyz is not 200
        for _ in range(rounds):
            began = time.perf_counter()
            api = service.start("service.cli", "api")
            for name, path in ((API, "/healthz"), (READY, "/readyz")):
                wait_for(partial(answers, service.url + path), f"{path} is 200")
                took[name].append(Took(time.perf_counter() - began, processor_seconds(api.pid)))
            stop(api)
        stop(first)
        api = service.api()
        for number in range(rounds):
            worker = _started(service, f"worker-{number}", took[WORKER])
            with httpx.Client(base_url=service.url) as client:
                for name, spec in (
                    (FIRST, _ONE_STEP),
                    (STEP, _ONE_STEP),
                    (STATISTICS, _ONE_STEP | {"layer_statistics": {"every": "auto"}}),
                ):
                    pids = (api.pid, worker.pid)
                    took[name].append(_to_first_step(service, client, spec, pids))
            stop(worker)
    return took


def _started(service: Service, name: str, took: list[Took]) -> Process:
    """Start a worker with a run waiting for it."""
    (run,) = service.store.submit(
        activation="relu", model={"name": "mlp"}, dataset={"name": "ball"}, epochs=0
    )
    service.store.ring()
    began = time.perf_counter()
    worker = service.start("workers", "--device", "cpu", "--name", name)
    wait_for(lambda: _status(service, run.id) != "queued", "the worker claims a run")
    took.append(Took(time.perf_counter() - began, processor_seconds(worker.pid)))
    wait_for(lambda: _status(service, run.id) == "completed", "the worker is idle again")
    return worker


def _status(service: Service, run_id: Any) -> str:
    found = service.store.run(run_id)
    return found.status if found else "queued"


def _to_first_step(
    service: Service, client: httpx.Client, spec: dict[str, Any], pids: Sequence[int]
) -> Took:
    before = sum(map(processor_seconds, pids))
    began = time.perf_counter()
    made = client.post("/v1/experiments", json=spec).raise_for_status().json()
    ended = _ended(service, made["id"])
    wait_for(ended, "an epoch of one step is committed")
    return Took(time.perf_counter() - began, sum(map(processor_seconds, pids)) - before)


def _ended(service: Service, experiment_id: str) -> Callable[[], bool]:
    runs = service.store.runs_of(experiment_id)
    return lambda: all(_status(service, run.id) == "completed" for run in runs)


def rows(rounds: int) -> list[Row]:
    """Hold each to its target."""
    limits = {READY: 2.0, WORKER: 5.0, STEP: 0.5}
    made = []
    for name, values in measure(rounds).items():
        wall, processor = zip(*values, strict=True)
        shown = f"{spread(wall)} s, processor {middle(processor):.2f} s"
        limit = limits.get(name)
        target = f"under {limit:g} s" if limit else ""
        made.append(Row(name, shown, "", "", target, middle(wall) < limit if limit else None))
    return made


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.http.startup", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    for row in rows(parser.parse_args().rounds):
        print(f"{row.what:45}{row.ours}")


if __name__ == "__main__":
    main()
