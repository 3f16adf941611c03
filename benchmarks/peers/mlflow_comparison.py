"""The API's reads and an epoch's commit against MLflow's tracking server, as it starts by default.

Both hold 100 runs of 100 epochs with four metrics. MLflow's server keeps them in SQLite, its
default. A history here has all metrics in one call, there each metric takes a call of its own: all
four are fetched, and beside that one metric on either side. Without MLflow our side is measured
all the same.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

from benchmarks.http.calls import Call, Caller, in_turns
from benchmarks.http.serving import Service, answers, stop, wait_for
from benchmarks.peers.environments import PeerError, interpreter
from benchmarks.table import Row, faster, middle
from deploy.embedded.ports import free_port
from deploy.embedded.process import ends_with_launcher

_RUNS, _EPOCHS = 100, 100
_METRICS = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 0.5)
_API = "/api/2.0/mlflow"
#: Epochs of the run that is recorded, more than are.
_UNENDING = 20_000

HISTORY = "GET history of 100 epochs, four metrics"
SEARCH = "search of 100 runs with final metrics"
COMMIT = "commit of one epoch"
#: With the most milliseconds and the least ratio.
_READS = ((HISTORY, 5, 4), (SEARCH, 10, 8), ("one metric of that history", None, None))


def measure(times: int) -> list[Row]:
    """Compare the three over fresh and over kept connections."""
    with Service() as service:
        service.api()
        stored = service.store.submit(seeds=_RUNS, epochs=_EPOCHS)
        service.store.complete(stored, _METRICS)
        history = f"/v1/runs/{stored[-1].id}/history"
        search = f"/v1/runs?experiment_id={stored[0].experiment_id}&limit=100"
        paths = (history, search, f"{history}?metrics=val_accuracy")
        here = [Call(service.url, "GET", [path]) for path in paths]
        try:
            with _mlflow() as url:
                return [*_reads(here, _fill(url), "", times), *_commits(service, url, times)]
        except PeerError as error:
            missing = str(error)
        return [*_reads(here, [], missing, times), *_commits_alone(service, missing, times)]


def _reads(here: list[Call], there: list[Call], missing: str, times: int) -> Iterator[Row]:
    """Time our reads in turns with MLflow's, or alone where ``missing`` says why it has none."""
    for fresh in (False, True):
        how = "fresh connections" if fresh else "kept connection"
        for place, (what, limit, least) in enumerate(_READS):
            calls = [here[place], *there[place : place + 1]]
            ours, *theirs = map(middle, in_turns(calls, times, fresh=fresh))
            yield compared(f"{what}, {how}", ours, theirs[0] if theirs else missing, limit, least)


def compared(
    what: str, ours: float, theirs: float | str, limit: int | None, least: int | None
) -> Row:
    """Hold a read to the most milliseconds and, beside a peer, to the least ratio.

    Without a peer (``theirs`` says why) a target that our side misses alone is missed.
    """
    shown, target = f"p50 {ours:.1f} ms", f"under {limit} ms, at least x{least}" if limit else ""
    fast = ours < limit if limit else None
    if isinstance(theirs, str):
        return Row(what, shown, theirs, target=target, holds=None if fast else fast)
    # The ratio of medians, not the median of ratios: a call is too short for pairs.
    ratio = theirs / ours
    holds = fast and ratio >= (least or 0)
    return Row(what, shown, f"p50 {theirs:.1f} ms", f"x{ratio:.1f}", target, holds)


def _commits(service: Service, url: str, times: int) -> Iterator[Row]:
    """Compare what a training waits for at the end of an epoch on either side."""
    service.store.submit(epochs=_UNENDING)
    claimed = service.store.claim()
    for fresh in (False, True):
        caller = Caller(url, fresh=fresh)
        run = _create(caller, _experiment(caller, f"commits {fresh}"))
        ours, theirs = [], []
        for turn in range(1, times + 1):
            ours.append(_milliseconds(service.store.record, claimed, turn + times * fresh))
            theirs.append(_milliseconds(_log, caller, run, range(turn, turn + 1)))
        caller.close()
        how = "fresh connections to MLflow" if fresh else "kept connection"
        yield faster(f"{COMMIT}, {how}", [middle(ours)], [middle(theirs)], "ms", None)


def _commits_alone(service: Service, missing: str, times: int) -> Iterator[Row]:
    service.store.submit(epochs=_UNENDING)
    claimed = service.store.claim()
    ours = [_milliseconds(service.store.record, claimed, turn + 1) for turn in range(times)]
    yield faster(COMMIT, [middle(ours)], missing, "ms", None)


def _milliseconds(act: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    act(*arguments)
    return 1000 * (time.perf_counter() - began)


@contextmanager
def _mlflow() -> Iterator[str]:
    """Serve MLflow in a folder of its own; gives its URL.

    Raises:
        PeerError: it cannot be installed, or does not start.
    """
    python = interpreter("mlflow")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        server = subprocess.Popen(
            [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=ends_with_launcher(SIGTERM),  # noqa: PLW1509
        )
        url = f"http://127.0.0.1:{port}"
        try:
            try:
                wait_for(lambda: answers(f"{url}/health"), "MLflow's server answers", 180)
            except TimeoutError as error:
                raise PeerError(str(error)) from error
            yield url
        finally:
            stop(server)


def _fill(url: str) -> list[Call]:
    """Store as many runs in MLflow; gives the calls to be timed."""
    caller = Caller(url, fresh=False)
    experiment = _experiment(caller, "filled")
    runs = [_create(caller, experiment) for _ in range(_RUNS)]
    for run in runs:
        _log(caller, run, range(1, _EPOCHS + 1))
    caller.close()
    wanted = {"experiment_ids": [experiment], "max_results": _RUNS}
    path = f"{_API}/metrics/get-history?run_id={runs[-1]}&metric_key="
    return [
        Call(url, "GET", [path + name for name in _METRICS]),
        Call(url, "POST", [f"{_API}/runs/search"], wanted),
        Call(url, "GET", [f"{path}val_accuracy"]),
    ]


def _experiment(caller: Caller, name: str) -> str:
    made: dict[str, Any] = caller.ask("POST", f"{_API}/experiments/create", {"name": name})
    return str(made["experiment_id"])


def _create(caller: Caller, experiment: str) -> str:
    given = {"experiment_id": experiment, "start_time": 0}
    made: dict[str, Any] = caller.ask("POST", f"{_API}/runs/create", given)
    return str(made["run"]["info"]["run_id"])


def _log(caller: Caller, run: str, epochs: range) -> None:
    metrics = [
        {"key": name, "value": value, "timestamp": 1, "step": epoch}
        for epoch in epochs
        for name, value in _METRICS.items()
    ]
    caller.ask("POST", f"{_API}/runs/log-batch", {"run_id": run, "metrics": metrics})
