"""Mirrored files: fetched from a mirror once, verified and kept."""

import hashlib
import os
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from workers.datasets.dataset import UnobtainableDatasetError
from workers.datasets.files import verified

#: How long a mirror may be silent. Trying two dead mirrors must not take longer than a lease.
SILENCE_SECONDS = 5.0
#: How long a mirror may take for one file, also if data keep coming.
FILE_SECONDS = 60.0
LARGEST_FILE_BYTES = 64 * 2**20


def cache_folder() -> Path:
    """Return the user's cache, for files if the data folder cannot be written."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "actinium"


@dataclass(frozen=True)
class MirroredFiles:
    """The files of a data set, known by their checksums.

    Attributes:
        title: the data set's name in errors.
        folders: where the files are looked for; a fetched file is kept in the first folder that
            can be written.
        mirrors: addresses that end in a slash, tried in this order.
        checksums: from each file's name to its sha256.
    """

    title: str
    folders: Sequence[Path]
    mirrors: Sequence[str]
    checksums: Mapping[str, str]

    def read(self, name: str) -> bytes:
        """Return the content of a file: from a folder if it is there, else from a mirror.

        Raises:
            UnobtainableDatasetError: the file is not there and no mirror has the expected one.
            DatasetError: the file is there and damaged.
        """
        for folder in self.folders:
            path = folder / name
            if path.exists():
                remedy = "Put the original there, or delete it to have it fetched again."
                return verified(path, self.checksums[name], remedy)
        content = self._fetch(name)
        self._keep(name, content)
        return content

    def _fetch(self, name: str) -> bytes:
        failures = []
        for mirror in self.mirrors:
            try:
                content = _download(mirror + name)
            except (OSError, HTTPException, ValueError) as error:
                failures.append(f"{mirror} ({error})")
                continue
            if hashlib.sha256(content).hexdigest() == self.checksums[name]:
                return content
            failures.append(f"{mirror} (another file: its sha256 is not the one expected)")
        raise UnobtainableDatasetError(
            f"{self.title} is not on this machine and no mirror gives {name}: put its "
            f"{len(self.checksums)} files into {' or '.join(map(str, self.folders))} (with "
            f"Compose: `docker compose run --rm fetch`), or let this machine reach one of "
            f"{', '.join(failures)}."
        )

    def _keep(self, name: str, content: bytes) -> None:
        """Store a file in one step, so that no other process can read half of it."""
        for folder in self.folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                handle, partial = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            except OSError:
                continue
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(partial).chmod(0o644)
                Path(partial).replace(folder / name)
            except OSError:
                Path(partial).unlink(missing_ok=True)
                continue
            return


def _download(url: str) -> bytes:
    deadline = time.monotonic() + FILE_SECONDS
    content = bytearray()
    with urllib.request.urlopen(url, timeout=SILENCE_SECONDS) as response:  # noqa: S310 - our own list
        while chunk := response.read(2**16):
            content += chunk
            if len(content) > LARGEST_FILE_BYTES:
                raise OSError("larger than any file of the data set")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {FILE_SECONDS:.0f} seconds")
    return bytes(content)
