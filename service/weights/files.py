"""Reading the weights of a run, and removing the files of runs that have ended."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO, Literal, Self

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError, UnavailableError
from service.settings import Settings
from service.statuses import ENDED, FINISHED, RunStatus
from service.weights.checksums import DamagedFileError, check
from service.weights.storage import CHECKPOINTS, WEIGHTS, open_storage, run_of, weights_name

#: Before the first step, or after the last one.
At = Literal["0", "last"]

#: Runs that one query asks for.
_BATCH_RUNS = 500

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Weights:
    """A run's weights: a safetensors file, open at its beginning."""

    file: BinaryIO
    size: int
    sha256: str
    final: bool


@dataclass(frozen=True)
class FilesOfRun:
    """Whose files have a run's weights: its own, or those of the run whose history it took over.

    Attributes:
        run_id: the run that was trained.
        attempt: its last attempt; None where that is not known, and its files are gone.
        epochs: how many epochs it was trained.
    """

    run_id: uuid.UUID
    attempt: int | None
    epochs: int

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return whose files have the weights of a run."""
        if run.weights_run is not None:
            return cls(run.weights_run, run.weights_attempt, run.epochs)
        return cls(run.id, run.attempt, run.epochs)


def find(session: Session, run_id: uuid.UUID, at: At, settings: Settings) -> Weights:
    """Open the weights of a run; a run that took over a history has those of the original.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        at: ``0``: the weights it began with; ``last``: those it ended with.
        settings: give the location of weights, and how long they are kept.

    Raises:
        NotFoundError: there is no such run, or no such weights; the sentence has the reason.
        UnavailableError: the location of weights cannot be read.
    """
    with session.begin():
        run = session.get(Run, run_id)
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.")
        names = _names(FilesOfRun.of(run), at) if _may_exist(run, at) else []
    damaged = False
    for name in names:
        try:
            file = open_storage(settings).open(name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(error) from None
        try:
            sha256 = check(file)["sha256"]
        except DamagedFileError as damage:
            file.close()
            damaged = True
            _log.warning("Skipped damaged weights", name=name, reason=str(damage))
            continue
        except OSError as error:
            file.close()
            raise _unreadable(error) from None
        size = file.tell()
        file.seek(0)
        return Weights(file, size, sha256, final=run.status in FINISHED)
    if damaged:
        raise NotFoundError(
            f"The weights of run {run.id} are stored, and damaged: they are not what was written "
            "(the service's log names the file). Train it again with reuse: false."
        )
    raise NotFoundError(_reason(run, at, settings))


def _unreadable(error: OSError) -> UnavailableError:
    _log.warning("The location of weights cannot be read", reason=str(error))
    return UnavailableError("The weights cannot be read at the moment; try again.")


def _may_exist(run: Run, at: At) -> bool:
    return run.status in FINISHED if at == "last" else run.attempt > 0 or run.status in FINISHED


def _names(source: FilesOfRun, at: At) -> list[str]:
    """Return the names of the files that may have the weights, the likeliest first."""
    if source.attempt is None:
        return []
    if at == "last" and source.epochs > 0:
        return [weights_name(source.run_id, source.attempt, "final")]
    attempts = range(source.attempt, 0, -1)
    return [weights_name(source.run_id, attempt, "initial") for attempt in attempts]


def _reason(run: Run, at: At, settings: Settings) -> str:
    """Return why a run has no such weights, and what to do."""
    if not settings.weights_retention_days:
        return "No weights are kept here: ACTINIUM_WEIGHTS_RETENTION_DAYS is 0."
    if not _may_exist(run, at):
        if at == "0" or run.status == RunStatus.QUEUED:
            return f"Run {run.id} has not begun; its first weights exist once it has (?epoch=0)."
        if run.status == RunStatus.RUNNING:
            return f"Run {run.id} is in training; ask again when it has ended, or for ?epoch=0."
        return f"Run {run.id} was {run.status}; only the weights it began with are kept (?epoch=0)."
    if run.weights_run is not None and run.weights_attempt is None:
        return (
            f"The weights of run {run.id} are gone: they were files of run {run.weights_run}, and "
            "an older version of the service removed them when that run was deleted. Train it "
            "again with reuse: false."
        )
    return (
        f"The weights of run {run.id} are gone: they are kept for "
        f"{settings.weights_retention_days:g} days after its end, and missing where the worker "
        "could not write them (see its log). Train it again with reuse: false."
    )


def purge(session: Session, settings: Settings) -> int:
    """Remove the checkpoints of runs that have ended, and weights older than their retention.

    Files are listed before runs are looked up, and a run is stored before it has files, so a run
    that is not found was deleted. Its weights stay as long as those of the runs that took over its
    history.

    Returns:
        How many files were removed; none where the location cannot be used.
    """
    removed = 0
    try:
        storage = open_storage(settings)
        for folder in (CHECKPOINTS, WEIGHTS):
            for files in _by_run(storage.names(folder)):
                keep = _in_use(session, list(files))
                if folder == WEIGHTS:
                    keep |= still_wanted(session, set(files) - keep, settings)
                for run_id in set(files) - keep:
                    for name in files[run_id]:
                        storage.remove(name)
                        removed += 1
    except OSError as error:
        _log.warning("Old checkpoints and weights could not be removed", reason=str(error))
    return removed


def _by_run(names: Iterable[str]) -> Iterator[dict[uuid.UUID, list[str]]]:
    """Yield files by their runs, some hundred runs at a time."""
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for name in names:
        if (run_id := run_of(name)) is not None:
            found[run_id].append(name)
    ids = list(found)
    for start in range(0, len(ids), _BATCH_RUNS):
        yield {run_id: found[run_id] for run_id in ids[start : start + _BATCH_RUNS]}


def _in_use(session: Session, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return the runs that have not ended, and those that the tickets of such runs are made of."""
    ticket = Run.config["ticket"]["run"].astext
    going_on = Run.status.not_in(ENDED)
    with session.begin():
        running = set(session.scalars(select(Run.id).where(Run.id.in_(ids), going_on)))
        named = select(ticket).where(going_on, ticket.in_([str(one) for one in ids])).distinct()
        return running | {uuid.UUID(found) for found in session.scalars(named)}


def still_wanted(session: Session, ids: set[uuid.UUID], settings: Settings) -> set[uuid.UUID]:
    """Return the runs whose files are wanted: by themselves, or by one that took over a history.

    A run wants files until its retention has passed since its end. The runs need not exist.
    """
    horizon = func.now() - timedelta(days=settings.weights_retention_days)
    rows = select(Run.id, Run.weights_run).where(
        or_(Run.id.in_(ids), Run.weights_run.in_(ids)), Run.finished_at > horizon
    )
    with session.begin():
        return {run_id for row in session.execute(rows) for run_id in row} & ids
