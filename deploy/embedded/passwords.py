"""Passwords of the embedded servers: random, made once, and readable by this account only."""

import os
import secrets
from pathlib import Path

_FOLDER = "passwords"


def password(home: Path, name: str) -> str:
    """Return a password of a home; one that does not exist yet is made, and kept from then on.

    Args:
        home: the servers' home, which must exist.
        name: whose password: the name of its file in ``home/passwords``.
    """
    folder = home / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    file = folder / name
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        pass
    made = secrets.token_hex(32)
    # Under another name first, so that a crash leaves no file without a password.
    unfinished = folder / f"{name}.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
        text.write(f"{made}\n")
        text.flush()
        os.fsync(text.fileno())
    unfinished.rename(file)
    return made
