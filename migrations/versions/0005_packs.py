"""The key that queued runs share to be trained as one batched job.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Stored runs get no key: each is trained alone, as it was begun."""
    op.add_column("runs", sa.Column("pack_key", sa.Text(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_runs_packable",
            "runs",
            ["pack_key", sa.literal_column("priority DESC"), "id"],
            unique=False,
            postgresql_where=sa.text("status = 'queued'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Undo."""
    with op.get_context().autocommit_block():
        op.drop_index("ix_runs_packable", table_name="runs", postgresql_concurrently=True)
    op.drop_column("runs", "pack_key")
