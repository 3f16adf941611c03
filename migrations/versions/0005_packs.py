"""What queued runs have to agree in to be trained as one batched job.

Revision: 0005, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Runs that are there have no key: each is trained on its own, as it was begun."""
    op.add_column("runs", sa.Column("pack_key", sa.Text(), nullable=True))
    op.create_index(
        "ix_runs_packable",
        "runs",
        ["pack_key", sa.literal_column("priority DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_runs_packable", table_name="runs")
    op.drop_column("runs", "pack_key")
