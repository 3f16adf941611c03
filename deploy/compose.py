"""``make compose``: look at the machine, write .env, build, start, and say where the service is.

Needs Docker and Python alone. What is there is kept: an .env with its secrets, images, data. New
settings are tried by the migration first, so that a bad one does not take a running service down.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_ENGINE, _COMPOSE = (25, 0), (2, 24)
#: What the images and their build take.
_DISK_BYTES = 8e9
#: What all services but the workers take, and a worker with a small run.
_BASE_BYTES, _WORKER_BYTES = 1.5e9, 0.7e9
_WAIT_SECONDS = 600

_LINE = re.compile(r"^(?P<name>[A-Z_]+)=(?P<value>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Machine:
    """What runs the containers.

    Attributes:
        engine: version of Docker's engine.
        compose: version of Compose.
        cores: of the engine.
        memory_bytes: of the engine.
        free_bytes: of the disk with its images; None where it is not on this machine.
    """

    engine: tuple[int, ...]
    compose: tuple[int, ...]
    cores: int
    memory_bytes: int
    free_bytes: int | None


def main() -> None:
    """Start the service with Docker Compose."""
    try:
        machine = look()
        values = {**write_env(ROOT), **os.environ}
        refused = refusals(machine)
        if not _is_running() and not _is_free(*_published(values)):
            address, port = _published(values)
            refused.append(f"{address}:{port} is taken: set API_PORT in .env to another one.")
        if refused:
            sys.exit("\n".join(refused))
        for warning in warnings(machine, values):
            print(warning)
        _start()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{error}. docs/deployment.md says what to do when it does not start.")
    address, port = _published(values)
    print(f"Actinium is at http://{address}:{port}")
    print(f"Its key, from {ROOT / '.env'}: {values['ACTINIUM_API_KEY']}")


def with_secrets(text: str, example: str) -> str:
    """Return an .env in which each secret of the example has a value: its own, or a new one.

    Args:
        text: of the .env as it is.
        example: the text of .env.example, whose lines that are not comments are the secrets.
    """
    given = {found["name"] for found in _LINE.finditer(text)}
    missing = [found["name"] for found in _LINE.finditer(example) if found["name"] not in given]
    if missing:
        text = "\n".join([text.rstrip("\n"), *(f"{name}=" for name in missing), ""])
    required = {found["name"] for found in _LINE.finditer(example)}

    def filled(found: re.Match[str]) -> str:
        if found["name"] in required and not found["value"].strip():
            return f"{found['name']}={secrets.token_hex(24)}"
        return found[0]

    return _LINE.sub(filled, text)


def write_env(folder: Path) -> dict[str, str]:
    """Write a folder's .env, readable by this account alone, and return what it says."""
    example = (folder / ".env.example").read_text(encoding="utf-8")
    file = folder / ".env"
    before = file.read_text(encoding="utf-8") if file.exists() else None
    text = with_secrets(example if before is None else before, example)
    if text != before:
        new = folder / ".env.new"
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as opened:
            opened.write(text)
        new.replace(file)
    return {found["name"]: found["value"].strip() for found in _LINE.finditer(text)}


def look() -> Machine:
    """Return what runs the containers.

    Raises:
        OSError: there is no Docker, or its engine does not answer.
    """
    if shutil.which("docker") is None:
        raise OSError("Docker is not installed: see docs/howto/compose.md, or use `make up`")
    asked = _ask(
        "docker",
        "info",
        "--format",
        "{{.ServerVersion}} {{.NCPU}} {{.MemTotal}} {{.DockerRootDir}}",
    )
    engine, cores, memory, folder = asked.split(maxsplit=3)
    free = shutil.disk_usage(folder).free if Path(folder).is_dir() else None
    compose = _ask("docker", "compose", "version", "--short")
    return Machine(_version(engine), _version(compose), int(cores), int(memory), free)


def refusals(machine: Machine) -> list[str]:
    """Return why the containers cannot run on a machine, a sentence each."""
    found = []
    if machine.engine < _ENGINE:
        found.append(f"Docker Engine is {_shown(machine.engine)}; {_shown(_ENGINE)} is needed.")
    if machine.compose < _COMPOSE:
        found.append(f"Docker Compose is {_shown(machine.compose)}; {_shown(_COMPOSE)} is needed.")
    if machine.free_bytes is not None and machine.free_bytes < _DISK_BYTES:
        found.append(
            f"The disk with Docker's images has {machine.free_bytes / 1e9:.1f} GB left; "
            f"{_DISK_BYTES / 1e9:.0f} GB are needed."
        )
    return found


def warnings(machine: Machine, values: Mapping[str, str]) -> list[str]:
    """Return what will be slow or may fail, a sentence each."""
    workers = int(values.get("WORKERS") or 2)
    found = []
    if machine.cores < workers:
        found.append(
            f"{workers} workers share {machine.cores} cores; set WORKERS in .env to have fewer."
        )
    needed = _BASE_BYTES + workers * _WORKER_BYTES
    if machine.memory_bytes < needed:
        found.append(
            f"The engine has {machine.memory_bytes / 1e9:.1f} GB of memory; the services and "
            f"{workers} workers take {needed / 1e9:.1f} GB, and more for large runs."
        )
    return found


def _start() -> None:
    _run("config", "--quiet")
    _run("build")
    if _is_running():
        _run("run", "--rm", "--no-deps", "migrate")
    _run("up", "--detach", "--wait", "--wait-timeout", str(_WAIT_SECONDS))


def _is_running() -> bool:
    return bool(_ask("docker", "compose", "ps", "--quiet", "api", "postgres").strip())


def _published(values: Mapping[str, str]) -> tuple[str, int]:
    return values.get("API_ADDRESS") or "127.0.0.1", int(values.get("API_PORT") or 8000)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((address, port))
        except OSError:
            return False
    return True


def _run(*arguments: str) -> None:
    subprocess.run(["docker", "compose", *arguments], cwd=ROOT, check=True)


def _ask(*command: str) -> str:
    asked = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, errors="replace")
    if asked.returncode != 0:
        raise OSError(f"`{' '.join(command[:2])}` says: {asked.stderr.strip()}")
    return asked.stdout


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    main()
