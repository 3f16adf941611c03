"""The use-case by which a worker takes runs: the next that waits, with what it is packed with."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Row,
    Select,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session, aliased

from service.catalog.metrics import RESULT_COLUMNS
from service.database.tables import Attempt, Epoch, Layers, Run, Worker
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.runs.leases import Claim, form_of
from service.runs.reuse import reuse_finished
from service.runs.transitions import finished_event
from service.settings import Settings
from service.specs.packing import Form, engine_form, pack_limit, threads_of
from service.statuses import RunStatus

#: What the rules of ``service.specs.packing`` add to the engine a worker describes.
_DECIDED_HERE = frozenset({"threads", "form"})


def claim(
    session: Session,
    *,
    worker: str,
    engine: Mapping[str, Any],
    settings: Settings,
    most: int | None = None,
) -> list[Claim]:
    """Take the next run this worker's device may train, and a pack where it can be packed.

    Runs that have meanwhile been trained elsewhere are ended with that history instead.

    Args:
        session: a session outside any transaction.
        worker: the worker's name.
        engine: what the bits depend on (``device`` and more); recorded with each run, to which
            the form and the number of threads are added.
        settings: gives the length of the lease, the threads and the size of packs.
        most: the most runs that are taken; ``settings.pack_size`` where left out.

    Returns:
        The claims, in the order in which the runs waited; none where nothing waits.
    """
    make = _make(engine)
    most = settings.pack_size if most is None else most
    while True:
        with session.begin():
            pack = _choose(session, worker, make, settings, most)
            if not pack:
                return []
            ids = [row.id for row in pack]
            reused = reuse_finished(session, Run.id.in_(ids))
            done = {each.id for each in reused}
            left = [row for row in pack if row.id not in done]
            claims = _take(session, left, worker, make, settings) if left else []
            started = [_started_event(claimed, worker) for claimed in claims]
            publish(session, [*map(finished_event, reused), *started])
        if claims:
            return claims


def _make(engine: Mapping[str, Any]) -> dict[str, Any]:
    """What of an engine is the worker's: its device, processor and versions."""
    return {name: value for name, value in engine.items() if name not in _DECIDED_HERE}


def _choose(
    session: Session, worker: str, make: dict[str, Any], settings: Settings, most: int
) -> list[Row[Any]]:
    """Lock the next run that waits and, where it is batched, what is packed with it."""
    device = str(make["device"])
    waiting = waiting_runs(device)
    with _by_index(session):
        head = session.execute(locked_queue(waiting, 1)).one_or_none()
        if head is None:
            return []
        # A run that failed before is tried alone: it takes no other down with it again.
        if most == 1 or head.failures or _form(head, make) == "solo":
            return [head]
        alike = [*waiting, Run.pack_key == head.pack_key, Run.failures == 0]
        limit = _share(session, alike, _idle_workers(worker, device, settings), most)
        others = session.execute(locked_queue([*alike, Run.id != head.id], limit - 1)).all()
    return _distinct([head, *(row for row in others if _form(row, make) == "batched")])


@contextmanager
def _by_index(session: Session) -> Iterator[None]:
    """Have the queues read in the order of their indexes.

    Where Postgres does not know yet how many wait, it would take them for few, and sort all of
    them for each claim: 209 ms of 20,000, where the index gives the first in 11 (EXPLAIN tells).
    """
    session.execute(text("SET LOCAL enable_sort TO off"))
    yield
    session.execute(text("SET LOCAL enable_sort TO DEFAULT"))


def waiting_runs(device: str) -> list[Any]:
    """What is true of runs that a worker of this device may take now."""
    twin = aliased(Run)
    # A twin in training will answer this run too, so it is worth waiting for.
    in_training = exists().where(
        twin.config_hash == Run.config_hash, twin.seed == Run.seed, twin.status == RunStatus.RUNNING
    )
    return [
        Run.status == RunStatus.QUEUED,
        Run.device_request.in_(("auto", device)),
        or_(Run.not_before.is_(None), Run.not_before <= func.now()),
        or_(~Run.reuse, ~in_training),
    ]


def _queue(what: Select[Any], conditions: Sequence[Any]) -> Select[Any]:
    """Give something of runs that wait; who waits longest comes first."""
    return what.where(*conditions).order_by(Run.priority.desc(), Run.id)


def locked_queue(conditions: Sequence[Any], limit: int) -> Select[Any]:
    """Lock some runs and read what decides how they are trained."""
    deciding = select(
        Run.id,
        Run.experiment_id,
        Run.config["model"]["name"].astext.label("model"),
        Run.config_hash,
        Run.seed,
        Run.reuse,
        Run.failures,
        Run.pack_key,
        Run.engine,
    )
    return _queue(deciding, conditions).limit(limit).with_for_update(skip_locked=True)


def _share(session: Session, alike: Sequence[Any], idle: CTE, most: int) -> int:
    """Give how many of the runs that are alike this worker takes.

    Runs and workers are counted in one statement: between two, another's claim may be committed,
    whose worker would still count as idle and whose runs would no longer count as waiting.
    """
    # No more are counted than matter, so that it takes no longer where thousands wait.
    enough = most * select(idle.c.workers).scalar_subquery()
    some = _queue(select(Run.id), alike).limit(enough).subquery()
    waiting = select(func.count()).select_from(some).scalar_subquery()
    count, workers = session.execute(select(waiting, idle.c.workers)).one()
    return pack_limit(count, workers, most)


def _idle_workers(worker: str, device: str, settings: Settings) -> CTE:
    """Count the workers of a device that train nothing, the one that asks among them."""
    horizon = func.now() - timedelta(seconds=settings.worker_seen_seconds)
    at_work = select(Run.worker).where(Run.status == RunStatus.RUNNING, Run.worker.is_not(None))
    others = select((func.count() + 1).label("workers")).where(
        Worker.device == device,
        Worker.seen_at > horizon,
        Worker.name != worker,
        Worker.name.not_in(at_work),
    )
    return others.cte("idle")


def _distinct(pack: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Leave out runs that another of the pack will answer; they wait for it."""
    kept, trained = [], set()
    for row in pack:
        training = (row.config_hash, row.seed)
        if not (row.reuse and training in trained):
            kept.append(row)
            trained.add(training)
    return kept


def _goes_on(row: Row[Any], make: dict[str, Any]) -> bool:
    """Say whether a run was begun on this very make of engine, whose bits it then keeps."""
    return row.engine is not None and _make(row.engine) == make


def _form(row: Row[Any], make: dict[str, Any]) -> Form:
    if _goes_on(row, make):
        return form_of(row.engine)
    return engine_form(row.model, row.pack_key, str(make["device"]))


def _take(
    session: Session,
    pack: Sequence[Row[Any]],
    worker: str,
    make: dict[str, Any],
    settings: Settings,
) -> list[Claim]:
    ids = [row.id for row in pack]
    begun = [row.id for row in pack if row.engine is not None and not _goes_on(row, make)]
    if begun:
        _start_over(session, begun)
    # Runs that go on keep the engine they have; all others of a pack are in one form.
    engine = make | _rules(session, pack, make, settings)
    taken = session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(
            status=RunStatus.RUNNING,
            attempt=Run.attempt + 1,
            lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds),
            started_at=func.coalesce(Run.started_at, func.now()),
            not_before=None,
            worker=worker,
            engine=func.coalesce(Run.engine, literal(engine, Run.engine.type)),
            error=None,
        )
        .returning(
            Run.id.label("run_id"),
            Run.experiment_id,
            Run.attempt,
            Run.config,
            Run.seed,
            Run.epochs,
            Run.epoch.label("recorded_epochs"),
            Run.engine,
        )
        .execution_options(synchronize_session=False)
    ).all()
    claims = {row.run_id: Claim(**row._mapping) for row in taken}
    session.execute(
        insert(Attempt),
        [
            {"run_id": each.run_id, "attempt": each.attempt, "worker": worker}
            | {"engine": each.engine}
            for each in claims.values()
        ],
    )
    return [claims[each] for each in ids]


def _start_over(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Forget what runs recorded: another engine may round differently from theirs.

    A history is never of two makes.
    """
    for table in (Epoch, Layers):
        session.execute(delete(table).where(table.run_id.in_(ids)))
    results = dict.fromkeys((*RESULT_COLUMNS, "verdict", "findings", "engine"))
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(epoch=0, **results)
        .execution_options(synchronize_session=False)
    )


def _rules(
    session: Session, pack: Sequence[Row[Any]], make: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    """Decide form and threads of the runs of a pack that begin."""
    first, device = pack[0], str(make["device"])
    form = engine_form(first.model, first.pack_key, device)
    runs = 1
    if form == "solo":
        last = select(func.max(Run.position)).where(Run.experiment_id == first.experiment_id)
        runs = session.scalars(last).one() + 1
    threads = threads_of(
        form, device, runs, training_threads=settings.training_threads, cores=settings.cores
    )
    return {"threads": threads, "form": form}


def _started_event(held: Claim, worker: str) -> NewEvent:
    data = {"attempt": held.attempt, "worker": worker}
    progress = {"epoch": held.recorded_epochs, "epochs": held.epochs}
    return NewEvent(EventType.RUN_STARTED, held.experiment_id, held.run_id, data | progress)
