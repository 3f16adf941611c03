"""Labels of older runs with one rate of dropout: ``dropout(rate=0.5)`` for ``rate=[0.5, 0.5]``.

Revision: 0027, after 0026.

As 0025: the old ones are taken away here, and the scheduler stores new ones within seconds.
"""

from alembic import op
from sqlalchemy.orm import Session

from service.experiments.labelling import forget_labels

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    with op.get_context().autocommit_block(), Session(op.get_bind()) as session:
        forget_labels(session, r"rate=[[]([0-9.e-]+)(, \1)*[]]")


def downgrade() -> None:
    """Revert: the labels stay; the version before takes any text."""
