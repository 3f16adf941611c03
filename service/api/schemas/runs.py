"""Runs and histories as the API answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer, As, Number
from service.api.schemas.metrics import BestMetrics, FinalMetrics
from service.catalog.entry import Task
from service.database import tables
from service.specs.spec import RunConfig
from service.statuses import FINDING_KINDS, AttemptOutcome, EndedBy, Outcome, RunStatus, Verdict

_FindingKind = Annotated[str, Field(json_schema_extra={"enum": [*FINDING_KINDS]})]


Labels = dict[str, str | int | None]
LABELS: Any = Field(
    description="Label by axis: the value, with the parameters that differ from their defaults. "
    "Comparisons group by these. `variant` is there where the spec has variants."
)
NAME: Any = Field(
    description="Name of its configuration among those of the experiment: the labels of its "
    "variant and of the axes that vary, or of its activation where none varies.",
    examples=["leaky_relu(negative_slope=0.2), no clipping"],
)


ENDED_BY: Any = Field(
    description="Why it ended at its last epoch: `early_stopping` where its validation metric had "
    "stopped improving. Null until it has ended."
)


class Finding(ApiAnswer):
    """One observation about a run."""

    kind: _FindingKind = Field(
        description="A cause, or a remark that decides no verdict: `diverged`, `dying`, "
        "`plateau`, `clipping_active`, `equal_units`."
    )
    layer: str | None = Field(description="The layer; null where it concerns the whole network.")
    epoch: int = Field(description="The first epoch with it; 0 is before the first step.")
    value: Number = Field(description="The value observed.")
    threshold: Number = Field(description="The threshold that the value passed.")
    explanation: str = Field(description="What was observed, in one sentence.")
    advice: str | None = Field(
        description="What to change, in one sentence; null in a finding of an older version."
    )


class DiagnosisAnswer(ApiAnswer):
    """What a run's training came to, and why it learns or does not."""

    outcome: Outcome | None = Field(
        description="What the training came to; null until it has ended, and with `epochs: 0`."
    )
    verdict: Verdict | None = Field(
        description="Until the training has ended, the first risk among the findings, or "
        "`healthy`. Then the cause where the outcome is `at_chance`, `diverged` or `got_worse` "
        "(`no_cause_found` without one), else `healthy`. Null without layer statistics."
    )
    findings: list[Finding] = Field(
        description="Those of the verdict first, remarks last. They stay when the verdict is "
        "`healthy`, and tell how the run began."
    )
    version: int | None = Field(
        description="Of the rules and thresholds that decided. Null where an older version of the "
        "service diagnosed the run: its rules were others. Train it again with `reuse: false`."
    )


class RunLinks(ApiAnswer):
    """Addresses of a run and of what belongs to it."""

    self: str
    experiment: str
    history: str
    layers: str
    diagnosis: str
    attempts: str
    events: str


class RunAnswer(ApiAnswer):
    """One training of one resolved configuration with one seed."""

    id: uuid.UUID
    experiment_id: uuid.UUID
    position: int = Field(description="Its position in the experiment, from 0.")
    label: str | None = Field(description="The variant's label.")
    labels: Labels = LABELS
    name: str = NAME
    config: Annotated[dict[str, Any], As(RunConfig)] = Field(
        description="The resolved configuration: every value is written out."
    )
    config_hash: str = Field(description="sha256 of the configuration's canonical form.")
    seed: int
    task: Task = Field(description="What it predicts: classes, or numbers. Decides its metrics.")
    status: RunStatus
    attempt: int = Field(description="Number of attempts to train it.")
    failures: int = Field(description="Number of failed attempts, of at most `max_attempts`.")
    max_attempts: int
    priority: int
    epoch: int = Field(description="The last recorded epoch.")
    epochs: int = Field(description="How many it was to train.")
    ended_by: EndedBy | None = ENDED_BY
    final: FinalMetrics | None
    best: BestMetrics | None
    diagnosis: DiagnosisAnswer | None = Field(
        description="Null until the first layer statistics or the outcome are recorded."
    )
    reused_from: uuid.UUID | None = Field(description="The run whose results this one reuses.")
    worker: str | None
    device: str | None = Field(description="`cpu` or `cuda`; null until a worker has started it.")
    engine: dict[str, Any] | None = Field(
        description="Everything that the exact bits depend on: device, threads, versions."
    )
    versions: dict[str, str] | None = Field(
        description="Versions of the libraries that trained it."
    )
    error: str | None = Field(description="Why it failed.")
    cancel_requested_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    links: RunLinks


class AttemptAnswer(ApiAnswer):
    """One attempt to train a run, with its outcome."""

    attempt: int
    worker: str
    engine: dict[str, Any]
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None = Field(
        description="Null while it lasts. `lost`: the lease of its worker expired, or the process "
        "that trained died. `released`: the worker stopped and gave the run back. `error`: it "
        "failed, and the run may be tried again."
    )
    reason: str | None

    @classmethod
    def of(cls, attempt: tables.Attempt) -> Self:
        """Return the answer for an attempt."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


Column = list[Number | None]


class _Curves(ApiAnswer):
    """The metrics of a run by epoch, in columns of equal length."""

    run_id: uuid.UUID
    epoch: list[int]
    metrics: dict[str, Column] = Field(
        description="Columns by metric, only of metrics that the run records: accuracies where "
        "targets are classes (element-wise ones with the loss `binary_crossentropy`), errors where "
        "they are numbers."
    )


class HistoryAnswer(_Curves):
    """The metrics of a run by epoch, in columns of equal length, and why it ended."""

    ended_by: EndedBy | None = ENDED_BY


class RunHistory(_Curves):
    """The history of a run among those of its experiment.

    Axes have their labels, as in comparisons: the value, with the parameters that differ from
    their defaults.
    """

    label: str | None
    dataset: str
    model: str
    activation: str = Field(examples=["leaky_relu(negative_slope=0.2)"])
    initializer: str
    output_initializer: str
    bias_initializer: str
    normalization: str
    clipping: str
    optimizer: str
    dropout: str
    batch_size: int
    loss_function: str
    precision: str
    seed: int
    status: RunStatus


class ExperimentHistories(ApiAnswer):
    """All histories of an experiment, in the order of its runs."""

    experiment_id: uuid.UUID
    histories: list[RunHistory]


class RunPage(ApiAnswer):
    """Some runs."""

    items: list[RunAnswer]
    next_cursor: str | None


class AttemptPage(ApiAnswer):
    """Some attempts, oldest first."""

    items: list[AttemptAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[tables.Attempt], next_cursor: str | None) -> Self:
        """Return a page of attempts."""
        return cls(items=[AttemptAnswer.of(attempt) for attempt in found], next_cursor=next_cursor)
