"""Labels of older runs, written as those of new ones: ``sgd(learning_rate=50)`` for ``sgd(50.0)``.

Revision: 0025, after 0024.

A comparison across experiments groups runs by their labels, so one spelling has to hold for all.
The old ones are taken away here, experiment by experiment while the service works; the scheduler
stores new ones within seconds (``service.experiments.labelling``).
"""

import uuid

from alembic import op
from sqlalchemy import text
from sqlalchemy.orm import Session

from service.experiments import overviews

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

#: Runs with texts that only older labels have, or that both may have: parameters without names, and
#: numbers and truth values as Python writes them.
_MAY_DIFFER = text(
    r"SELECT DISTINCT experiment_id FROM runs "
    r"WHERE labels::text ~ '[(][^=()]*[)]|e[-+]0|[0-9][.]0[^0-9]|True|False|None'"
)


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    with op.get_context().autocommit_block(), Session(op.get_bind()) as session:
        with session.begin():
            experiments = session.scalars(_MAY_DIFFER).all()
        for experiment_id in experiments:
            with session.begin():
                _forget(session, experiment_id)


def _forget(session: Session, experiment_id: uuid.UUID) -> None:
    """Take the labels from an experiment's runs, and have its overview worked out anew."""
    session.execute(
        text(
            "WITH locked AS (SELECT id FROM runs WHERE experiment_id = :experiment_id "
            "ORDER BY id FOR NO KEY UPDATE) "
            "UPDATE runs SET labels = '{}' FROM locked WHERE runs.id = locked.id"
        ),
        {"experiment_id": experiment_id},
    )
    overviews.reopen(session, experiment_id)


def downgrade() -> None:
    """Revert: the labels stay; the version before takes any text."""
