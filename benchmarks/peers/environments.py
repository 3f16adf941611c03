"""The peers: Keras on TensorFlow and MLflow's server, each in an environment of its own.

They are installed on first use below ``ACTINIUM_BENCH_HOME`` (``.actinium/bench`` if not set) and
stay there. Where that fails, our side is measured alone.
"""

import os
import shutil
import subprocess
import venv
from pathlib import Path

#: Module to look for in each environment, and what is installed.
PEERS = {
    "keras": ("keras", ("keras~=3.15", "tensorflow-cpu~=2.21")),
    "mlflow": ("mlflow", ("mlflow~=3.17",)),
}
_INSTALL_SECONDS = 900.0


class PeerError(Exception):
    """A peer cannot be had here, with the reason."""


def interpreter(name: str, *, install: bool = True) -> Path:
    """Return the interpreter of a peer's environment, installed if need be.

    Raises:
        PeerError: it is not installed, or cannot be.
    """
    folder = Path(os.environ.get("ACTINIUM_BENCH_HOME") or ".actinium/bench").absolute() / name
    python = folder / "bin" / "python"
    module, packages = PEERS[name]
    if _has(python, module):
        return python
    if not install:
        raise PeerError(f"{name} is not installed in {folder}")
    print(f"Installing {' and '.join(packages)} into {folder} (some minutes) ...", flush=True)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        arguments = ["install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(
            [python, "-m", "pip", *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PeerError(f"{name} cannot be installed ({reason(error)})") from error
    return python


def reason(error: Exception) -> str:
    """Return why an installation failed, in one line: the last of pip, or the error itself."""
    shown = getattr(error, "stderr", None) or ""
    if isinstance(shown, bytes):  # of a program that took too long
        shown = shown.decode(errors="replace")
    return (shown.strip() or str(error).strip() or type(error).__name__).splitlines()[-1]


def _has(python: Path, module: str) -> bool:
    if not python.exists():
        return False
    question = f"from importlib.util import find_spec; raise SystemExit(not find_spec('{module}'))"
    return subprocess.run([python, "-c", question], check=False).returncode == 0
