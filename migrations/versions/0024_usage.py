"""What workers use, and how deliveries of webhooks ended; NULL and nothing in older databases.

Revision: 0024, after 0023.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("ALTER TABLE workers ADD COLUMN IF NOT EXISTS resident_bytes bigint")
    op.execute("ALTER TABLE workers ADD COLUMN IF NOT EXISTS processor_seconds double precision")
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS webhook_results (
            result text NOT NULL,
            shard smallint NOT NULL,
            count bigint NOT NULL,
            CONSTRAINT pk_webhook_results PRIMARY KEY (result, shard)
        )
        """
    )


def downgrade() -> None:
    """Take back; what was counted is forgotten."""
    op.execute("DROP TABLE IF EXISTS webhook_results")
    op.drop_column("workers", "processor_seconds")
    op.drop_column("workers", "resident_bytes")
