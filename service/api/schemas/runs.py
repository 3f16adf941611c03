"""Runs and histories as the API answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from service.api.schemas.base import Answer, As, Number
from service.api.schemas.metrics import BestMetrics, FinalMetrics
from service.database import tables
from service.specs.spec import RunConfig
from service.statuses import FINDING_KINDS, AttemptOutcome, RunStatus, Verdict

_FindingKind = Annotated[str, Field(json_schema_extra={"enum": [*FINDING_KINDS]})]


Labels = dict[str, str | int | None]
LABELS: Any = Field(
    description="How its value is written, by axis: with the parameters that are not at their "
    "defaults. Comparisons group by these. `variant` where the spec has variants."
)
NAME: Any = Field(
    description="What tells its configuration from the others of the experiment: its variant, and "
    "its values on the axes that vary; its activation where none does.",
    examples=["leaky_relu(0.2), no clipping"],
)


class Finding(Answer):
    """One thing that was seen in a run."""

    kind: _FindingKind = Field(
        description="A verdict, or a remark that condemns nothing: `dying`, `plateau`, "
        "`clipping_active`."
    )
    layer: str | None = Field(description="Where; null where it is the whole network's.")
    epoch: int = Field(description="When it was first seen; 0 is before the first step.")
    value: Number = Field(description="The figure.")
    threshold: Number = Field(description="What the figure passed.")
    explanation: str = Field(description="One sentence.")


class DiagnosisAnswer(Answer):
    """Why a run learns or does not, by what its worker has seen so far."""

    verdict: Verdict | None = Field(
        description="The most severe of the findings' kinds, `healthy` where none condemns; null "
        "where there are no layer statistics to judge by."
    )
    findings: list[Finding] = Field(description="The most severe first.")


class RunLinks(Answer):
    """Where more about a run is."""

    self: str
    experiment: str
    history: str
    layers: str
    diagnosis: str
    attempts: str
    events: str


class RunAnswer(Answer):
    """One training of one resolved configuration with one seed."""

    id: uuid.UUID
    experiment_id: uuid.UUID
    position: int = Field(description="Place in the experiment, from 0.")
    label: str | None = Field(description="The variant's label.")
    labels: Labels = LABELS
    name: str = NAME
    config: Annotated[dict[str, Any], As(RunConfig)] = Field(
        description="The resolved configuration: nothing is left to a default."
    )
    config_hash: str = Field(description="sha256 of the configuration's canonical form.")
    seed: int
    status: RunStatus
    attempt: int = Field(description="How often a worker has taken it.")
    failures: int = Field(description="How many of `max_attempts` are used up.")
    max_attempts: int
    priority: int
    epoch: int = Field(description="The last recorded epoch.")
    epochs: int
    final: FinalMetrics | None
    best: BestMetrics | None
    diagnosis: DiagnosisAnswer | None = Field(description="Null until a worker has looked at it.")
    reused_from: uuid.UUID | None = Field(description="The run whose history this one took over.")
    worker: str | None
    device: str | None = Field(description="`cpu` or `cuda`, once a worker has taken it.")
    engine: dict[str, Any] | None = Field(
        description="All that the last bits depend on: device, threads, versions."
    )
    versions: dict[str, str] | None = Field(description="The libraries that trained it.")
    error: str | None = Field(description="Why it failed.")
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: RunLinks


class AttemptAnswer(Answer):
    """One time a worker took a run, and how it ended."""

    attempt: int
    worker: str
    engine: dict[str, Any]
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None = Field(
        description="Null while it lasts. `lost`: the worker gave no sign of life; `released`: it "
        "stopped and gave the run back; `error`: it failed and the run may be tried again."
    )
    reason: str | None

    @classmethod
    def of(cls, attempt: tables.Attempt) -> Self:
        """Show an attempt."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


Column = list[Number | None]


class HistoryAnswer(Answer):
    """A run's metrics by epoch, in columns of one length."""

    run_id: uuid.UUID
    epoch: list[int]
    metrics: dict[str, Column] = Field(
        description="Only what the run records: the element-wise accuracies come with "
        "`binary_crossentropy` alone."
    )


class RunHistory(HistoryAnswer):
    """A run's history among those of its experiment.

    An axis is written as in comparisons: with the parameters that are not at their defaults.
    """

    label: str | None
    dataset: str
    model: str
    activation: str = Field(examples=["leaky_relu(0.2)"])
    initializer: str
    output_initializer: str
    bias_initializer: str
    normalization: str
    clipping: str
    optimizer: str
    dropout: str
    batch_size: int
    loss_function: str
    seed: int
    status: RunStatus


class ExperimentHistories(Answer):
    """All histories of an experiment, in the order of its runs."""

    experiment_id: uuid.UUID
    histories: list[RunHistory]


class RunPage(Answer):
    """Some runs."""

    items: list[RunAnswer]
    next_cursor: str | None


class AttemptPage(Answer):
    """Some attempts, the first one first."""

    items: list[AttemptAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[tables.Attempt], next_cursor: str | None) -> Self:
        """Show a page."""
        return cls(items=[AttemptAnswer.of(each) for each in found], next_cursor=next_cursor)
