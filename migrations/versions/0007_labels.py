"""How each run's configuration is written, and its name, stored with it.

Revision: 0007, after 0006.

Runs that are there get theirs from their configurations, batch by batch while the service works.
A run that an older version submits afterwards gets its own from the scheduler.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from service.experiments.labelling import label_older_runs

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEX = "ix_runs_unlabelled"


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS labels JSONB NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS name TEXT NOT NULL DEFAULT ''")
    with op.get_context().autocommit_block():
        _drop_index()
        op.create_index(
            _INDEX,
            "runs",
            ["experiment_id"],
            unique=False,
            postgresql_where=sa.text("labels = '{}'::jsonb"),
            postgresql_concurrently=True,
        )
        with Session(op.get_bind()) as session:
            label_older_runs(session)


def downgrade() -> None:
    """Undo."""
    with op.get_context().autocommit_block():
        _drop_index()
    op.drop_column("runs", "name")
    op.drop_column("runs", "labels")


def _drop_index() -> None:
    op.drop_index(_INDEX, table_name="runs", if_exists=True, postgresql_concurrently=True)
