"""The whole service on this machine: servers, migrations, API, scheduler and workers."""

import errno
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from alembic import command

from deploy.embedded.ports import free_port, listening_error, reachable_host
from deploy.embedded.postgres import PostgresServer
from deploy.embedded.valkey import ValkeyServer
from deploy.programs import Program, Write
from service.database.schema_version import alembic_config
from service.liveness import RunningStack, announce_stack, announced_stack, withdraw_stack
from service.settings import Settings

_STOP_SECONDS = 30.0
#: How long the start may take where a program fails, and where all are alive.
_READY_SECONDS, _SLOW_SECONDS = 60.0, 600.0
#: Seconds between two lines that say that the start takes long.
_SAYS_SECONDS = 30.0


class StackError(Exception):
    """The service cannot start on this machine; the message says why."""


class Stack:
    """All parts of the service, started and stopped together.

    It uses the servers that the settings name. Those they do not name are embedded and keep
    their data in ``settings.home``.

    Args:
        settings: those of the service; with port 0 the API takes any free port.
        write: takes what the programs print, line by line; called from several threads.
        api_key: a key the API accepts as long as this stack runs.
    """

    def __init__(self, settings: Settings, write: Write, *, api_key: str | None = None) -> None:
        self.settings = settings
        self.workers = os.cpu_count() if settings.workers is None else settings.workers
        self._write = write
        self._api_key = api_key
        self._closing = ExitStack()
        self._programs: list[Program] = []
        self.port = settings.port or free_port()
        self.url = f"http://{reachable_host(settings.host)}:{self.port}"

    def start(self) -> None:
        """Start the servers, migrate the database, start the programs.

        Raises:
            StackError: the port is taken, or this machine does not have the address.
            EmbeddedServerError: a server cannot be started.
        """
        self._check_address()
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _check_address(self) -> None:
        problem = listening_error(self.settings.host, self.port)
        if problem is None:
            return
        if problem.errno == errno.EADDRINUSE:
            raise StackError(
                f"Port {self.port} is in use. Stop the program that listens there, or set "
                "ACTINIUM_PORT."
            )
        raise StackError(
            f"The API cannot listen on {self.settings.host}, port {self.port}: "
            f"{problem.strerror}. Set ACTINIUM_HOST or ACTINIUM_PORT."
        )

    def _start_all(self) -> None:
        database_url, redis_url = self._start_servers()
        settings = self.settings.model_copy(
            update={"database_url": database_url, "redis_url": redis_url}
        )
        self._write("stack", f"PostgreSQL at {database_url.partition('@')[2]}")
        self._write("stack", f"Redis at {redis_url.rpartition('@')[2]}")
        command.upgrade(alembic_config(settings.sqlalchemy_url), "head")
        environment = {
            "ACTINIUM_DATABASE_URL": database_url,
            "ACTINIUM_REDIS_URL": redis_url,
            "ACTINIUM_PORT": str(self.port),
        }
        if self._api_key is not None:
            environment["ACTINIUM_API_KEY"] = self._api_key
        self._closing.callback(self._stop_programs)
        for name, arguments in self._commands():
            program = Program(name, [sys.executable, "-m", *arguments], environment, self._write)
            self._programs.append(program)
            program.start()
        announce_stack(settings.home, RunningStack(self.url, os.getpid(), database_url))

    def _start_servers(self) -> tuple[str, str]:
        """Start the embedded servers; return the URLs of Postgres and Redis."""
        named = self.settings.model_fields_set
        home = self.settings.home
        if "database_url" in named:
            database_url = self.settings.database_url
        else:
            postgres = PostgresServer(home)
            self._closing.callback(postgres.stop)
            database_url = postgres.start()
        if "redis_url" in named:
            redis_url = self.settings.redis_url
        else:
            valkey = ValkeyServer(home)
            self._closing.callback(valkey.stop)
            redis_url = valkey.start()
        return database_url, redis_url

    def _commands(self) -> list[tuple[str, list[str]]]:
        commands = [
            ("api", ["service.cli", "api"]),
            ("scheduler", ["service.cli", "scheduler"]),
        ]
        for number in range(1, (self.workers or 0) + 1):
            name = f"cpu-{number}"
            commands.append((name, ["workers", "--device", "cpu", "--name", name]))
        for number in range(_count_gpus()):
            name = f"cuda-{number}"
            gpu = ["--gpu", str(number)]
            commands.append((name, ["workers", "--device", "cuda", "--name", name, *gpu]))
        return commands

    def wait_until_ready(
        self, seconds: float = _READY_SECONDS, slow_seconds: float = _SLOW_SECONDS
    ) -> None:
        """Wait until the API answers, and knows of a worker where one was started.

        Args:
            seconds: how long, where a program has ended meanwhile.
            slow_seconds: how long, where all are still starting: the machine may be busy.

        Raises:
            StackError: this took longer.
        """
        wanted = {"database", "schema", "broker"}
        if any(program.name.startswith(("cpu-", "cuda-")) for program in self._programs):
            wanted.add("workers")
        began = time.monotonic()
        said = 0
        problem = "no answer"
        while True:
            passed = time.monotonic() - began
            patience = seconds if any(each.failures for each in self._programs) else slow_seconds
            if passed >= patience:
                break
            if passed // _SAYS_SECONDS > said:
                said = int(passed // _SAYS_SECONDS)
                self._write("stack", f"Not ready after {passed:.0f} s, still waiting: {problem}")
            try:
                checks = _ask(f"{self.url}/readyz").json()["checks"]
                missing = [checks[name]["detail"] for name in wanted if not checks[name]["ok"]]
                if not missing:
                    return
                problem = " ".join(missing)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                problem = str(error)
            time.sleep(0.1)
        raise StackError(f"The service was not ready after {passed:.0f} s: {problem}")

    def stop(self) -> None:
        """Stop the programs, then the servers; does nothing if none runs."""
        self._closing.close()

    def _stop_programs(self) -> None:
        # The API stops last: clients can read until the workers have released their runs.
        for program in reversed(self._programs):
            if program.name != "api":
                program.ask_to_stop()
        for program in reversed(self._programs):
            if program.name == "api":
                program.ask_to_stop()
            program.wait(_STOP_SECONDS)
        withdraw_stack(self.settings.home)

    def __enter__(self) -> Self:
        """Start the service."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the service."""
        self.stop()


def running_service(home: Path) -> str | None:
    """Return the URL of the service that uses this home, or None if none answers."""
    stack = announced_stack(home)
    try:
        alive = stack is not None and _ask(f"{stack.url}/healthz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return None
    return stack.url if stack is not None and alive else None


def _ask(url: str) -> httpx.Response:
    """Return an answer of this machine's service, whatever proxy the environment names."""
    return httpx.get(url, timeout=5, trust_env=False)


def _count_gpus() -> int:
    """Return the number of NVIDIA GPUs, without importing torch, which takes seconds."""
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(
        ["nvidia-smi", "-L"], capture_output=True, errors="replace", check=False
    )
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
