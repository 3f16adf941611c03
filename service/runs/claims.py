"""The use-case by which a worker claims runs: the next queued run, and those packed with it.

Callers (the keys that submitted) take turns: the next run is of the caller whose last turn was
longest ago, however many runs the others have and whatever their priority. Priority decides among
the runs of one caller, and a pack has runs of one caller.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, aliased

from service.catalog.metrics import RESULT_COLUMNS
from service.database.tables import Attempt, Epoch, Layers, Run, Turn, Worker
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.runs import quotas
from service.runs.capacity import seen_lately
from service.runs.columns import precision_column
from service.runs.fencing import Claim, form_of
from service.runs.leases import new_lease
from service.runs.reuse import reuse_finished
from service.runs.transitions import finished_event
from service.settings import Settings
from service.specs.packing import Form, engine_form, pack_limit, threads_of
from service.statuses import RunStatus

#: Engine fields set by packing, not by the worker.
_SET_BY_PACKING = frozenset({"threads", "form"})

#: Engine fields of a worker that matter to runs of one precision only, with that precision.
_OF_ONE_PRECISION = {"bfloat16": "bfloat16", "products": "float32"}


def claim(
    session: Session,
    *,
    worker: str,
    engine: Mapping[str, Any],
    settings: Settings,
    most: int | None = None,
    memory_bytes: int | None = None,
) -> list[Claim]:
    """Claim the next run that this worker's device may train, with others where it can be packed.

    Runs that have been trained elsewhere meanwhile take over that history instead.

    Args:
        session: a session outside any transaction.
        worker: the worker's name.
        engine: what the bits depend on (``device`` and more). It is recorded with each run, with
            the form and the number of threads.
        settings: gives the length of the lease, the threads and the size of packs.
        most: the most runs to claim; ``settings.pack_size`` where left out.
        memory_bytes: what the worker has for its runs; those that need more are left to others.

    Returns:
        The claims, in the order in which the runs waited; empty where no run waits.
    """
    own = _worker_fields(engine)
    claimable = waiting_runs(str(own["device"]), memory_bytes)
    idle = _idle_workers(worker, str(own["device"]), settings)
    most = settings.pack_size if most is None else most
    while True:
        with session.begin():
            room = quotas.room_to_train(session, settings, most)
            pack = _choose(session, own, claimable, idle, room)
            if not pack:
                return []
            ids = [row.id for row in pack]
            reused = reuse_finished(session, Run.id.in_(ids))
            reused_ids = {run.id for run in reused}
            left = [row for row in pack if row.id not in reused_ids]
            claims = _take(session, left, worker, own, settings) if left else []
            started = [_started_event(claim, worker) for claim in claims]
            publish(session, [*map(finished_event, reused), *started])
        if claims:
            return claims


def _worker_fields(engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the engine fields that describe the worker: device, processor, library versions."""
    return {name: value for name, value in engine.items() if name not in _SET_BY_PACKING}


def _worker_fields_of(own: Mapping[str, Any], precision: str) -> dict[str, Any]:
    """Return the fields of a worker's engine that a run of this precision records."""
    fields = {
        name: value
        for name, value in own.items()
        if _OF_ONE_PRECISION.get(name, precision) == precision
    }
    return fields | {"precision": precision}


def _choose(
    session: Session,
    own: dict[str, Any],
    claimable: Sequence[Any],
    idle: CTE,
    room: Callable[[str], int],
) -> list[Row[Any]]:
    """Lock the next queued run and, where it is batched, the runs that are packed with it."""
    with by_index(session):
        for caller in _callers_by_turn(session):
            waiting = [*claimable, Run.caller == caller]
            pack = _choose_of(session, waiting, own, idle, room(caller))
            if pack:
                _take_turn(session, caller)
                return pack
    return []


def _choose_of(
    session: Session, waiting: Sequence[Any], own: dict[str, Any], idle: CTE, most: int
) -> list[Row[Any]]:
    """Lock the next queued run of a caller, with those packed with it; at most ``most``."""
    if most < 1:
        return []
    head = session.execute(locked_queue(waiting, 1)).one_or_none()
    if head is None:
        return []
    # A run that failed before, or in a pack that failed, cannot end others again.
    if most == 1 or head.failures or head.alone or _form(head, own) == "solo":
        return [head]
    alike = [*waiting, Run.pack_key == head.pack_key, Run.failures == 0, ~Run.alone]
    limit = _share(session, alike, idle, most)
    others = session.execute(locked_queue([*alike, Run.id != head.id], limit - 1)).all()
    return _distinct([head, *(row for row in others if _form(row, own) == "batched")])


#: The callers with queued runs, each found by one step in the index of the queue.
_CALLERS = text(
    """
    WITH RECURSIVE waiting (caller) AS (
        (SELECT caller FROM runs WHERE status = 'queued' ORDER BY caller LIMIT 1)
        UNION ALL
        SELECT (SELECT runs.caller FROM runs
                WHERE status = 'queued' AND runs.caller > waiting.caller
                ORDER BY runs.caller LIMIT 1)
        FROM waiting WHERE waiting.caller IS NOT NULL
    )
    SELECT waiting.caller, turns.taken_at
    FROM waiting LEFT JOIN turns USING (caller) WHERE waiting.caller IS NOT NULL
    """
)


def _callers_by_turn(session: Session) -> list[str]:
    """Return the callers with queued runs; first those without a turn yet, then the longest ago."""
    found = session.execute(_CALLERS).all()
    return [
        caller
        for caller, taken_at in sorted(
            found, key=lambda row: (row.taken_at is not None, row.taken_at, row.caller)
        )
    ]


def _take_turn(session: Session, caller: str) -> None:
    turn = upsert(Turn).values(caller=caller, taken_at=func.clock_timestamp())
    session.execute(
        turn.on_conflict_do_update(
            index_elements=[Turn.caller], set_={"taken_at": turn.excluded.taken_at}
        )
    )


@contextmanager
def by_index(session: Session) -> Iterator[None]:
    """Make Postgres read the queue from its index.

    Before its statistics are up to date, Postgres expects few queued runs and sorts all of them for
    each claim: 209 ms for 20,000 runs, where the index gives the first in 11 ms (EXPLAIN ANALYZE).
    """
    session.execute(text("SET LOCAL enable_sort TO off"))
    yield
    session.execute(text("SET LOCAL enable_sort TO DEFAULT"))


def waiting_runs(device: str, memory_bytes: int | None = None) -> list[Any]:
    """Return the conditions on runs that a worker of this device and memory may claim now."""
    twin = aliased(Run)
    # This run will take over the history of a twin that is in training, so it waits for it.
    in_training = exists().where(
        twin.config_hash == Run.config_hash, twin.seed == Run.seed, twin.status == RunStatus.RUNNING
    )
    return [
        Run.status == RunStatus.QUEUED,
        Run.device_request.in_(("auto", device)),
        or_(Run.not_before.is_(None), Run.not_before <= func.now()),
        or_(~Run.reuse, ~in_training),
        *([] if memory_bytes is None else [Run.memory_bytes <= memory_bytes]),
    ]


def _queue(what: Select[Any], conditions: Sequence[Any]) -> Select[Any]:
    """Return a query of a caller's queued runs: high priority first, then the longest waiting."""
    return what.where(*conditions).order_by(Run.priority.desc(), Run.id)


def locked_queue(conditions: Sequence[Any], limit: int) -> Select[Any]:
    """Return the query that locks queued runs and reads what decides how they are trained."""
    deciding = select(
        Run.id,
        Run.experiment_id,
        Run.config["model"]["name"].astext.label("model"),
        precision_column(),
        Run.config_hash,
        Run.seed,
        Run.reuse,
        Run.failures,
        Run.alone,
        Run.pack_key,
        Run.engine,
    )
    return _queue(deciding, conditions).limit(limit).with_for_update(skip_locked=True)


def _share(session: Session, alike: Sequence[Any], idle: CTE, most: int) -> int:
    """Return how many of the runs that can be packed together this worker claims.

    Runs and workers are counted in one statement. Between two statements another claim could be
    committed: its worker would still count as idle, and its runs no longer as queued.
    """
    # Counting stops at the largest number that matters, so it stays fast where thousands wait.
    enough = most * select(idle.c.workers).scalar_subquery()
    some = _queue(select(Run.id), alike).limit(enough).subquery()
    waiting = select(func.count()).select_from(some).scalar_subquery()
    count, workers = session.execute(select(waiting, idle.c.workers)).one()
    return pack_limit(count, workers, most)


def _idle_workers(worker: str, device: str, settings: Settings) -> CTE:
    """Return the query that counts a device's idle workers, the one that claims included."""
    at_work = select(Run.worker).where(Run.status == RunStatus.RUNNING, Run.worker.is_not(None))
    others = select((func.count() + 1).label("workers")).where(
        Worker.device == device,
        seen_lately(settings),
        Worker.name != worker,
        Worker.name.not_in(at_work),
    )
    return others.cte("idle")


def _distinct(pack: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Leave out runs that will take over the history of another run of the pack."""
    kept, trained = [], set()
    for row in pack:
        training = (row.config_hash, row.seed)
        if not (row.reuse and training in trained):
            kept.append(row)
            trained.add(training)
    return kept


def _resumes(row: Row[Any], own: dict[str, Any]) -> bool:
    """Whether a run was started on an equal worker, so that its bits stay the same."""
    if row.engine is None:
        return False
    return _worker_fields(row.engine) == _worker_fields_of(own, row.precision)


def _form(row: Row[Any], own: dict[str, Any]) -> Form:
    if _resumes(row, own):
        return form_of(row.engine)
    return engine_form(row.model, row.pack_key, str(own["device"]))


def _take(
    session: Session,
    pack: Sequence[Row[Any]],
    worker: str,
    own: dict[str, Any],
    settings: Settings,
) -> list[Claim]:
    ids = [row.id for row in pack]
    restarted = [row.id for row in pack if row.engine is not None and not _resumes(row, own)]
    if restarted:
        _restart(session, restarted)
    # Runs that resume keep their engine; all others of a pack are in one form.
    of_worker = _worker_fields_of(own, pack[0].precision)
    engine = of_worker | _set_by_packing(session, pack, own, settings)
    taken = session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(
            status=RunStatus.RUNNING,
            attempt=Run.attempt + 1,
            started_at=func.coalesce(Run.started_at, func.now()),
            not_before=None,
            worker=worker,
            engine=func.coalesce(Run.engine, literal(engine, Run.engine.type)),
            error=None,
            **new_lease(settings),
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
            {"run_id": run_id, "attempt": claim.attempt, "worker": worker, "engine": claim.engine}
            for run_id, claim in claims.items()
        ],
    )
    return [claims[run_id] for run_id in ids]


def _restart(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Delete what runs have recorded: another engine may round differently.

    A history never mixes results from two engines.
    """
    for table in (Epoch, Layers):
        session.execute(delete(table).where(table.run_id.in_(ids)))
    diagnosis = ("outcome", "verdict", "findings", "diagnosis_version")
    results = dict.fromkeys((*RESULT_COLUMNS, *diagnosis, "engine"))
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(epoch=0, **results)
        .execution_options(synchronize_session=False)
    )


def _set_by_packing(
    session: Session, pack: Sequence[Row[Any]], own: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    """Return form and threads of those runs of a pack that start."""
    first, device = pack[0], str(own["device"])
    form = engine_form(first.model, first.pack_key, device)
    runs = 1
    if form == "solo":
        last = select(func.max(Run.position)).where(Run.experiment_id == first.experiment_id)
        runs = session.scalars(last).one() + 1
    threads = threads_of(
        form, device, runs, training_threads=settings.training_threads, cores=settings.cores
    )
    return {"threads": threads, "form": form}


def _started_event(claim: Claim, worker: str) -> NewEvent:
    data = {"attempt": claim.attempt, "worker": worker}
    progress = {"epoch": claim.recorded_epochs, "epochs": claim.epochs}
    return NewEvent(EventType.RUN_STARTED, claim.experiment_id, claim.run_id, data | progress)
