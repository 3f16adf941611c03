"""Labels of older runs, written as those of new ones: ``sgd(learning_rate=50)`` for ``sgd(50.0)``.

Revision: 0025, after 0024.

A comparison across experiments groups runs by their labels, so one spelling has to hold for all.
The old ones are taken away here, experiment by experiment while the service works; the scheduler
stores new ones within seconds (``service.experiments.labelling``).
"""

from alembic import op
from sqlalchemy.orm import Session

from service.experiments.labelling import forget_labels

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

#: Texts that only older labels have, or that both may have: parameters without names, and numbers
#: and truth values as Python writes them.
_MAY_DIFFER = "[(][^=()]*[)]|e[-+]0|[0-9][.]0[^0-9]|True|False|None"


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    with op.get_context().autocommit_block(), Session(op.get_bind()) as session:
        forget_labels(session, _MAY_DIFFER)


def downgrade() -> None:
    """Revert: the labels stay; the version before takes any text."""
