"""Attack a served API as one caller could, and see what others notice.

    python -m benchmarks.http.attacks [--seconds 15] [--runs 10000] [--only NAME ...]

A real API process on embedded servers of its own, over the loopback, with a stored experiment of
``--runs`` runs. During each attack, which another process makes, ``/healthz`` is asked twenty times
a second on connections of its own. Printed per attack: p50, p99 and the longest of these answers,
and the memory of the API with its processes before, at its highest, and a minute after. The target:
p99 under 250 ms, never over 600 MB, back within 50 MB.
"""

import contextlib
import http.client
import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

from benchmarks.database.filled import Filling, fill
from benchmarks.http.serving import Service
from benchmarks.options import program

_MLFLOW = "/api/2.0/mlflow/runs/search"
_PROBES_PER_SECOND = 20
_REST_SECONDS = 60
_MOST_MS, _MOST_MEGABYTES, _MOST_LEFT = 250.0, 600.0, 50.0


@dataclass(frozen=True)
class Target:
    """What is attacked: the API's address, an experiment, and for how long."""

    port: int
    experiment: str
    seconds: float

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """Return a connection that takes as little as possible of an answer."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def ask(self, path: str, headers: str = "") -> socket.socket:
        """Return a connection on which something was asked for."""
        connection = self.connect()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
        return connection


@dataclass(frozen=True)
class Seen:
    """What others saw during an attack."""

    milliseconds: list[float]
    before: float
    highest: float
    after: float

    @property
    def p99(self) -> float:
        """Of the milliseconds."""
        return sorted(self.milliseconds)[int(0.99 * (len(self.milliseconds) - 1))]

    def row(self, name: str) -> str:
        """Return a line of the table."""
        holds = (
            self.p99 < _MOST_MS
            and self.highest < _MOST_MEGABYTES
            and self.after < self.before + _MOST_LEFT
        )
        middle, longest = statistics.median(self.milliseconds), max(self.milliseconds)
        return (
            f"{name:22} {middle:8.1f} {self.p99:8.1f} {longest:8.1f} "
            f"{self.before:8.0f} {self.highest:8.0f} {self.after:8.0f}  {'yes' if holds else 'no'}"
        )


def long_number(target: Target) -> None:
    """A number of 900,000 digits that is none."""
    _post_again(target, _MLFLOW, {"filter": f"metrics.loss > {'9' * 900_000}x"}, clients=4)


def wrong_names(target: Target) -> None:
    """A spec with eighty thousand names that are nearly right."""
    variants = [{"label": str(n), "initializer": ["he_norma"] * 900} for n in range(85)]
    spec = {"activation": "relu", "variants": variants}
    _post_again(target, "/v1/experiments?dry_run=true", spec, clients=4)


def long_list(target: Target) -> None:
    """A list of 90,000 texts, and names of 99 steps."""
    texts = ",".join(["'relu'"] * 90_000)
    _post_again(target, _MLFLOW, {"filter": f"params.activation IN ({texts})"}, clients=4)
    _post_again(target, _MLFLOW, {"filter": f"params.{'a.' * 98}a = 'x'"}, clients=4)


def comparisons(target: Target) -> None:
    """Sixty comparisons of all runs at once."""
    get_again(target, f"/v1/experiments/{target.experiment}/comparison", clients=60)


def unread_exports(target: Target) -> None:
    """Sixty exports whose reader stops."""
    path = f"/v1/experiments/{target.experiment}/histories"
    _hold(target, lambda: target.ask(path), number=60)


def unread_streams(target: Target) -> None:
    """Five hundred streams of all events, of which nothing is read."""
    accept = "Accept: text/event-stream\r\nLast-Event-ID: 0\r\n"
    _hold(target, lambda: target.ask("/v1/events", accept), number=500)


def waits(target: Target) -> None:
    """A thousand requests that would wait."""
    path = f"/v1/experiments/{target.experiment}"
    _hold(target, lambda: target.ask(path, "Prefer: wait=60\r\n"), number=1_000)


def bursts(target: Target) -> None:
    """Five hundred small requests at once, again and again."""
    until = time.monotonic() + target.seconds
    while time.monotonic() < until:
        asked = [target.ask("/v1/experiments?limit=50") for _ in range(500)]
        for connection in asked:
            connection.settimeout(60)
            with contextlib.suppress(OSError), connection:
                connection.recv(4_096)


def unfinished_bodies(target: Target) -> None:
    """Bodies of nearly a megabyte on seven hundred connections, none of which is complete."""
    head = "Content-Type: application/json\r\nContent-Length: 999999\r\n"

    def begin() -> socket.socket:
        connection = target.connect()
        connection.sendall(
            f"POST /v1/experiments HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode()
        )
        connection.sendall(b" " * 990_000)
        return connection

    _hold(target, begin, number=700)


def abandoned_pictures(target: Target) -> None:
    """Two hundred pictures at a time whose clients hang up."""
    path = f"/v1/experiments/{target.experiment}/figures/comparison.png"
    until = time.monotonic() + target.seconds
    while time.monotonic() < until:
        asked = [target.ask(path) for _ in range(200)]
        time.sleep(1)
        for connection in asked:
            connection.close()


def long_headers(target: Target) -> None:
    """Headers of 60 MB, on ten connections at a time."""

    def send(_: int) -> None:
        until = time.monotonic() + target.seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError), target.connect() as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000_000)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(send, range(10)))


def slow_connections(target: Target) -> None:
    """As many connections as there can be, each with half a head."""

    def begin() -> socket.socket:
        connection = target.connect()
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        return connection

    _hold(target, begin, number=700)


ATTACKS: dict[str, Callable[[Target], None]] = {
    attack.__name__: attack
    for attack in (
        long_number,
        wrong_names,
        long_list,
        comparisons,
        unread_exports,
        unread_streams,
        waits,
        bursts,
        unfinished_bodies,
        abandoned_pictures,
        long_headers,
        slow_connections,
    )
}


def main() -> None:
    """Attack, and print what others saw."""
    parser = program("benchmarks.http.attacks", __doc__)
    parser.add_argument("--seconds", type=float, default=15, help="the length of each attack")
    parser.add_argument("--runs", type=int, default=10_000, help="runs of the experiment")
    parser.add_argument("--only", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
    options = parser.parse_args()
    columns = ("p50 ms", "p99 ms", "max ms", "MB", "most MB", "after")
    print(f"{'attack':22}", *(f"{column:>8}" for column in columns), " holds")
    for name, seen in measure(options.only, options.runs, options.seconds):
        print(seen.row(name), flush=True)


def measure(names: list[str], runs: int, seconds: float) -> Iterator[tuple[str, Seen]]:
    """Make attacks one after another on one API."""
    with Service(max_runs=100_000) as service:
        filling = Filling(runs, 10, smallest=runs, largest=runs, seed=1)
        experiment = str(fill(service.superuser_url, filling)[0])
        process = service.api()
        target = Target(service.settings.port, experiment, seconds)
        time.sleep(5)  # the process that others are forked from imports what they need
        for name in names:
            yield name, observe(target, process.pid, ATTACKS[name])


def observe(target: Target, pid: int, attack: Callable[[Target], None]) -> Seen:
    """Let another process attack, and return what others see meanwhile and a minute later."""
    before = highest = whole_megabytes(pid)
    attacker = multiprocessing.get_context("spawn").Process(target=attack, args=(target,))
    attacker.start()
    took = []
    while attacker.is_alive():
        began = time.perf_counter()
        with contextlib.suppress(OSError, http.client.HTTPException):
            probe = http.client.HTTPConnection("127.0.0.1", target.port, timeout=120)
            probe.request("GET", "/healthz")
            probe.getresponse().read()
            probe.close()
        took.append((time.perf_counter() - began) * 1000)
        highest = max(highest, whole_megabytes(pid))
        time.sleep(1 / _PROBES_PER_SECOND)
    attacker.join()
    time.sleep(_REST_SECONDS)
    return Seen(took, before, highest, whole_megabytes(pid))


def whole_megabytes(pid: int) -> float:
    """Return the megabytes of a process and its children; what they share counts once."""
    with contextlib.suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        share = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(share.split()[1]) / 1024 + sum(whole_megabytes(int(child)) for child in children)
    return 0.0


def _post_again(target: Target, path: str, body: object, *, clients: int) -> None:
    def post(client: httpx.Client) -> None:
        client.post(target.url + path, json=body)

    _again(target, post, clients)


def get_again(target: Target, path: str | Callable[[int], str], *, clients: int) -> None:
    """Ask again and again, with so many clients; ``path`` may depend on how often was asked."""
    numbers = count()

    def get(client: httpx.Client) -> None:
        client.get(target.url + (path if isinstance(path, str) else path(next(numbers))))

    _again(target, get, clients)


def _again(target: Target, ask: Callable[[httpx.Client], None], clients: int) -> None:
    until = time.monotonic() + target.seconds

    def repeat(_: int) -> None:
        with httpx.Client(timeout=120) as client:
            while time.monotonic() < until:
                with contextlib.suppress(httpx.HTTPError):
                    ask(client)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(repeat, range(clients)))


def _hold(target: Target, begin: Callable[[], socket.socket], *, number: int) -> None:
    """Hold so many connections until the time is over, and open those anew that were cut."""
    until = time.monotonic() + target.seconds
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            with contextlib.suppress(OSError):
                stack.enter_context(begin())
        time.sleep(max(0.0, until - time.monotonic()))


if __name__ == "__main__":
    main()
