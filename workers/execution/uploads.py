"""Uploaded data sets on a worker: fetched by sha256, verified, and kept in a bounded cache."""

import contextlib
import hashlib
import os
import uuid
from pathlib import Path

import structlog

from service.datasets.canonical import file_sha256
from service.datasets.store import file_name
from service.settings import Settings
from service.specs.choices import Choice
from service.specs.uploads import UPLOADED
from service.weights.storage import open_storage
from workers.datasets.dataset import DatasetError

_PIECE_BYTES = 1 << 20

_log = structlog.get_logger(__name__)


def fetched(sha256: str, settings: Settings) -> Path:
    """Return a folder of this machine that has the file of an uploaded data set.

    Workers of a machine share the folder; of files that are not in use the oldest are removed once
    all together are larger than ``upload_cache_bytes``.

    Raises:
        DatasetError: the store does not have the file, or has another content under its name.
        OSError: the store cannot be read now.
    """
    folder = settings.scratch / "datasets"
    path = folder / sha256
    if path.is_file() and file_sha256(path) == sha256:
        os.utime(path)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    _fetch(sha256, path, settings)
    _shrink(folder, path, settings.upload_cache_bytes)
    return folder


def folder_of(dataset: Choice, settings: Settings) -> Path | None:
    """Return the folder of a data set's files; an uploaded one is fetched first.

    Raises:
        DatasetError: as ``fetched``.
        OSError: the store cannot be read now.
    """
    if dataset.name == UPLOADED:
        return fetched(str(dataset.parameters["sha256"]), settings)
    return settings.data_dir


def _fetch(sha256: str, path: Path, settings: Settings) -> None:
    """Copy a file from the store under a name of its own, and rename it once it is right."""
    # No process id: workers in containers share the folder, and have the same ones.
    part = path.with_name(f"{sha256}.{uuid.uuid4().hex}.part")
    digest = hashlib.sha256()
    try:
        with open_storage(settings).open(file_name(sha256)) as source, part.open("wb") as target:
            while piece := source.read(_PIECE_BYTES):
                digest.update(piece)
                target.write(piece)
        if digest.hexdigest() != sha256:
            raise DatasetError(
                f"The stored file of the uploaded data set {sha256} is damaged: it has another "
                "sha256. Delete the data set and upload it again."
            )
        part.replace(path)
    except FileNotFoundError:
        raise DatasetError(
            f"The uploaded data set {sha256} is not in the store: it was deleted, or this worker "
            "has another ACTINIUM_CHECKPOINT_DIR than the API. Upload it again."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    _log.info("Fetched an uploaded data set", sha256=sha256, bytes=path.stat().st_size)


def _shrink(folder: Path, kept: Path, most: int) -> None:
    """Remove the files that were used longest ago, until the others are small enough."""
    used = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another worker has removed it
            found = path.stat()
            used.append((found.st_mtime, found.st_size, path))
    used.sort()
    total = sum(size for _, size, _ in used)
    for _, size, path in used:
        if total <= most:
            return
        if path != kept:
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
