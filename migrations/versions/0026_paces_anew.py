"""Paces anew: they are multiples of expected seconds, which count the validation part since.

Revision: 0026, after 0025.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute("DELETE FROM paces")


def downgrade() -> None:
    """Revert; what was measured is forgotten here too."""
    op.execute("DELETE FROM paces")
