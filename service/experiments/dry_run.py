"""The dry run: the runs of a submission and what they would cost; nothing is stored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.paging import CursorError, decode, encode, query_tag
from service.database.tables import Run
from service.datasets.store import facts_of
from service.experiments import cost
from service.experiments.cost import Cost
from service.experiments.tickets import ticket_sources
from service.mean_field.outlook import Outlook, outlook
from service.runs import capacity
from service.settings import Settings
from service.specs.expansion import PlannedRun, expand
from service.specs.labels import ConfigurationKey, Label, RunLabels, label_runs
from service.specs.resolution import initializer_reason
from service.specs.spec import ExperimentSpec
from service.specs.uploads import ids_of
from service.statuses import FINISHED


@dataclass(frozen=True)
class PlannedConfiguration:
    """One resolved configuration, before anything is trained.

    Attributes:
        memory_bytes: what a run of it needs; an estimate.
        runs: how many runs it has.
        already_trained: how many of them were trained before.
        initializer_reason: why ``auto`` is its initializer; None where it has another one.
        prediction: what theory predicts.
    """

    label: str | None
    labels: dict[str, Label]
    name: str
    config: dict[str, Any]
    config_hash: str
    memory_bytes: int
    runs: int
    already_trained: int
    initializer_reason: str | None
    prediction: Outlook


@dataclass(frozen=True)
class Plan:
    """The runs of a submission, with one page of their configurations.

    Attributes:
        runs: how many runs there are.
        configurations: how many configurations they have.
        already_trained: how many of the runs were trained before.
        memory_bytes: what the largest run needs; an estimate.
        worker_memory_bytes: what the largest worker has for a run; None where no worker was seen.
        cost: of the runs to be trained.
        items: a page of the configurations.
        next_cursor: of the next page; None on the last.
    """

    runs: int
    configurations: int
    already_trained: int
    memory_bytes: int
    worker_memory_bytes: int | None
    cost: Cost
    items: list[PlannedConfiguration]
    next_cursor: str | None


def dry_run(
    session: Session,
    spec: ExperimentSpec,
    *,
    caller: str,
    settings: Settings,
    cursor: str | None,
    limit: int,
) -> Plan:
    """Return the runs of a spec and their cost, and store nothing.

    Args:
        session: a session outside any transaction.
        spec: the experiment.
        caller: the name of the API key that asks: whose turn its runs would wait for.
        settings: give the limits.
        cursor: where the page of configurations begins.
        limit: most configurations of the page.

    Raises:
        SpecError: the spec cannot be run.
        InvalidError: the cursor belongs to another spec.
    """
    tickets = ticket_sources(session, spec, settings)
    with session.begin():
        limits = capacity.limits_of(session, spec.device, settings)
        planned = expand(spec, limits, facts_of(session, ids_of(spec)), tickets)
        trained = _trained(session, planned, spec.device)
        left = _to_train(planned, trained, reuse=spec.reuse)
        estimate = cost.estimate(session, left, spec, caller=caller, settings=settings)
    groups: dict[ConfigurationKey, list[PlannedRun]] = defaultdict(list)
    for run in planned:
        groups[run.key].append(run)
    labels = label_runs(planned)
    tag = query_tag(["dry run", spec.model_dump(mode="json")])
    start = _start(cursor, tag)
    page = list(groups.values())[start : start + limit]
    end = start + len(page)
    return Plan(
        runs=len(planned),
        configurations=len(groups),
        already_trained=sum((run.config_hash, run.seed) in trained for run in planned),
        memory_bytes=max(run.configuration.memory.total for run in planned),
        worker_memory_bytes=limits.memory_bytes(),
        cost=estimate,
        items=[_configuration(group, labels[group[0].key], trained) for group in page],
        next_cursor=encode((0, None, end), tag) if end < len(groups) else None,
    )


def _trained(session: Session, planned: Sequence[PlannedRun], device: str) -> set[tuple[str, int]]:
    """Return the configurations and seeds that were trained on a device that the spec allows."""
    hashes = {run.config_hash for run in planned}
    finished = select(Run.config_hash, Run.seed).where(
        Run.config_hash.in_(hashes), Run.status.in_(FINISHED)
    )
    if device != "auto":
        finished = finished.where(Run.engine["device"].astext == device)
    return {(config_hash, seed) for config_hash, seed in session.execute(finished.distinct())}


def _to_train(
    planned: Sequence[PlannedRun], trained: set[tuple[str, int]], *, reuse: bool
) -> list[PlannedRun]:
    """Return the runs that are not reused: neither trained before nor twins of another run."""
    if not reuse:
        return list(planned)
    distinct = {(run.config_hash, run.seed): run for run in planned}
    return [run for training, run in distinct.items() if training not in trained]


def _configuration(
    group: Sequence[PlannedRun], labels: RunLabels, trained: set[tuple[str, int]]
) -> PlannedConfiguration:
    first = group[0]
    return PlannedConfiguration(
        label=first.label,
        labels=labels.by_axis,
        name=labels.name,
        config=first.configuration.values,
        config_hash=first.config_hash,
        memory_bytes=first.configuration.memory.total,
        runs=len(group),
        already_trained=sum((run.config_hash, run.seed) in trained for run in group),
        initializer_reason=initializer_reason(first.config),
        prediction=outlook(first.config),
    )


def _start(cursor: str | None, tag: str) -> int:
    if cursor is None:
        return 0
    match decode(cursor, tag):
        case [0, None, int(start)] if type(start) is int and start >= 0:
            return start
    raise CursorError
