"""Services of docker-compose.yml as processes of this machine.

No container engine is needed: a service's command, environment and health check are taken from
docker-compose.yml, its code and image's environment from its Dockerfile, and rewritten is only
what a container finds by a name or a path of its own.
"""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose_spec import parse_duration

from deploy.lock import API_ALONE
from tests.support.compose_file import dockerfile_of, image_environment, lay_out_app
from tests.support.processes import Started

#: Packages that only some images have; each is made unimportable where it was not copied.
PARTIAL = ("torch", "workers", "deploy", "tests", "benchmarks")
#: Distributions that only the API's image has, where their module has another name.
_MODULES = {"pillow": "PIL", "prometheus-client": "prometheus_client"}


@dataclass(frozen=True)
class Machine:
    """What stands in for a container's network and disk."""

    folder: Path
    #: Host, port and name of a database, in place of ``postgres:5432/actinium``.
    database: str
    #: Password, host and port, in place of ``:...@redis:6379``.
    redis: str
    #: In place of port 8000.
    api_port: int


class Container:
    """One service, as it would run in its container."""

    def __init__(self, name: str, service: dict[str, Any], machine: Machine) -> None:
        self.name = name
        self._service = service
        self._machine = machine
        self._folder = machine.folder / name
        self.app, self.tmp = self._folder / "app", self._folder / "tmp"
        self._absent = self._folder / "absent"
        for folder in (self.app, self.tmp, self._absent):
            folder.mkdir(parents=True)
        dockerfile = dockerfile_of(service)
        lay_out_app(dockerfile, self.app)
        self._hide_what_the_image_lacks(dockerfile)
        self._environment = self._rewritten(image_environment(dockerfile) | service["environment"])
        self.grace_seconds = parse_duration(service["stop_grace_period"])

    def start(self) -> Started:
        """Start the service's command."""
        log = self._folder / "log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                self._service["command"],
                cwd=self.app,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return Started(self.name, popen, log)

    def is_healthy(self) -> bool:
        """Run the service's health check."""
        kind, *command = self._service["healthcheck"]["test"]
        checked = subprocess.run(
            command if kind == "CMD" else ["sh", "-c", *command],
            check=False,
            cwd=self.app,
            env=self._environment,
            capture_output=True,
            timeout=60,
        )
        return checked.returncode == 0

    def stop(self, started: Started) -> int:
        """Stop the service as Compose does; return its exit status.

        Raises:
            subprocess.TimeoutExpired: it would have been killed.
        """
        started.send(signal.Signals[self._service["stop_signal"]])
        return started.wait(self.grace_seconds)

    def files(self) -> list[Path]:
        """All files of the image's folder."""
        return sorted(self.app.rglob("*"))

    def _hide_what_the_image_lacks(self, dockerfile: Path) -> None:
        is_worker = "torch==" in dockerfile.read_text()
        absent = [each for each in PARTIAL if not (self.app / each).exists()]
        if is_worker:
            absent.remove("torch")
            absent += [_MODULES.get(name, name) for name in API_ALONE]
        for package in absent:
            sentence = f"raise ImportError('{package} is not in the image of {self.name}')"
            (self._absent / f"{package}.py").write_text(sentence)

    def _rewritten(self, environment: dict[str, str]) -> dict[str, str]:
        here = {
            "/opt/actinium/bin": str(Path(sys.executable).parent),
            "$PATH": os.environ["PATH"],
            "/app": str(self.app),
            "/var/lib/actinium": str(self._machine.folder / "training-data"),
            "/tmp": str(self.tmp),
            "@postgres:5432/actinium": f"@{self._machine.database}",
            "//redis:6379": f"//{self._machine.redis}",
        }
        there = re.compile("|".join(map(re.escape, here)))
        rewritten = {
            name: there.sub(
                lambda found: here[found[0]], re.sub(r"//:\S+@redis:", "//redis:", value)
            )
            for name, value in environment.items()
        }
        rewritten["PYTHONPATH"] += f":{self._absent}"
        if self.name == "api":
            assert rewritten["ACTINIUM_PORT"] == "8000"
            rewritten["ACTINIUM_PORT"] = str(self._machine.api_port)
        return rewritten
