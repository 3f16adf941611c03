"""Use-cases of uploaded data sets: store, list, find for a spec, delete."""

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from service.database.paging import Order, fetch_page
from service.database.tables import Run, UploadedDataset
from service.datasets.understood import Understood
from service.errors import ConflictError, NotFoundError, UnavailableError
from service.ids import uuid7
from service.settings import Settings
from service.specs.uploads import UploadedFacts
from service.statuses import ACTIVE
from service.weights.storage import open_storage

FOLDER = "datasets"

_SHA256_DIGITS = 64
_SHA256 = re.compile("[0-9a-f]{64}")

#: The largest value of a pixel of uploaded images.
_LARGEST_PIXEL = 255.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DatasetLabels:
    """What a client calls a data set."""

    name: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def file_name(sha256: str) -> str:
    """Return the name of a data set's file in the store."""
    return f"{FOLDER}/{sha256}"


def store(
    session: Session,
    understood: Understood,
    path: Path,
    labels: DatasetLabels,
    *,
    caller: str,
    settings: Settings,
) -> tuple[UploadedDataset, bool]:
    """Store a data set, unless its content is stored already.

    Args:
        session: a session outside any transaction.
        understood: what was understood of the file.
        path: the canonical file.
        labels: what the client calls it.
        caller: the name of the API key that uploads.
        settings: give the location of files.

    Returns:
        The data set, and whether it is a new one. One that was stored before keeps its name.

    Raises:
        UnavailableError: the location of files cannot be written.
    """
    with session.begin():
        # Uploads of one content, and its deletion, come one after the other.
        session.execute(select(func.pg_advisory_xact_lock(_lock_of(understood.sha256))))
        before = session.scalar(
            select(UploadedDataset).where(UploadedDataset.sha256 == understood.sha256)
        )
        try:
            # Again, even where it is stored: a file that was lost or damaged is then mended.
            open_storage(settings).put(file_name(understood.sha256), path)
        except OSError as error:
            _log.warning("An upload could not be stored", reason=str(error))
            raise UnavailableError("The data set cannot be stored at the moment.") from None
        if before is not None:
            return before, False
        dataset = UploadedDataset(
            id=uuid7(),
            sha256=understood.sha256,
            name=labels.name,
            description=labels.description,
            tags=dict(labels.tags),
            bytes=path.stat().st_size,
            understood=understood.model_dump(mode="json"),
            created_by=caller,
        )
        session.add(dataset)
        session.flush()
        session.refresh(dataset)
        return dataset, True


def search(
    session: Session, *, cursor: str | None, limit: int
) -> tuple[list[UploadedDataset], str | None]:
    """Return a page of data sets, newest first, and the cursor of the next page if there is one."""
    with session.begin():
        page = fetch_page(
            session,
            select(UploadedDataset),
            Order(UploadedDataset.id, descending=True),
            query=["datasets"],
            cursor=cursor,
            limit=limit,
        )
    return [row.UploadedDataset for row in page.rows], page.next_cursor


def get(session: Session, dataset_id: uuid.UUID) -> UploadedDataset:
    """Return a data set.

    Raises:
        NotFoundError: there is none.
    """
    with session.begin():
        found = session.get(UploadedDataset, dataset_id)
    if found is None:
        raise _missing(dataset_id)
    return found


def delete(session: Session, dataset_id: uuid.UUID, settings: Settings) -> None:
    """Delete a data set and its file; runs that were trained on it stay readable.

    Raises:
        NotFoundError: there is none.
        ConflictError: runs that are not over need it.
    """
    with session.begin():
        dataset = session.get(UploadedDataset, dataset_id, with_for_update=True)
        if dataset is None:
            raise _missing(dataset_id)
        session.execute(select(func.pg_advisory_xact_lock(_lock_of(dataset.sha256))))
        needed = exists().where(
            Run.status.in_(ACTIVE), Run.config["dataset"]["sha256"].astext == dataset.sha256
        )
        if session.scalar(select(needed)):
            raise ConflictError(
                "Runs that are queued or running need this data set. Cancel them first, or wait."
            )
        session.execute(delete_rows(UploadedDataset).where(UploadedDataset.id == dataset_id))
        try:
            open_storage(settings).remove(file_name(dataset.sha256))
        except OSError as error:
            _log.warning("The file of a deleted data set stays", reason=str(error))


def purge(session: Session, settings: Settings) -> int:
    """Remove files that no data set has: those of uploads and deletions that were interrupted.

    Returns:
        How many were removed; none where the location cannot be used.
    """
    removed = 0
    try:
        storage = open_storage(settings)
        for name in storage.names(FOLDER):
            written = name.rpartition("/")[2]
            sha256 = written[:_SHA256_DIGITS]
            if not _SHA256.fullmatch(sha256):
                continue
            with session.begin():
                lock = func.pg_try_advisory_xact_lock(_lock_of(sha256))
                if not session.scalar(select(lock)):  # an upload is storing it
                    continue
                known = select(exists().where(UploadedDataset.sha256 == sha256))
                if written != sha256 or not session.scalar(known):
                    storage.remove(name)
                    removed += 1
    except OSError as error:
        _log.warning("Files of no data set could not be removed", reason=str(error))
    return removed


def facts_of(session: Session, ids: Collection[str]) -> dict[str, UploadedFacts]:
    """Return the facts of data sets by id, and keep them from being deleted until it is committed.

    Args:
        session: in a transaction.
        ids: ids as a spec has them, in lower case.
    """
    if not ids:
        return {}
    rows = session.scalars(
        select(UploadedDataset)
        .where(UploadedDataset.id.in_([uuid.UUID(written) for written in ids]))
        .with_for_update(key_share=True, read=True)
    )
    return {
        str(row.id): _facts(row.sha256, Understood.model_validate(row.understood)) for row in rows
    }


def _facts(sha256: str, understood: Understood) -> UploadedFacts:
    is_image = len(understood.input_shape) == 3
    largest = max((found.test for found in understood.classes), default=0)
    targets = understood.targets
    return UploadedFacts(
        sha256=sha256,
        input_shape=tuple(understood.input_shape),
        classes=len(understood.classes),
        largest_value=_LARGEST_PIXEL if is_image else None,
        largest_class=round(largest / understood.test_count, 6) if understood.classes else None,
        target_deviation=None if targets is None else _digits(targets.test_rmse),
        target_absolute_deviation=None if targets is None else _digits(targets.test_mae),
        train_count=understood.train_count,
        test_count=understood.test_count,
    )


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _lock_of(sha256: str) -> int:
    """Return the number of a content's advisory lock: a signed integer of 64 bits."""
    return int.from_bytes(bytes.fromhex(sha256[:16]), signed=True)


def _missing(dataset_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"There is no data set {dataset_id}.")
