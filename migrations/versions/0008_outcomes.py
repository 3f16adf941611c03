"""What each run's training came to.

Revision: 0008, after 0007.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_OUTCOMES = "'diverged', 'at_chance', 'got_worse', 'still_learning', 'overfits', 'learned'"
_INDEX = "ix_runs_outcome"


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS outcome TEXT")
    op.execute("ALTER TABLE runs DROP CONSTRAINT IF EXISTS ck_runs_outcome")
    op.execute(f"ALTER TABLE runs ADD CONSTRAINT ck_runs_outcome CHECK (outcome IN ({_OUTCOMES}))")
    op.execute("UPDATE runs SET outcome = 'diverged' WHERE status = 'diverged'")
    with op.get_context().autocommit_block():
        _drop_index()
        op.create_index(
            _INDEX, "runs", ["outcome", "id"], unique=False, postgresql_concurrently=True
        )


def downgrade() -> None:
    """Undo."""
    with op.get_context().autocommit_block():
        _drop_index()
    op.drop_column("runs", "outcome")


def _drop_index() -> None:
    op.drop_index(_INDEX, table_name="runs", if_exists=True, postgresql_concurrently=True)
