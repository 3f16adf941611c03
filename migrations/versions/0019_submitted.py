"""The specs of experiments as they were submitted; NULL in rows of an older version.

Revision: 0019, after 0016.
"""

from alembic import op

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE experiments ADD COLUMN IF NOT EXISTS submitted json")


def downgrade() -> None:
    """Take back."""
    op.drop_column("experiments", "submitted")
