"""Uploaded data sets: what was understood of each; their numbers are files named by sha256.

Revision: 0013, after 0012.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS datasets (
            id uuid NOT NULL,
            sha256 text NOT NULL,
            name text NOT NULL,
            description text,
            tags jsonb NOT NULL DEFAULT '{}',
            bytes bigint NOT NULL,
            understood jsonb NOT NULL,
            created_by text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_datasets PRIMARY KEY (id),
            CONSTRAINT uq_datasets_sha256 UNIQUE (sha256)
        )
        """
    )


def downgrade() -> None:
    """Revert; the uploaded data sets are forgotten, and runs on them stay readable."""
    op.execute("DROP TABLE IF EXISTS datasets")
