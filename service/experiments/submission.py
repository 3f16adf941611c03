"""Submission: store an experiment with its runs."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.orm import Session

from service.database.tables import Experiment, Run
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.experiments import idempotency
from service.experiments.idempotency import KeyedRequest
from service.experiments.progress import Standing, read_one
from service.ids import uuid7
from service.runs.reuse import reuse_finished
from service.runs.transitions import finished_event
from service.settings import Settings
from service.specs.expansion import PlannedRun, expand
from service.specs.labels import label_runs
from service.specs.packing import pack_key
from service.specs.spec import ExperimentSpec
from service.statuses import RunStatus


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
        response = render(read_one(session, experiment_id))
        if request is not None:
            idempotency.remember(session, request, experiment_id, response, settings)
        created = NewEvent(EventType.EXPERIMENT_CREATED, experiment_id, data={"runs": len(planned)})
        publish(session, [created, *(finished_event(run) for run in reused)])
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
        "status": RunStatus.QUEUED,
        "priority": spec.priority,
        "device_request": spec.device,
        "reuse": spec.reuse,
        "max_attempts": spec.max_attempts,
        "epochs": spec.epochs,
    }
    labels = label_runs(planned)
    pack_keys = {run.config_hash: pack_key(run.configuration) for run in planned}
    rows = [
        {
            "id": uuid7(),
            "position": position,
            "label": run.label,
            "labels": labels[run.key].by_axis,
            "name": labels[run.key].name,
            "config": run.configuration.values,
            "config_hash": run.config_hash,
            "pack_key": pack_keys[run.config_hash],
            "seed": run.seed,
            **shared,
        }
        for position, run in enumerate(planned)
    ]
    session.execute(insert(Run), rows)
    return experiment_id
