"""Paces: what jobs took, as a multiple of what their operations suggest.

Revision: 0023, after 0021.
"""

from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS paces (
            key text NOT NULL,
            jobs integer NOT NULL,
            runs integer NOT NULL,
            fixed_weight double precision NOT NULL,
            fixed double precision NOT NULL,
            epoch_weight double precision NOT NULL,
            epoch double precision NOT NULL,
            epochs_share double precision NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_paces PRIMARY KEY (key)
        )
        """
    )


def downgrade() -> None:
    """Revert; what was measured is forgotten."""
    op.execute("DROP TABLE IF EXISTS paces")
