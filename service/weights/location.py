"""The location of checkpoints, checked before a process begins with its work.

Only a location by URL is checked: whether it is written right, its extra installed, the bucket
there and the keys good. A folder of this machine may be missing; trainings go on without.
"""

import re
import subprocess
import sys
import uuid
from importlib.util import find_spec

from service.settings import Settings, get_settings
from service.weights.storage import Remote, open_storage

_VARIABLE = "ACTINIUM_CHECKPOINT_DIR"
_PROBE = b"written by Actinium to see whether it can, and removed"

#: Packages of the extra ``s3``, by the scheme of the location.
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs"}


class LocationError(ValueError):
    """The location of checkpoints cannot be used; a sentence for whoever starts the process."""


def check_location(settings: Settings) -> None:
    """Check that files can be written to a location beyond this machine, read and removed.

    Raises:
        LocationError: they cannot.
    """
    storage = open_storage(settings)
    if not isinstance(storage, Remote):
        return
    location = re.sub("//[^/@]*@", "//***@", str(settings.checkpoint_dir))
    scheme = location.partition("://")[0]
    package = _PACKAGES.get(scheme)
    if package is not None and find_spec(package) is None:
        raise LocationError(
            f"{_VARIABLE} is {location}, and {package} is not installed: "
            "pip install 'actinium-service[s3]'."
        )
    name = f"probes/{uuid.uuid4()}"
    try:
        storage.write(name, [_PROBE])
        with storage.open(name) as file:
            read = file.read()
        storage.remove(name)
    except OSError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise LocationError(
            f"{_VARIABLE} is {location}, which cannot be used: {reason.rstrip('.')}."
        ) from error
    if read != _PROBE:
        raise LocationError(f"{_VARIABLE} is {location}, which does not keep what is written.")


def check_location_apart(settings: Settings) -> None:
    """Check as ``check_location`` in a process of its own.

    Connections to an object store are threads, which must not exist where a worker forks; and what
    the libraries say of a connection that fails is no part of our one sentence.

    Raises:
        LocationError: it cannot be used.
    """
    if not isinstance(open_storage(settings), Remote):
        return
    checked = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", __name__], check=False, capture_output=True, errors="replace"
    )
    if checked.returncode != 0:
        raise LocationError(checked.stdout.strip() or f"{_VARIABLE} could not be checked.")


if __name__ == "__main__":
    try:
        check_location(get_settings())
    except ValueError as refused:
        sys.stdout.write(str(refused))
        sys.exit(1)
