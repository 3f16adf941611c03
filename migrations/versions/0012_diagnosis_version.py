"""Which rules a run's diagnosis was made by: empty for those of older versions of the service.

Revision: 0012, after 0011.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS diagnosis_version integer")


def downgrade() -> None:
    """Take back."""
    op.drop_column("runs", "diagnosis_version")
