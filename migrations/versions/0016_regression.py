"""The errors of runs whose targets are numbers, and which runs these are.

Revision: 0016, after 0014.
"""

from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

_OF_EPOCHS = ("mae", "rmse", "val_mae", "val_rmse", "val_r2")
_OF_RUNS = (*_OF_EPOCHS, "best_val_rmse", "test_mae", "test_rmse", "test_r2")


def upgrade() -> None:
    """Apply; one that was interrupted can be run again. All runs until now predict classes."""
    _add("runs", "task text DEFAULT 'classification' NOT NULL")
    for name in _OF_RUNS:
        _add("runs", f"{name} double precision")
    for name in _OF_EPOCHS:
        _add("epochs", f"{name} double precision")


def downgrade() -> None:
    """Take back; the errors of runs whose targets are numbers are lost."""
    for table, names in (("runs", ("task", *_OF_RUNS)), ("epochs", _OF_EPOCHS)):
        for name in names:
            op.drop_column(table, name)


def _add(table: str, column: str) -> None:
    op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
