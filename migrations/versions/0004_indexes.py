"""Indexes for reads of 100,000 runs: progress of experiments, the best runs, reused runs.

Revision: 0004, after 0003.

Indexes are built while the service works, outside any transaction. A build that was interrupted
leaves an index that counts for nothing, so each is dropped before it is built: the migration can
be run again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.get_context().autocommit_block():
        _build("ix_runs_standing", "experiment_id", "status", include=["started_at", "finished_at"])
        _build(
            "ix_runs_begun",
            "experiment_id",
            where="status IN ('queued', 'running') AND attempt > 0",
        )
        _build("ix_runs_val_accuracy", "val_accuracy", "id")
        _build("ix_runs_reused_from", "reused_from", where="reused_from IS NOT NULL")
        # Its column changes with every sign of life, and an update of an indexed column has to be
        # written to every index of the table.
        _drop("ix_runs_lease_expires_at")
        _drop("ix_runs_experiment_id_status")
    # Counts are read from an index alone where the table was lately vacuumed. A queue that came
    # since the last look at the table would be taken for a short one, and sorted for each claim.
    op.execute(
        "ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.02,"
        " autovacuum_analyze_scale_factor = 0.02)"
    )


def downgrade() -> None:
    """Undo."""
    op.execute(
        "ALTER TABLE runs RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)"
    )
    with op.get_context().autocommit_block():
        _build("ix_runs_experiment_id_status", "experiment_id", "status")
        _build("ix_runs_lease_expires_at", "lease_expires_at", where="status = 'running'")
        _drop("ix_runs_reused_from")
        _drop("ix_runs_val_accuracy")
        _drop("ix_runs_begun")
        _drop("ix_runs_standing")


def _build(name: str, *columns: str, include: list[str] | None = None, where: str = "") -> None:
    _drop(name)
    op.create_index(
        name,
        "runs",
        columns,
        unique=False,
        postgresql_include=include,
        postgresql_where=sa.text(where) if where else None,
        postgresql_concurrently=True,
    )


def _drop(name: str) -> None:
    op.drop_index(name, table_name="runs", if_exists=True, postgresql_concurrently=True)
