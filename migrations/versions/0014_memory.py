"""What a run needs of memory and what a worker has; 0 and NULL in rows of an older version.

Revision: 0014, after 0013.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS memory_bytes bigint DEFAULT 0 NOT NULL")
    op.execute("ALTER TABLE workers ADD COLUMN IF NOT EXISTS memory_bytes bigint")


def downgrade() -> None:
    """Take back."""
    op.drop_column("runs", "memory_bytes")
    op.drop_column("workers", "memory_bytes")
