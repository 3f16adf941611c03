"""Events outlive their experiment, so that its deletion is an event, too.

Revision: 0006, after 0005.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NAME = "fk_events_experiment_id_experiments"


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(_NAME, "events", type_="foreignkey")


def downgrade() -> None:
    """Undo; deletions are no events any more."""
    op.execute(
        "DELETE FROM events WHERE NOT EXISTS"
        " (SELECT FROM experiments WHERE experiments.id = events.experiment_id)"
    )
    op.create_foreign_key(
        _NAME, "events", "experiments", ["experiment_id"], ["id"], ondelete="CASCADE"
    )
