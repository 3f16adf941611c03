"""Submission: store an experiment with its runs."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Integer,
    TableValuedAlias,
    Text,
    Uuid,
    cast,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from service.database.arrays import table_of
from service.database.tables import Experiment, IdempotencyKey, Run
from service.datasets.store import facts_of
from service.errors import GoneError
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.experiments import idempotency, overviews
from service.experiments.forecast import NO_FORECAST, forecasts
from service.experiments.idempotency import KeyedRequest
from service.experiments.progress import ExperimentProgress, Origin, read_progress
from service.experiments.tickets import ticket_sources
from service.ids import uuid7
from service.runs import capacity, quotas
from service.runs.reuse import reuse_finished
from service.runs.transitions import finished_event
from service.settings import Settings
from service.specs.expansion import Configuration, PlannedRun, expand
from service.specs.labels import ConfigurationKey, RunLabels, label_runs
from service.specs.packing import pack_key
from service.specs.spec import ExperimentSpec
from service.specs.uploads import ids_of
from service.statuses import RunStatus
from service.tracing import carrier


@dataclass(frozen=True)
class Submission:
    """A stored experiment as its submission is answered, now and whenever it is repeated.

    Attributes:
        experiment: the experiment with its progress at the submission.
        replayed: whether an earlier request with the same Idempotency-Key stored it.
    """

    experiment: ExperimentProgress
    replayed: bool


def submit(
    session: Session,
    spec: ExperimentSpec,
    *,
    caller: str,
    settings: Settings,
    request: KeyedRequest | None = None,
    origin: Origin | None = None,
    written: Mapping[str, Any] | None = None,
) -> Submission:
    """Store an experiment with its runs; those trained before take over that history.

    Args:
        session: a session outside any transaction.
        spec: the experiment.
        caller: the name of the API key that submits.
        settings: gives the limits, and how long an Idempotency-Key is remembered.
        request: the request, where it named an Idempotency-Key.
        origin: the preset that the spec comes from.
        written: the spec as it was written, without defaults, where that is known.

    Raises:
        SpecError: the spec cannot be run.
        InvalidError: the key would have too many queued runs.
        InFlightError: the same request is being worked on.
        GoneError: the same request was answered before, and its experiment was deleted since.
        IdempotencyMismatchError: the key came with another request before.
    """
    tickets = ticket_sources(session, spec, settings)
    with session.begin():
        if request is not None:
            before = idempotency.recall(session, request)
            if before is not None:
                _require_stored(session, before)
                return Submission(ExperimentProgress.from_json(before.response), replayed=True)
        limits = capacity.limits_of(session, spec.device, settings)
        planned = expand(spec, limits, facts_of(session, ids_of(spec)), tickets)
        experiment_id = _store_experiment(session, spec, caller, origin, written)
        labels = label_runs(planned)
        _store_runs(session, spec, planned, labels, experiment_id, caller)
        overviews.store_first(session, experiment_id, [found.by_axis for found in labels.values()])
        reused = reuse_finished(session, Run.experiment_id == experiment_id)
        quotas.check_queued(session, caller, len(planned) - len(reused), settings)
        expected = forecasts(session, settings).get(experiment_id, NO_FORECAST)
        experiment = replace(read_progress(session, experiment_id), forecast=expected)
        if request is not None:
            idempotency.remember(session, request, experiment_id, experiment.to_json(), settings)
        created = NewEvent(
            EventType.EXPERIMENT_CREATED, experiment_id, data={"runs": len(planned)} | carrier()
        )
        publish(session, [created, *(finished_event(run) for run in reused)])
        return Submission(experiment, replayed=False)


def _require_stored(session: Session, answered: IdempotencyKey) -> None:
    if session.get(Experiment, answered.experiment_id) is None:
        raise GoneError(
            f"This Idempotency-Key stored experiment {answered.experiment_id}, which was deleted "
            "since. Use a new key to submit it again."
        )


def _store_experiment(
    session: Session,
    spec: ExperimentSpec,
    caller: str,
    origin: Origin | None,
    written: Mapping[str, Any] | None,
) -> uuid.UUID:
    experiment_id = uuid7()
    values = {
        "id": experiment_id,
        "name": spec.name,
        "description": spec.description,
        "tags": spec.tags,
        "spec": spec.model_dump(mode="json", exclude_none=True),
        "submitted": written,
        "created_by": caller,
    }
    if origin is not None:
        values |= {"preset": origin.name, "preset_size": origin.size}
    session.execute(insert(Experiment), [values])
    return experiment_id


def _table_of_configurations(
    configurations: Mapping[ConfigurationKey, Configuration],
    labels: Mapping[ConfigurationKey, RunLabels],
) -> TableValuedAlias:
    """Return what the runs of each configuration have in common, as a table in a statement."""
    return table_of(
        "configuration",
        {
            "number": (Integer, range(len(configurations))),
            "label": (Text, [label for label, _ in configurations]),
            "labels": (
                Text,
                [orjson.dumps(labels[key].by_axis).decode() for key in configurations],
            ),
            "name": (Text, [labels[key].name for key in configurations]),
            "config": (Text, [found.text for found in configurations.values()]),
            "config_hash": (Text, [found.hash for found in configurations.values()]),
            "task": (Text, [found.resolved.task for found in configurations.values()]),
            "pack_key": (Text, [pack_key(found) for found in configurations.values()]),
            "memory_bytes": (
                BigInteger,
                [found.memory.total for found in configurations.values()],
            ),
        },
    )


def _store_runs(  # noqa: PLR0917 - all that a run's row has
    session: Session,
    spec: ExperimentSpec,
    planned: Sequence[PlannedRun],
    labels: Mapping[ConfigurationKey, RunLabels],
    experiment_id: uuid.UUID,
    caller: str,
) -> None:
    """Store the runs of an experiment; Postgres gets each configuration once for all its seeds."""
    configurations = {run.key: run.configuration for run in planned}
    numbers = {key: number for number, key in enumerate(configurations)}
    configuration = _table_of_configurations(configurations, labels)
    run = table_of(
        "run",
        {
            "id": (Uuid, [uuid7() for _ in planned]),
            "position": (Integer, range(len(planned))),
            "number": (Integer, [numbers[run.key] for run in planned]),
            "seed": (BigInteger, [run.seed for run in planned]),
        },
    )
    columns: dict[Any, Any] = {
        Run.id: run.c.id,
        Run.experiment_id: literal(experiment_id),
        Run.position: run.c.position,
        Run.label: configuration.c.label,
        Run.labels: cast(configuration.c.labels, JSONB),
        Run.name: configuration.c.name,
        Run.config: cast(configuration.c.config, JSONB),
        Run.config_hash: configuration.c.config_hash,
        Run.task: configuration.c.task,
        Run.pack_key: configuration.c.pack_key,
        Run.memory_bytes: configuration.c.memory_bytes,
        Run.seed: run.c.seed,
        Run.status: literal(RunStatus.QUEUED, Text),
        Run.caller: literal(caller, Text),
        Run.priority: literal(spec.priority),
        Run.device_request: literal(spec.device),
        Run.reuse: literal(spec.reuse),
        Run.max_attempts: literal(spec.max_attempts),
        Run.epochs: literal(spec.epochs),
    }
    rows = select(*columns.values()).join_from(
        run, configuration, run.c.number == configuration.c.number
    )
    session.execute(insert(Run).from_select(list(columns), rows.order_by(run.c.position)))
