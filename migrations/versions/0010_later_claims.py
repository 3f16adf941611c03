"""Claims that are added to an experiment after its submission.

Revision: 0010, after 0009.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
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
