"""The account PostgreSQL runs under: never root, and one with a name."""

import os
import pwd
import subprocess
from functools import cache

from deploy.embedded.errors import EmbeddedServerError


@cache
def unprivileged() -> tuple[str, ...]:
    """Return the words to put before a command of PostgreSQL, none for an ordinary user.

    PostgreSQL refuses root, and initdb an account without a name. For these two a user namespace
    shows the caller under an ordinary account's number: no account is made, no file changes its
    owner, and outside the namespace the server is still the caller's own process.

    Raises:
        EmbeddedServerError: the machine allows no user namespaces.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ()
    try:
        account = next(entry for entry in pwd.getpwall() if entry.pw_uid != 0)
        shown_as = f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"
        prefix = ("unshare", "--user", *shown_as)
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (StopIteration, OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedServerError(
            "PostgreSQL runs neither as root nor under an account without a name, and this "
            "machine allows no user namespaces: run as an ordinary user, or name a running "
            "server in ACTINIUM_DATABASE_URL."
        ) from error
    return prefix


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
