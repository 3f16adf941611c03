"""``make lock``: resolve all dependencies and write deploy/requirements/*.txt with hashes.

One resolution gives five files: ``api`` (the API's image), ``worker`` (the worker's), ``build``
(what builds the record of our package in both), ``run`` (`make demo`, `make up`) and ``dev``
(everything). Each is valid on every platform. ``pip install --require-hashes`` refuses packages
with other hashes than these.

torch is not included: each machine needs its own build, for CPUs or for CUDA, with other hashes
(docs/decisions/0014-lock-files.md). Its dependencies are included.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "requirements"

#: The dependencies of torch's CPU build, from its wheel's metadata.
TORCH_NEEDS = ["filelock", "fsspec", "jinja2", "networkx", "sympy>=1.13.3", "typing-extensions"]
#: Needed to build the two packages of this repository without further downloads.
_BUILD = ["setuptools>=77", "wheel"]
#: What only the API, the scheduler and the migrations import; the worker's image is without.
API_ALONE = frozenset(
    {
        *("alembic", "fastapi", "h5py", "httpcore", "markdown-it-py", "matplotlib", "pillow"),
        *("opentelemetry-instrumentation-fastapi", "prometheus-client", "pyarrow", "uvicorn"),
    }
)

#: The extras of the service and of the client in each file; None: without the client.
LOCKS: dict[str, tuple[list[str], list[str] | None]] = {
    "dev": (["train", "embedded", "tracing", "s3", "dev"], ["pandas", "yaml"]),
    "run": (["train", "embedded"], ["yaml"]),
    "worker": (["train", "tracing", "s3"], None),
    "api": (["tracing", "s3"], None),
    "build": ([], None),
}


def main() -> None:
    """Write the lock files; ``--upgrade`` takes the newest versions that pyproject.toml allows."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions too")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    for name in LOCKS:
        # The largest is resolved first; the others use its versions.
        constraint = [] if name == "dev" else ["--constraint", str(FOLDER / "dev.txt")]
        _compile(name, [*constraint, *(upgrade if name == "dev" else [])])


def _compile(name: str, options: Sequence[str]) -> None:
    target = FOLDER / f"{name}.txt"
    command = [
        *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--quiet"),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"),
        *("--custom-compile-command", "make lock", "--output-file", str(target), *options),
    ]
    requirements = "\n".join(requirements_of(name))
    subprocess.run(command, input=requirements, text=True, check=True, cwd=ROOT)


def requirements_of(name: str) -> list[str]:
    """Return the requirements of a lock file, without torch and this repository's packages."""
    if name == "build":
        return _BUILD
    service_extras, client_extras = LOCKS[name]
    requirements = _declared(ROOT / "pyproject.toml", service_extras)
    if name == "worker":
        requirements = [line for line in requirements if _package(line) not in API_ALONE]
    if client_extras is not None:
        # These folders are installed to be edited, and so built in the same environment.
        requirements += _declared(ROOT / "client" / "pyproject.toml", client_extras) + _BUILD
    if "train" in service_extras:
        requirements += TORCH_NEEDS
    excluded = ("torch==", "actinium")
    return sorted({line for line in requirements if not line.startswith(excluded)})


def _package(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _declared(file: Path, extras: Sequence[str]) -> list[str]:
    project = tomllib.loads(file.read_text())["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


if __name__ == "__main__":
    main()
