"""Use-cases of experiments: submit, look, cancel, retry, delete.

A write is one short transaction. It locks run rows in the order of their ids, and publishes
last.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session, defer

from service import idempotency
from service.config import Settings
from service.errors import ConflictError, NotFoundError
from service.events import NewEvent, publish
from service.expansion import PlannedRun, expand
from service.idempotency import KeyedRequest
from service.identifiers import uuid7
from service.models import ACTIVE, Event, Experiment, Run
from service.packing import pack_key
from service.paging import Order, Page, fetch_page
from service.runs import cancel_locked
from service.spec import ExperimentSpec
from service.standing import Standing, experiments_with_counts, standings
from service.transitions import finished_event, publish_endings, reuse_finished


@dataclass(frozen=True)
class Origin:
    """The preset that an experiment was made from, and at which size."""

    preset: str
    size: str


@dataclass(frozen=True)
class Submission:
    """What a submission made, and the answer to it. ``replayed``: it was made before."""

    experiment_id: uuid.UUID
    response: bytes
    replayed: bool


@dataclass(frozen=True)
class ExperimentFilter:
    """Which experiments are searched for; an empty field allows all.

    One of ``statuses``, all of ``tags``.
    """

    statuses: Sequence[str] = ()
    tags: Sequence[tuple[str, str]] = ()
    name: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def submit(
    session: Session,
    spec: ExperimentSpec,
    *,
    caller: str,
    settings: Settings,
    render: Callable[[Standing], bytes],
    request: KeyedRequest | None = None,
    origin: Origin | None = None,
) -> Submission:
    """Store an experiment with its runs; those trained before take over that history.

    Args:
        session: a session outside any transaction.
        spec: the experiment.
        caller: the name of whoever submits.
        settings: gives the limits, and how long an Idempotency-Key is remembered.
        render: writes the answer, which is stored with the request's key.
        request: the request, where it named an Idempotency-Key.
        origin: the preset it is made from.

    Raises:
        SpecError: the spec cannot be run.
        InFlightError: the same request is being worked on.
        IdempotencyMismatchError: the key came with another request before.
    """
    with session.begin():
        if request is not None:
            stored = idempotency.recall(session, request)
            if stored is not None:
                return Submission(stored.experiment_id, stored.response, replayed=True)
        planned = expand(spec, settings.limits)
        experiment_id = _store(session, spec, planned, caller, origin)
        reused = reuse_finished(session, Run.experiment_id == experiment_id)
        response = render(_one(session, experiment_id))
        if request is not None:
            idempotency.remember(session, request, experiment_id, response, settings)
        created = NewEvent("experiment.created", None, {"runs": len(planned)})
        publish_endings(
            session, {experiment_id: [created, *(finished_event(each) for each in reused)]}
        )
        return Submission(experiment_id, response, replayed=False)


def _store(
    session: Session,
    spec: ExperimentSpec,
    planned: Sequence[PlannedRun],
    caller: str,
    origin: Origin | None,
) -> uuid.UUID:
    experiment_id = uuid7()
    values = {
        "id": experiment_id,
        "name": spec.name,
        "description": spec.description,
        "tags": spec.tags,
        "spec": spec.model_dump(mode="json", exclude_none=True),
        "created_by": caller,
    }
    if origin is not None:
        values |= {"preset": origin.preset, "preset_size": origin.size}
    session.execute(insert(Experiment), [values])
    shared = {
        "experiment_id": experiment_id,
        "status": "queued",
        "priority": spec.priority,
        "device_request": spec.device,
        "reuse": spec.reuse,
        "max_attempts": spec.max_attempts,
        "epochs": spec.epochs,
    }
    distinct = {each.config_hash: each.config for each in planned}
    configs = {digest: each.model_dump(mode="json") for digest, each in distinct.items()}
    pack_keys = {digest: pack_key(each) for digest, each in distinct.items()}
    rows = [
        {
            "id": uuid7(),
            "position": position,
            "label": each.label,
            "config": configs[each.config_hash],
            "config_hash": each.config_hash,
            "pack_key": pack_keys[each.config_hash],
            "seed": each.seed,
            **shared,
        }
        for position, each in enumerate(planned)
    ]
    session.execute(insert(Run), rows)
    return experiment_id


def get(session: Session, experiment_id: uuid.UUID) -> Standing:
    """Give an experiment and how it stands.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        return _one(session, experiment_id)


def _one(session: Session, experiment_id: uuid.UUID) -> Standing:
    statement = experiments_with_counts().where(Experiment.id == experiment_id)
    rows = session.execute(statement.execution_options(populate_existing=True)).all()
    if not rows:
        raise _missing(experiment_id)
    return standings(session, rows)[0]


def _missing(experiment_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"There is no experiment {experiment_id}.")


def has_finished(session: Session, experiment_id: uuid.UUID) -> bool:
    """Say whether no run of an experiment is left to be done."""
    with session.begin():
        active = exists().where(Run.experiment_id == experiment_id, Run.status.in_(ACTIVE))
        return not session.scalar(select(active))


def search(
    session: Session, wanted: ExperimentFilter, *, cursor: str | None, limit: int
) -> tuple[list[Standing], str | None]:
    """List experiments, newest first, without their specs.

    Returns:
        One page, and the cursor of the next where there is one.
    """
    statement = experiments_with_counts(wanted.statuses).options(defer(Experiment.spec))
    for key, value in wanted.tags:
        statement = statement.where(Experiment.tags.contains({key: value}))
    if wanted.name is not None:
        statement = statement.where(Experiment.name == wanted.name)
    if wanted.created_after is not None:
        statement = statement.where(Experiment.created_at > wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(Experiment.created_at < wanted.created_before)
    with session.begin():
        page: Page = fetch_page(
            session,
            statement,
            Order(Experiment.id, descending=True),
            query=["experiments", wanted],
            cursor=cursor,
            limit=limit,
        )
        return standings(session, page.rows), page.next_cursor


def cancel(session: Session, experiment_id: uuid.UUID) -> Standing:
    """Cancel an experiment: what waits at once, what trains within seconds.

    Where nothing is left to cancel, nothing changes.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        active = _lock_runs(session, experiment_id, ACTIVE)
        if active:
            first = func.coalesce(Experiment.cancelled_at, func.now())
            _set(session, experiment_id, cancelled_at=first)
            cancel_locked(session, experiment_id, active)
        return _one(session, experiment_id)


def retry(session: Session, experiment_id: uuid.UUID, caller: str) -> Standing:
    """Queue the failed and cancelled runs of an experiment again.

    Their attempts are counted on, since the number of an attempt is its fencing token, and
    epochs they have recorded are kept.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        ended = _lock_runs(session, experiment_id, ("failed", "cancelled"))
        if ended:
            _set(session, experiment_id, cancelled_at=None)
            _requeue(session, experiment_id, ended, caller)
        return _one(session, experiment_id)


def _requeue(session: Session, experiment_id: uuid.UUID, ended: Sequence[Run], caller: str) -> None:
    reason = f"Retried by {caller}."
    events = [
        NewEvent(
            "run.requeued",
            run.id,
            {"attempt": run.attempt, "outcome": run.status, "reason": reason},
        )
        for run in ended
    ]
    session.execute(
        update(Run)
        .where(Run.id.in_([run.id for run in ended]))
        .values(
            status="queued",
            failures=0,
            error=None,
            not_before=None,
            cancel_requested_at=None,
            finished_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    publish(session, experiment_id, events)


def delete(session: Session, experiment_id: uuid.UUID) -> None:
    """Delete an experiment with its runs, their histories and its events; one event tells of it.

    Raises:
        NotFoundError: there is no such experiment.
        ConflictError: a run of it is queued or running.
    """
    with session.begin():
        statuses = session.execute(
            select(Run.status)
            .where(Run.experiment_id == experiment_id)
            .order_by(Run.id)
            .with_for_update()
        ).scalars()
        if any(each in ACTIVE for each in statuses):
            raise ConflictError(
                "The experiment has runs that are queued or running. Cancel it first."
            )
        deleted = session.scalar(
            delete_rows(Experiment).where(Experiment.id == experiment_id).returning(Experiment.id)
        )
        if deleted is None:
            raise _missing(experiment_id)
        session.execute(delete_rows(Event).where(Event.experiment_id == experiment_id))
        publish(session, experiment_id, [NewEvent("experiment.deleted")])


def _lock_runs(session: Session, experiment_id: uuid.UUID, statuses: Sequence[str]) -> list[Run]:
    locked = session.scalars(
        select(Run)
        .where(Run.experiment_id == experiment_id, Run.status.in_(statuses))
        .order_by(Run.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(locked)


def _set(session: Session, experiment_id: uuid.UUID, *, cancelled_at: Any) -> None:
    session.execute(
        update(Experiment)
        .where(Experiment.id == experiment_id)
        .values(cancelled_at=cancelled_at)
        .execution_options(synchronize_session=False)
    )
