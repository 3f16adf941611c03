"""The tables of experiments and runs, workers and keys.

Postgres is the truth: what is not in these tables did not happen.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from service.catalog.entry import Task
from service.database.base import JSON, ORDERED_JSON, TIME, Base, one_of
from service.statuses import (
    AttemptOutcome,
    NetworkTaskKind,
    OlderVerdict,
    Outcome,
    RunStatus,
    Verdict,
)


class Experiment(Base):
    """One submitted spec. Its status and progress are derived from its runs, and not stored."""

    __tablename__ = "experiments"
    __table_args__ = (
        Index("ix_experiments_tags", "tags", postgresql_using="gin"),
        Index("ix_experiments_name", "name"),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[dict[str, str]] = mapped_column(JSON)
    #: What people wrote down about it since.
    note: Mapped[str | None] = mapped_column(Text)
    #: Out of the list unless it is asked for.
    archived: Mapped[bool] = mapped_column(server_default=text("false"))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: The spec as it was written, without defaults; None where only ``spec`` is known.
    submitted: Mapped[dict[str, Any] | None] = mapped_column(ORDERED_JSON)
    preset: Mapped[str | None] = mapped_column(Text)
    preset_size: Mapped[str | None] = mapped_column(Text)
    #: Claims beside those of the spec: each with ``claim``, ``added_at`` and ``added_by``.
    later_claims: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    cancelled_at: Mapped[datetime | None] = mapped_column(TIME)


class Overview(Base):
    """What lists show of an experiment's results (``service.experiments.overviews``)."""

    __tablename__ = "overviews"
    __table_args__ = (
        Index("ix_overviews_open", "experiment_id", postgresql_where=text("NOT is_final")),
    )

    experiment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True
    )
    #: Runs that had ended when it was stored; negative: it is to be stored anew.
    ended: Mapped[int] = mapped_column(Integer, server_default="0")
    #: All runs had ended, so that nothing changes unless some are queued again.
    is_final: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Axes with the number of their labels, and the first of them.
    varying: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    #: The leading group of the usual comparison; None while none has trained.
    best: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Run(Base):
    """One training of one resolved configuration with one seed.

    ``attempt`` is the fencing token: every claim increments it, every write of a worker carries
    it, and a write with an older one changes nothing. ``failures`` counts the attempts that
    ended in an error or with a lost worker, up to ``max_attempts``.
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(one_of("status", RunStatus), name="status"),
        CheckConstraint(one_of("outcome", Outcome), name="outcome"),
        CheckConstraint(one_of("verdict", (*Verdict, *OlderVerdict)), name="verdict"),
        CheckConstraint(
            "(status = 'running') = (lease_expires_at IS NOT NULL)", name="running_has_lease"
        ),
        UniqueConstraint("experiment_id", "position"),
        # With the times, so that the progress of experiments is read from this index alone.
        Index(
            "ix_runs_standing",
            "experiment_id",
            "status",
            postgresql_include=["started_at", "finished_at"],
        ),
        Index(
            "ix_runs_begun",
            "experiment_id",
            postgresql_where=text("status IN ('queued', 'running') AND attempt > 0"),
        ),
        Index("ix_runs_config_hash_seed", "config_hash", "seed"),
        Index(
            "ix_runs_claimable",
            "caller",
            text("priority DESC"),
            "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_runs_packable",
            "caller",
            "pack_key",
            text("priority DESC"),
            "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_runs_unlabelled",
            "experiment_id",
            postgresql_where=text("labels = '{}'::jsonb"),
        ),
        Index(
            "ix_runs_without_outcome",
            "id",
            postgresql_where=text(
                "outcome IS NULL AND status IN ('completed', 'diverged') AND epochs > 0"
            ),
        ),
        Index("ix_runs_activation", "activation", "id"),
        Index("ix_runs_initializer", "initializer", "id"),
        Index("ix_runs_normalization", "normalization", "id"),
        Index("ix_runs_clipping", "clipping", "id"),
        Index("ix_runs_seed", "seed", "id"),
        Index("ix_runs_status", "status", "id"),
        Index("ix_runs_outcome", "outcome", "id"),
        Index("ix_runs_verdict", "verdict", "id"),
        Index("ix_runs_val_accuracy", "val_accuracy", "id"),
        Index(
            "ix_runs_weights_run",
            "weights_run",
            postgresql_where=text("weights_run IS NOT NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    experiment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("experiments.id", ondelete="CASCADE")
    )
    position: Mapped[int] = mapped_column(Integer)
    label: Mapped[str | None] = mapped_column(Text)
    #: ``service.specs.labels.RunLabels``; empty in rows of an older version, until
    #: ``service.experiments.labelling`` has seen them.
    labels: Mapped[dict[str, str | int | None]] = mapped_column(JSON, server_default="{}")
    name: Mapped[str] = mapped_column(Text, server_default="")
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    config_hash: Mapped[str] = mapped_column(Text)
    pack_key: Mapped[str | None] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    #: What the runs predict, by their loss (``service.catalog.losses``): decides their metrics.
    task: Mapped[Task] = mapped_column(Text, server_default="classification")
    activation: Mapped[str] = mapped_column(
        Text, Computed("config -> 'activation' ->> 'name'", persisted=True)
    )
    initializer: Mapped[str] = mapped_column(
        Text, Computed("config -> 'initializer' ->> 'name'", persisted=True)
    )
    normalization: Mapped[str] = mapped_column(
        Text, Computed("config -> 'normalization' ->> 'name'", persisted=True)
    )
    clipping: Mapped[str] = mapped_column(
        Text, Computed("config -> 'clipping' ->> 'name'", persisted=True)
    )

    status: Mapped[str] = mapped_column(Text)
    #: The experiment's ``created_by``: those that take turns in the queue.
    caller: Mapped[str] = mapped_column(Text, server_default="")
    priority: Mapped[int] = mapped_column(SmallInteger)
    device_request: Mapped[str] = mapped_column(Text)
    reuse: Mapped[bool]
    reused_from: Mapped[uuid.UUID | None] = mapped_column(UUID)
    #: Of a run that took over a history: the run that was trained, however often its history was
    #: passed on, and its last attempt. They name its files, which stay when that run is deleted.
    weights_run: Mapped[uuid.UUID | None] = mapped_column(UUID)
    weights_attempt: Mapped[int | None] = mapped_column(Integer)
    max_attempts: Mapped[int] = mapped_column(SmallInteger)
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    #: A pack that it was in failed, so it is trained without others from now on.
    alone: Mapped[bool] = mapped_column(server_default=text("false"))
    not_before: Mapped[datetime | None] = mapped_column(TIME)
    lease_expires_at: Mapped[datetime | None] = mapped_column(TIME)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(TIME)

    #: ``specs.memory``: what a worker must have for it; 0 in rows of an older version.
    memory_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")

    epoch: Mapped[int] = mapped_column(Integer, server_default="0")
    epochs: Mapped[int] = mapped_column(Integer)
    loss: Mapped[float | None] = mapped_column(Double)
    accuracy: Mapped[float | None] = mapped_column(Double)
    val_loss: Mapped[float | None] = mapped_column(Double)
    val_accuracy: Mapped[float | None] = mapped_column(Double)
    best_epoch: Mapped[int | None] = mapped_column(Integer)
    best_val_accuracy: Mapped[float | None] = mapped_column(Double)
    test_loss: Mapped[float | None] = mapped_column(Double)
    test_accuracy: Mapped[float | None] = mapped_column(Double)
    mae: Mapped[float | None] = mapped_column(Double)
    rmse: Mapped[float | None] = mapped_column(Double)
    val_mae: Mapped[float | None] = mapped_column(Double)
    val_rmse: Mapped[float | None] = mapped_column(Double)
    val_r2: Mapped[float | None] = mapped_column(Double)
    best_val_rmse: Mapped[float | None] = mapped_column(Double)
    test_mae: Mapped[float | None] = mapped_column(Double)
    test_rmse: Mapped[float | None] = mapped_column(Double)
    test_r2: Mapped[float | None] = mapped_column(Double)
    #: None until the run has its result, and of a network that is only initialized.
    outcome: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str | None] = mapped_column(Text)
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    #: ``histories.diagnoses.DIAGNOSIS_VERSION`` when it was diagnosed; None before 0.2.
    diagnosis_version: Mapped[int | None] = mapped_column(Integer)

    worker: Mapped[str | None] = mapped_column(Text)
    engine: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(TIME)
    finished_at: Mapped[datetime | None] = mapped_column(TIME)


class Turn(Base):
    """When runs of a caller were last claimed: the one that waits longest is next."""

    __tablename__ = "turns"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(TIME)


class Epoch(Base):
    """One epoch of a run's history; a row is written once and never changes."""

    __tablename__ = "epochs"

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True)
    loss: Mapped[float | None] = mapped_column(Double)
    accuracy: Mapped[float | None] = mapped_column(Double)
    val_loss: Mapped[float | None] = mapped_column(Double)
    val_accuracy: Mapped[float | None] = mapped_column(Double)
    binary_accuracy: Mapped[float | None] = mapped_column(Double)
    val_binary_accuracy: Mapped[float | None] = mapped_column(Double)
    mae: Mapped[float | None] = mapped_column(Double)
    rmse: Mapped[float | None] = mapped_column(Double)
    val_mae: Mapped[float | None] = mapped_column(Double)
    val_rmse: Mapped[float | None] = mapped_column(Double)
    val_r2: Mapped[float | None] = mapped_column(Double)
    learning_rate: Mapped[float | None] = mapped_column(Double)
    gradient_norm: Mapped[float | None] = mapped_column(Double)
    clipped_fraction: Mapped[float | None] = mapped_column(Double)
    epoch_seconds: Mapped[float | None] = mapped_column(Double)


class Layers(Base):
    """A run's layer statistics at one epoch, all layers (``histories.layer_statistics``)."""

    __tablename__ = "layers"

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class Attempt(Base):
    """One attempt at a run: its claim by a worker, and its outcome."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(f"outcome IS NULL OR {one_of('outcome', AttemptOutcome)}", name="outcome"),
    )

    run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    worker: Mapped[str] = mapped_column(Text)
    engine: Mapped[dict[str, Any]] = mapped_column(JSON)
    started_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(TIME)
    outcome: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)


class Event(Base):
    """One event of an experiment; its number orders the streams."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_experiment_id_id", "experiment_id", "id"),
        Index("ix_events_run_id_id", "run_id", "id"),
        Index("ix_events_created_at", "created_at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    #: No foreign key: the `experiment.deleted` event outlives the experiment's row.
    experiment_id: Mapped[uuid.UUID] = mapped_column()
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class UploadedDataset(Base):
    """An uploaded data set: one row per content; the numbers are in the store of files."""

    __tablename__ = "datasets"

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    #: Of the canonical form (``service.datasets.canonical``); the name of its file.
    sha256: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[dict[str, str]] = mapped_column(JSON, server_default="{}")
    bytes: Mapped[int] = mapped_column(BigInteger)
    #: ``service.datasets.understood.Understood``.
    understood: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class NetworkTask(Base):
    """Something that is made of a run's trained network, which takes a worker.

    ``attempts`` is the fencing token: a worker writes its result only while its number is the last.
    """

    __tablename__ = "network_tasks"
    __table_args__ = (
        CheckConstraint(one_of("kind", NetworkTaskKind), name="kind"),
        Index("ix_network_tasks_waiting", "id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_network_tasks_run_id", "run_id", "kind"),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    #: What it is made from, and the result; compressed JSON (``service.predictions.tasks``).
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: A sentence, where it could not be made.
    error: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    started_at: Mapped[datetime | None] = mapped_column(TIME)
    ended_at: Mapped[datetime | None] = mapped_column(TIME)


class Worker(Base):
    """A worker process, and when it was last seen."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    device: Mapped[str] = mapped_column(Text)
    #: What it has for its runs; None of a worker of an older version.
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    #: What its processes hold in memory, and the processor time they have taken since its start;
    #: None where its machine does not tell.
    resident_bytes: Mapped[int | None] = mapped_column(BigInteger)
    processor_seconds: Mapped[float | None] = mapped_column(Double)
    started_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class Pace(Base):
    """What jobs took, as a multiple of what their operations suggest (``service.runs.paces``).

    ``fixed`` (beside the epochs) and ``epoch`` are mean natural logarithms of that multiple.
    """

    __tablename__ = "paces"

    #: Of a device, of a model on it, or of one workload on it.
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    jobs: Mapped[int] = mapped_column(Integer)
    runs: Mapped[int] = mapped_column(Integer)
    #: How many jobs the mean stands for, older ones counting less.
    fixed_weight: Mapped[float] = mapped_column(Double)
    fixed: Mapped[float] = mapped_column(Double)
    epoch_weight: Mapped[float] = mapped_column(Double)
    epoch: Mapped[float] = mapped_column(Double)
    #: Mean share of the planned epochs that were trained.
    epochs_share: Mapped[float] = mapped_column(Double)
    updated_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class ApiKey(Base):
    """An API key. Only its sha256 is stored."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(TIME)
    revoked_at: Mapped[datetime | None] = mapped_column(TIME)


class IdempotencyKey(Base):
    """The stored response to a request with an Idempotency-Key."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    experiment_id: Mapped[uuid.UUID] = mapped_column(UUID)
    response: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(TIME, index=True)
