"""Where checkpoints and weights are kept: a folder, or any location that fsspec knows.

Names are flat, in two folders: ``checkpoints`` of runs that are not over, and ``weights`` to be
downloaded. Each begins with its run's id. Names of both carry the number of the attempt that
wrote them, so a worker that has lost its run cannot overwrite what the next one writes.

A location raises ``OSError`` and nothing else: ``FileNotFoundError`` where there is no such file,
any other where it cannot be used.
"""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, cast
from urllib.parse import unquote

from service.settings import Settings

CHECKPOINTS = "checkpoints"
WEIGHTS = "weights"

#: Which weights of a run: before the first step, or after the last one.
Moment = Literal["initial", "final"]

#: What a local disk must keep free: a share of it, and no more than so many bytes. Postgres may
#: live on the same disk, and it needs the room more than a checkpoint does.
_RESERVED_SHARE = 0.05
_RESERVED_BYTES = 1_000_000_000

_ID_LENGTH = 36


def weights_name(run_id: uuid.UUID, attempt: int, moment: Moment) -> str:
    """Name the file of a run's weights."""
    return f"{WEIGHTS}/{run_id}-{attempt}-{moment}.safetensors"


def run_of(name: str) -> uuid.UUID | None:
    """Tell whose file it is by its name; None for a file that is not ours."""
    try:
        return uuid.UUID(name.rpartition("/")[2][:_ID_LENGTH])
    except ValueError:
        return None


class Storage(Protocol):
    """A location for files; see the module for what it raises."""

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:
        """Write a file, whole or not at all; it outlives a power cut unless told not to care."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; it can be sought in."""

    def names(self, folder: str) -> list[str]:
        """List the files of a folder, by their names with the folder's; none where it is not."""

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:
        """Write to a temporary name, sync, rename, and sync the folder."""
        path = self._root / name
        self._make(path.parent)
        _keep_room(path.parent, sum(map(len, parts)))
        # Begins with the run's id too: what a killed worker leaves is removed with the run's files.
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
        """List the files of a folder."""
        try:
            with os.scandir(self._root / folder) as entries:
                return [f"{folder}/{each.name}" for each in entries]
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._root / name).unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync(self._root)
            _sync(self._root.parent)


class Remote:
    """A location that fsspec knows by its URL.

    Object stores take a file whole or not at all. Where another kind of location tears one, its
    seal tells (``service.weights.checksums``).
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system and the path in it; an unknown kind of URL is told when it is used."""
        import fsspec  # noqa: PLC0415 - a quarter of a second that a folder need not pay

        files, root = fsspec.core.url_to_fs(self._url)
        return files, root.rstrip("/")

    def write(self, name: str, parts: Sequence[bytes], *, durable: bool = True) -> None:  # noqa: ARG002 - all it has
        """Write a file in one piece."""
        data = b"".join(parts)
        with self._at(name) as (files, path):
            try:
                files.pipe_file(path, data)
            except FileNotFoundError:  # a location with folders that have to be made
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
                files.pipe_file(path, data)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        with self._at(name) as (files, path):
            return cast("BinaryIO", files.open(path, "rb"))

    def names(self, folder: str) -> list[str]:
        """List the files of a folder, also those that others have just written."""
        with self._at(folder) as (files, path):
            files.invalidate_cache()
            try:
                listed = files.ls(path, detail=False)
            except FileNotFoundError:
                return []
        return [f"{folder}/{each.rpartition('/')[2]}" for each in listed]

    def remove(self, name: str) -> None:
        """Remove a file."""
        with contextlib.suppress(FileNotFoundError), self._at(name) as (files, path):
            files.rm_file(path)

    @contextlib.contextmanager
    def _at(self, name: str) -> Iterator[tuple[Any, str]]:
        """Give the file system and a name's path; errors of any backend become OSErrors."""
        try:
            files, root = self._place
            yield files, f"{root}/{name}"
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def open_storage(settings: Settings) -> Storage:
    """Give the location that the settings name; what is wrong with it shows when it is used."""
    return _open(settings.checkpoint_dir or str(settings.home / "training"))


@lru_cache(maxsize=8)
def _open(location: str) -> Storage:
    scheme, separator, path = location.partition("://")
    if not separator:
        return Folder(Path(location))
    return Folder(Path(unquote(path))) if scheme in {"file", "local"} else Remote(location)


def _keep_room(folder: Path, size: int) -> None:
    """Refuse to fill a disk up.

    Raises:
        OSError: too little would be left.
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
