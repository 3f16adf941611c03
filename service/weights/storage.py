"""Storage of checkpoints and weights: a folder, or any location that fsspec knows.

There are two folders: ``checkpoints`` of runs that have not ended, and ``weights`` to download. A
name begins with the id of its run and has the number of the attempt that wrote the file, so a
worker that has lost its run cannot overwrite the files of the next one.

A storage raises ``OSError`` and nothing else: ``FileNotFoundError`` where there is no such file,
any other where the location cannot be used.
"""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, cast
from urllib.parse import unquote

from service.settings import Settings

CHECKPOINTS = "checkpoints"
WEIGHTS = "weights"

#: Which weights of a run: before the first step, or after the last one.
Moment = Literal["initial", "final"]

#: What stays free on a local disk: a share of it, but at most so many bytes. Postgres may be on the
#: same disk, and needs the space more than a checkpoint does.
_RESERVED_SHARE = 0.05
_RESERVED_BYTES = 1_000_000_000

#: How S3 is reached. A call that finds nobody, or gets no answer, is tried again and fails within
#: a minute or so; by default it would be minutes, in which the training waits.
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 3,
        "read_timeout": 15,
        "retries": {"total_max_attempts": 2},
    }
}
_S3_TRIES = 2
_S3_SCHEMES = ("s3", "s3a")

_ID_LENGTH = 36
_PIECE_BYTES = 1 << 20


def weights_name(run_id: uuid.UUID, attempt: int, moment: Moment) -> str:
    """Return the name of the file with a run's weights."""
    return f"{WEIGHTS}/{run_id}-{attempt}-{moment}.safetensors"


def run_of(name: str) -> uuid.UUID | None:
    """Return the run that a file belongs to, by its name; None for a file of another kind."""
    try:
        return uuid.UUID(name.rpartition("/")[2][:_ID_LENGTH])
    except ValueError:
        return None


class Storage(Protocol):
    """A location of files; the module says what it raises."""

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:
        """Write a file, whole or not at all; ``durable``: it survives a power cut."""

    def put(self, name: str, path: Path) -> None:
        """Write a file with the content of another one, whole or not at all, piece by piece."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; it is seekable."""

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's files, with the folder; none where there is no folder."""

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:
        """Write to a temporary name, sync, rename, and sync the folder."""
        self._write(name, sum(map(len, parts)), parts, durable=durable)

    def put(self, name: str, path: Path) -> None:
        """Write the content of a file in the same way."""
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            self._write(name, path.stat().st_size, pieces, durable=True)

    def _write(self, name: str, size: int, parts: Iterable[bytes], *, durable: bool) -> None:
        path = self._root / name
        self._create(path.parent)
        check_space(path.parent, size)
        # It begins with the run's id too: ``files.purge`` then finds what a killed worker leaves.
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with temporary.open("wb") as file:
                file.writelines(parts)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if durable:
            _sync(path.parent)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        return (self._root / name).open("rb")

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's files."""
        try:
            with os.scandir(self._root / folder) as entries:
                return [f"{folder}/{entry.name}" for entry in entries]
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._root / name).unlink(missing_ok=True)

    def _create(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync(self._root)
            _sync(self._root.parent)


class Remote:
    """A location that fsspec knows by its URL.

    Object stores take a file whole or not at all. Where another kind of location stores half a
    file, its checksum shows it (``service.weights.checksums``).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._scheme = url.partition("://")[0]

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system and the path in it; raises where the kind of URL is unknown."""
        import fsspec  # noqa: PLC0415 - a quarter of a second that a folder need not pay

        options = _S3_OPTIONS if self._scheme in _S3_SCHEMES else {}
        files, root = fsspec.core.url_to_fs(self._url, **options)
        if options:
            files.retries = _S3_TRIES
        return files, root.rstrip("/")

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:  # noqa: ARG002 - all it has
        """Write a file in one piece."""
        data = b"".join(parts)
        with self._at(name) as (files, path):
            try:
                files.pipe_file(path, data)
            except FileNotFoundError:
                self._make_folder(files, path)
                files.pipe_file(path, data)

    def put(self, name: str, path: Path) -> None:
        """Write the content of a file."""
        with self._at(name) as (files, target):
            try:
                files.put_file(str(path), target)
            except FileNotFoundError:
                self._make_folder(files, target)
                files.put_file(str(path), target)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        with self._at(name) as (files, path):
            return cast("BinaryIO", files.open(path, "rb"))

    def names(self, folder: str) -> list[str]:
        """Return the names of a folder's files, with those that others have just written."""
        with self._at(folder) as (files, path):
            files.invalidate_cache()
            try:
                listed = files.ls(path, detail=False)
            except FileNotFoundError:
                return []
        return [f"{folder}/{path.rpartition('/')[2]}" for path in listed]

    def remove(self, name: str) -> None:
        """Remove a file."""
        with contextlib.suppress(FileNotFoundError), self._at(name) as (files, path):
            files.rm_file(path)

    def _make_folder(self, files: Any, path: str) -> None:
        """Make the folder of a file, where folders must exist first.

        Raises:
            FileNotFoundError: in S3 it is the bucket that is missing, and its owner makes it.
        """
        if self._scheme in _S3_SCHEMES:
            raise FileNotFoundError(f"There is no bucket {path.partition('/')[0]}.")
        files.makedirs(path.rpartition("/")[0], exist_ok=True)

    @contextlib.contextmanager
    def _at(self, name: str) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the path of a name; errors of any backend become OSErrors."""
        try:
            files, root = self._place
            yield files, f"{root}/{name}"
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def open_storage(settings: Settings) -> Storage:
    """Return the storage that the settings name; it raises only when it is used."""
    return _open(settings.checkpoint_dir or str(settings.home / "training"))


@lru_cache(maxsize=8)
def _open(location: str) -> Storage:
    scheme, separator, path = location.partition("://")
    if not separator:
        return Folder(Path(location))
    return Folder(Path(unquote(path))) if scheme in {"file", "local"} else Remote(location)


def check_space(folder: Path, size: int) -> None:
    """Check that a disk has space for a file and for the reserve.

    Raises:
        OSError: too little space would be left.
    """
    disk: Any = os.statvfs(folder)
    reserved = min(_RESERVED_SHARE * disk.f_blocks * disk.f_frsize, _RESERVED_BYTES)
    if disk.f_bavail * disk.f_frsize - size < reserved:
        raise OSError(errno.ENOSPC, "Too little room is left on the disk", str(folder))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
