"""Network tasks: predictions and exports of trained networks, which take a worker.

Revision: 0020, after 0019.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS network_tasks (
            id uuid NOT NULL,
            run_id uuid NOT NULL,
            kind text NOT NULL,
            body bytea,
            result bytea,
            error text,
            created_by text NOT NULL,
            attempts smallint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            started_at timestamptz,
            ended_at timestamptz,
            CONSTRAINT pk_network_tasks PRIMARY KEY (id),
            CONSTRAINT ck_network_tasks_kind CHECK (kind IN ('predictions', 'onnx')),
            CONSTRAINT fk_network_tasks_run_id_runs FOREIGN KEY (run_id)
                REFERENCES runs (id) ON DELETE CASCADE
        )
        """
    )
    op.execute(
        "CREATE INDEX IF NOT EXISTS ix_network_tasks_waiting ON network_tasks (id) "
        "WHERE ended_at IS NULL"
    )
    op.execute("CREATE INDEX IF NOT EXISTS ix_network_tasks_run_id ON network_tasks (run_id, kind)")


def downgrade() -> None:
    """Revert; tasks that wait are forgotten."""
    op.execute("DROP TABLE IF EXISTS network_tasks")
