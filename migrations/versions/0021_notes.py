"""Notes of experiments, which are archived, and their overviews.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; no experiment is archived, and the scheduler fills in the overviews."""
    op.add_column("experiments", sa.Column("note", sa.Text(), nullable=True))
    op.add_column(
        "experiments",
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )

    op.execute(
        """
        CREATE TABLE overviews (
            experiment_id uuid NOT NULL,
            ended integer NOT NULL DEFAULT 0,
            is_final boolean NOT NULL DEFAULT false,
            varying jsonb NOT NULL DEFAULT '[]',
            best jsonb,
            CONSTRAINT pk_overviews PRIMARY KEY (experiment_id),
            CONSTRAINT fk_overviews_experiment_id_experiments FOREIGN KEY (experiment_id)
                REFERENCES experiments (id) ON DELETE CASCADE
        )
        """
    )
    op.execute("CREATE INDEX ix_overviews_open ON overviews (experiment_id) WHERE NOT is_final")
    # The scheduler fills in those of older experiments.
    op.execute("INSERT INTO overviews (experiment_id, ended) SELECT id, -1 FROM experiments")


def downgrade() -> None:
    """Revert; notes are lost, and archived experiments are listed again."""
    op.execute("DROP TABLE overviews")
    op.drop_column("experiments", "archived")
    op.drop_column("experiments", "note")
