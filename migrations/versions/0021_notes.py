"""Notes of experiments, and which are archived.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; lists without an archived one read all rows that there are today."""
    op.add_column("experiments", sa.Column("note", sa.Text(), nullable=True))
    op.add_column(
        "experiments",
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    """Revert; notes are lost, and archived experiments are listed again."""
    op.drop_column("experiments", "archived")
    op.drop_column("experiments", "note")
