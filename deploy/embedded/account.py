"""The account that PostgreSQL runs under: it has a name and is not root."""

import os
import pwd
import subprocess
from functools import cache

from deploy.embedded.errors import EmbeddedServerError


@cache
def unprivileged() -> tuple[str, ...]:
    """Return the words to put before a command of PostgreSQL; none for an ordinary user.

    PostgreSQL does not run as root, and initdb needs an account with a name. For root and for an
    account without a name, the command runs in a user namespace that shows the caller as an
    ordinary account. No account is created and no file changes its owner. Outside the namespace
    the server remains the caller's own process.

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
            "PostgreSQL does not run as root or under an account without a name, and this "
            "machine allows no user namespaces. Run as an ordinary user, or name a running "
            "server in ACTINIUM_DATABASE_URL."
        ) from error
    return prefix


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
