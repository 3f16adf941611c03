"""``make lock``: resolve all dependencies anew and write deploy/requirements/*.txt with hashes.

Four files, from one resolution: ``api`` (the API's image), ``worker`` (the worker's), ``run``
(`make demo`, `make up`) and ``dev`` (all). Each holds for every platform, and ``pip install
--require-hashes`` refuses a file whose bytes are not the ones written here.

torch alone is left out: its build, for CPUs or for CUDA, is the machine's choice and has hashes of
its own (docs/decisions/0014-lock-files.md). What it needs besides is here.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "requirements"

#: What the CPU build of torch needs, as its wheel's metadata says.
_TORCH_NEEDS = ["filelock", "fsspec", "jinja2", "networkx", "sympy>=1.13.3", "typing-extensions"]
#: What builds the two packages of this repository, without a download of its own.
_BUILD = ["setuptools>=77", "wheel"]

#: The extras of the service and of the client that each file is for; None leaves the client out.
LOCKS: dict[str, tuple[list[str], list[str] | None]] = {
    "dev": (["train", "embedded", "dev"], ["pandas", "yaml"]),
    "run": (["train", "embedded"], []),
    "worker": (["train"], None),
    "api": ([], None),
}


def main() -> None:
    """Write the lock files; with ``--upgrade`` to the newest versions that pyproject.toml allows."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions too")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    for name in LOCKS:
        # All agree with the largest, which is resolved first.
        agreed = [] if name == "dev" else ["--constraint", str(FOLDER / "dev.txt")]
        _compile(name, [*agreed, *(upgrade if name == "dev" else [])])


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
    """Return what a lock file is resolved from, without torch and this repository's packages."""
    service_extras, client_extras = LOCKS[name]
    wanted = _declared(ROOT / "pyproject.toml", service_extras)
    if client_extras is not None:
        wanted += _declared(ROOT / "client" / "pyproject.toml", client_extras)
    if "train" in service_extras:
        wanted += _TORCH_NEEDS
    own = ("torch==", "actinium")
    return sorted({each for each in [*wanted, *_BUILD] if not each.startswith(own)})


def _declared(file: Path, extras: Sequence[str]) -> list[str]:
    project = tomllib.loads(file.read_text())["project"]
    optional = project.get("optional-dependencies", {})
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


if __name__ == "__main__":
    main()
