"""A lock file: one launcher at a time may use a server's data."""

import fcntl
import os
from pathlib import Path
from typing import IO

from deploy.embedded.errors import EmbeddedServerError


class Lock:
    """An advisory lock on a file; the kernel releases it when its holder ends in any way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Acquire the lock; does nothing if this object holds it already.

        Raises:
            EmbeddedServerError: another launcher holds it.
        """
        if self._file is not None:
            return
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise EmbeddedServerError(
                f"The embedded servers of {self.path.parent} are run by another launcher, "
                f"process {holder}: stop that one, or choose another folder with ACTINIUM_HOME."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Release the lock; does nothing if this object does not hold it."""
        if self._file is not None:
            self._file.close()
            self._file = None
