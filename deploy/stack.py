"""The whole service on this machine: servers, migrations, API, scheduler and workers."""

import json
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

from deploy.embedded.ports import free_port, is_free
from deploy.embedded.postgres import PostgresServer
from deploy.embedded.valkey import ValkeyServer
from deploy.programs import Program, Write
from service.database.schema_version import alembic_config
from service.settings import Settings

_STOP_SECONDS = 30.0


class StackError(Exception):
    """The service cannot be started here, with a sentence that says why."""


class Stack:
    """Everything that makes up the service, started and stopped together.

    The servers that the settings name are used; those they do not name are embedded, with
    their data under ``settings.home``. ``api_key``, where given, is a key of the API that
    holds while this stack runs.
    """

    def __init__(self, settings: Settings, write: Write, *, api_key: str | None = None) -> None:
        self.settings = settings
        self.workers = os.cpu_count() if settings.workers is None else settings.workers
        self._write = write
        self._api_key = api_key
        self._closing = ExitStack()
        self._programs: list[Program] = []
        self.port = settings.port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the servers, bring the schema up to date, start the programs.

        Raises:
            StackError: the port is taken.
            EmbeddedServerError: a server cannot be started.
        """
        if not is_free(self.port):
            raise StackError(
                f"Port {self.port} is taken. Stop what listens there, or set ACTINIUM_PORT."
            )
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        database_url, redis_url = self._servers()
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
        self._announce()

    def _servers(self) -> tuple[str, str]:
        """Give the two URLs, starting what is embedded."""
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

    def wait_until_ready(self, seconds: float = 60.0) -> None:
        """Wait until the API answers and has seen a worker.

        Raises:
            StackError: it did not become ready in time.
        """
        deadline = time.monotonic() + seconds
        problem = "nothing answers"
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{self.url}/readyz", timeout=5)
                if answer.status_code == httpx.codes.OK:
                    return
                problem = answer.text
            except httpx.HTTPError as error:
                problem = str(error)
            time.sleep(0.1)
        raise StackError(f"The service was not ready after {seconds:g} s: {problem}")

    def stop(self) -> None:
        """Stop the programs, then the servers; nothing happens to what does not run."""
        self._closing.close()

    def _stop_programs(self) -> None:
        # The API last: clients can read until the workers have given their runs back.
        for program in reversed(self._programs):
            if program.name != "api":
                program.ask_to_stop()
        for program in reversed(self._programs):
            if program.name == "api":
                program.ask_to_stop()
            program.wait(_STOP_SECONDS)
        _address(self.settings.home).unlink(missing_ok=True)

    def _announce(self) -> None:
        """Leave word of where the service answers, for programs that look for it."""
        place = _address(self.settings.home)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"url": self.url, "pid": os.getpid()}))

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


def running_service(home: Path) -> str | None:
    """Give the URL of the service that runs on this home, or None where none answers."""
    try:
        url: str = json.loads(_address(home).read_text())["url"]
        alive = httpx.get(f"{url}/healthz", timeout=5).status_code == httpx.codes.OK
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return None
    return url if alive else None


def _address(home: Path) -> Path:
    return home / "service.json"


def _count_gpus() -> int:
    """Count NVIDIA GPUs without importing torch, which takes seconds."""
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
