"""From a spec to its runs: the grid, checked by the rules and resolved."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from service.catalog.entry import Task
from service.fields import FieldError, Location
from service.specs import grid, rules, task_rules
from service.specs.claim_rules import claim_errors
from service.specs.limits import Limits
from service.specs.memory import MemoryEstimate, memory_of
from service.specs.resolution import Resolution, facts
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.ticket_rules import ticket_errors, ticket_looked_up
from service.specs.tickets import NO_TICKETS, TicketSources
from service.specs.uploads import NO_UPLOADS, UploadedFacts, looked_up

#: Raised when the numbers a configuration leads to change (a repaired formula, another random
#: stream): older histories are then no longer taken for the same training.
SCIENCE_VERSION = 2

_MOST_ERRORS = 20


class SpecError(Exception):
    """A spec that cannot be run, with everything found wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.errors = errors


@dataclass(frozen=True)
class Configuration:
    """A resolved configuration, dumped once.

    Attributes:
        resolved: the configuration itself.
        values: its JSON values.
        text: its canonical JSON: keys in alphabetical order, no blanks.
        hash: sha256 of the canonical JSON and of ``SCIENCE_VERSION``, in hex; its name by content.
    """

    resolved: RunConfig
    values: dict[str, Any]
    text: str
    hash: str

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """Return a configuration with its dump and its hash."""
        values = config.model_dump(mode="json")
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        content = f'{{"config":{text},"science":{SCIENCE_VERSION}}}'
        return cls(config, values, text, hashlib.sha256(content.encode()).hexdigest())

    @cached_property
    def memory(self) -> MemoryEstimate:
        """What a run of it needs."""
        return memory_of(self.resolved)


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment before it is stored; ``label`` is its variant's."""

    label: str | None
    configuration: Configuration
    seed: int

    @property
    def config(self) -> RunConfig:
        """What it trains."""
        return self.configuration.resolved

    @property
    def config_hash(self) -> str:
        """The name of what it trains."""
        return self.configuration.hash

    @property
    def key(self) -> tuple[str | None, str]:
        """What tells its configuration from the others of the experiment."""
        return self.label, self.configuration.hash


def expand(
    spec: ExperimentSpec,
    limits: Limits,
    uploads: Mapping[str, UploadedFacts] = NO_UPLOADS,
    tickets: TicketSources = NO_TICKETS,
) -> list[PlannedRun]:
    """Return the runs of an experiment, in the order of its axes, seeds innermost.

    Configurations that resolve to the same thing (``auto`` beside the initializer it stands
    for) are one run, so that no comparison counts a training twice.

    Args:
        spec: the experiment.
        limits: what it may be.
        uploads: the uploaded data sets that it names, by id.
        tickets: the runs that its tickets name, by id.

    Raises:
        SpecError: a limit is passed, or a combination cannot be trained.
    """
    errors = rules.limit_errors(spec, limits)
    if errors:
        raise SpecError(errors)
    plans: dict[tuple[str | None, str], Configuration] = {}
    tasks: dict[Task, Location] = {}
    for label, point in grid.points(spec):
        found = _look_up(point, uploads, tickets)
        resolved = Resolution(point)
        found = found or [
            *rules.point_errors(resolved, limits),
            *rules.precision_errors(resolved, spec.device),
        ]
        found = found or [*ticket_errors(resolved, spec.seeds)]
        if not found:
            tasks.setdefault(facts(resolved.dataset).task, point["dataset"].location)
            configuration = Configuration.of(resolved.config(spec))
            plans.setdefault((label, configuration.hash), configuration)
        errors += [error for error in found if error not in errors]
        if len(errors) >= _MOST_ERRORS:
            break
    errors = errors or task_rules.mixing_errors(tasks)
    errors = errors or task_rules.stopping_errors(spec.early_stopping, next(iter(tasks)))
    errors = errors or _claim_errors(spec, plans)
    errors = errors or _memory_errors(spec, plans.values(), limits, uploads, tickets)
    if errors:
        raise SpecError(errors[:_MOST_ERRORS])
    return [
        PlannedRun(label, configuration, seed)
        for (label, _), configuration in plans.items()
        for seed in spec.seeds
    ]


def _look_up(
    point: grid.Point, uploads: Mapping[str, UploadedFacts], tickets: TicketSources
) -> list[FieldError]:
    """Put what is stored in a point where it is named, and return what cannot be had."""
    no_data, point["dataset"] = looked_up(point["dataset"], uploads)
    no_ticket, point[grid.TICKET] = ticket_looked_up(point[grid.TICKET], tickets)
    return [*no_data, *no_ticket]


def _memory_errors(
    spec: ExperimentSpec,
    plans: Iterable[Configuration],
    limits: Limits,
    uploads: Mapping[str, UploadedFacts],
    tickets: TicketSources,
) -> list[FieldError]:
    """Return why no worker can hold a configuration; asked last, since the answer is a query."""
    most = limits.memory_bytes()
    if most is None or all(found.memory.total <= most for found in plans):
        return []
    errors: list[FieldError] = []
    for _, point in grid.points(spec):  # where it stands in the spec was not kept
        _look_up(point, uploads, tickets)
        resolved = Resolution(point)
        needed = Configuration.of(resolved.config(spec)).memory
        found = rules.memory_errors(resolved, needed, most)
        errors += [error for error in found if error not in errors]
        if len(errors) >= _MOST_ERRORS:
            break
    return errors


def _claim_errors(
    spec: ExperimentSpec, plans: Mapping[tuple[str | None, str], Configuration]
) -> list[FieldError]:
    configurations = [(label, found.values) for (label, _), found in plans.items()]
    return [
        error
        for index, claim in enumerate(spec.claims or ())
        for error in claim_errors(claim, configurations, ("claims", index))
    ]


def config_hash(config: RunConfig) -> str:
    """Return the name of a configuration by its content (``Configuration.hash``)."""
    return Configuration.of(config).hash
