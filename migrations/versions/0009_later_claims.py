"""Claims that are added to an experiment after its submission.

Revision: 0009, after 0008.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute(
        "ALTER TABLE experiments ADD COLUMN IF NOT EXISTS later_claims JSONB NOT NULL DEFAULT '[]'"
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("experiments", "later_claims")
