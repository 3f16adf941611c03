"""A campaign: drawn faults strike a whole service of real processes on servers of its own.

Where in a training a fault strikes depends on the machine, so repeated campaigns strike everywhere.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from deploy.embedded import EmbeddedServers
from service.settings import Settings
from tests.support.clocks import HOUR, WallClocks
from tests.support.fault_schedule import (
    AHEAD,
    API,
    HANGS,
    REDIRECTS,
    SCHEDULERS,
    WORKERS,
    Fault,
    draw,
)
from tests.support.processes import Processes, Started
from tests.support.webhook_receivers import ACCEPTED, Receiver

#: A process that was told to stop has to end within this time.
_STOP_SECONDS = 40.0


class Service:
    """Two workers, two schedulers and an API, which can be replaced one by one.

    Every process has a wall clock, which its replacement keeps.
    """

    def __init__(self, processes: Processes, clocks: WallClocks) -> None:
        self.clocks = clocks
        self._processes = processes
        self._running: dict[str, Started] = {}

    def start(self, name: str) -> None:
        """Start a process, in place of one that has ended."""
        part, _, own = name.partition(" ")
        if part == "worker":
            started = self._processes.worker(own, ready=False)
        elif part == "scheduler":
            started = self._processes.scheduler(name, ready=False)
        else:
            started = self._processes.start("api", "service.cli", "api")
        self._running[name] = started

    def start_all(self) -> None:
        """Start every process."""
        for name in (*WORKERS, *SCHEDULERS, *API):
            self.start(name)

    def __getitem__(self, name: str) -> Started:
        return self._running[name]

    def count(self, text: str) -> int:
        """Return how often a text is in the output of all processes, replaced ones too."""
        return sum(process.output.count(text) for process in self._processes.started)

    def all_run(self) -> bool:
        """Whether every process runs: only faults end one."""
        return all(process.running for process in self._running.values())


class Campaign:
    """Strikes a service with faults and lifts them again; counts those that had an effect."""

    def __init__(
        self,
        service: Service,
        servers: EmbeddedServers,
        receiver: Receiver,
        settings: Settings,
        seed: int,
    ) -> None:
        self.service = service
        self.struck: Counter[str] = Counter()
        self._receiver = receiver
        self._servers = servers
        self._settings = settings
        self._faults = draw(seed, settings.lease_seconds)
        self._chance = random.Random(
            seed + 1
        )  # draws the damaged bytes, which the schedule does not name
        self._lasting: dict[str, tuple[float, Callable[[], object]]] = {}
        self._folder = settings.home / "training" / "checkpoints"

    def run(self, seconds: float) -> None:
        """Strike for this long, then lift every fault that lasts."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fault = next(self._faults)
            self._lift(fault.target)
            if self._strike(fault):
                self.struck[fault.kind] += 1
            self._rest(fault.pause)
        for target in list(self._lasting):
            self._lift(target)

    def _strike(self, fault: Fault) -> bool:
        """Begin a fault, and return whether there was something to strike."""
        print(f"{time.strftime('%X')} {fault.kind}: {fault.target}, {fault.seconds:.1f} s")
        match fault.target.split()[0]:
            case "worker" | "scheduler" | "api":
                return self._strike_process(fault)
            case "redis":
                self._strike_redis(fault)
            case "postgres":
                self._strike_postgres(fault)
            case "receiver":
                self._strike_receiver(fault)
            case _:
                return self._strike_checkpoints(fault)
        return True

    def _strike_process(self, fault: Fault) -> bool:
        process = self.service[fault.target]
        verb, _, whom = fault.kind.partition(" ")
        if verb == "put":
            clocks = self.service.clocks
            clocks.put(fault.target, HOUR if fault.kind == AHEAD else -HOUR)
            self._lasts(fault, lambda: clocks.put(fault.target, 0))
            return True
        if "child" in whom:
            children = process.children()
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if verb == "kill" else signal.SIGSTOP)
            if children and verb == "pause":
                self._lasts(fault, lambda: _wake(children))
            return bool(children)
        if verb == "pause":
            process.send_group(signal.SIGSTOP)
            self._lasts(fault, lambda: process.send_group(signal.SIGCONT))
            return True
        process.send(signal.SIGKILL if verb == "kill" else signal.SIGTERM)

        def replace() -> None:
            process.wait(_STOP_SECONDS)
            self.service.start(fault.target)

        self._lasts(fault, replace)
        return True

    def _strike_redis(self, fault: Fault) -> None:
        valkey = self._servers.valkey
        if fault.kind == "flush Redis":
            with redis.Redis.from_url(valkey.url) as client:
                client.flushall()
            return
        valkey.kill() if fault.kind == "kill Redis" else valkey.stop()
        self._lasts(fault, valkey.start)

    def _strike_postgres(self, fault: Fault) -> None:
        postgres = self._servers.postgres
        if fault.kind.startswith("cut"):
            with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return
        postgres.kill() if fault.kind == "kill Postgres" else postgres.stop()
        self._lasts(fault, postgres.start)

    def _strike_receiver(self, fault: Fault) -> None:
        receiver = self._receiver
        if fault.kind == HANGS:
            receiver.silent.set()
        else:
            elsewhere = (307, {"Location": "/elsewhere"})
            receiver.usual = elsewhere if fault.kind == REDIRECTS else (500, {})

        def heal() -> None:
            receiver.silent.clear()
            receiver.usual = ACCEPTED

        self._lasts(fault, heal)

    def _strike_checkpoints(self, fault: Fault) -> bool:
        files = list(self._folder.glob("*")) if self._folder.is_dir() else []
        if fault.kind.startswith("damage"):
            damaged = [self._damage(file) for file in files]
            return any(damaged)
        if fault.kind.startswith("delete"):
            for file in files:
                file.unlink(missing_ok=True)
            return bool(files)
        # Root may write into any folder, so there is a file where the folder should be.
        aside = self._folder.with_name("aside")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.rename(aside)
        self._folder.touch()

        def give_back() -> None:
            self._folder.unlink()
            aside.rename(self._folder)

        self._lasts(fault, give_back)
        return True

    def _damage(self, file: Path) -> bool:
        """Flip a bit or truncate the file; return whether there was anything to damage."""
        try:
            content = bytearray(file.read_bytes())
        except FileNotFoundError:  # deleted meanwhile
            return False
        if not content:
            return False
        place = self._chance.randrange(len(content))
        if self._chance.random() < 0.3:
            content = content[:place]
        else:
            content[place] ^= 1 << self._chance.randrange(8)
        file.write_bytes(content)
        return True

    def _lasts(self, fault: Fault, lift: Callable[[], object]) -> None:
        self._lasting[fault.target] = (time.monotonic() + fault.seconds, lift)

    def _lift(self, target: str) -> None:
        """Wait until a target's fault is over, and lift it."""
        if target in self._lasting:
            due, lift = self._lasting[target]
            time.sleep(max(0.0, due - time.monotonic()))
            del self._lasting[target]
            lift()

    def _rest(self, seconds: float) -> None:
        """Wait, and lift the faults that end meanwhile."""
        until = time.monotonic() + seconds
        while self._lasting:
            target = min(self._lasting, key=lambda name: self._lasting[name][0])
            if self._lasting[target][0] > until:
                break
            self._lift(target)
        time.sleep(max(0.0, until - time.monotonic()))


def _wake(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
