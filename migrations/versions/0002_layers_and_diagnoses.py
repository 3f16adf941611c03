"""Layer statistics, diagnoses, and the preset an experiment was made from.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "layers",
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_layers_run_id_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "epoch", name=op.f("pk_layers")),
    )
    op.add_column("experiments", sa.Column("preset", sa.Text(), nullable=True))
    op.add_column("experiments", sa.Column("preset_size", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("verdict", sa.Text(), nullable=True))
    op.add_column(
        "runs",
        sa.Column(
            "findings", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    op.create_check_constraint(
        op.f("ck_runs_verdict"),
        "runs",
        "verdict IN ('healthy', 'vanishing', 'exploding', 'saturated', 'dead', 'symmetric', "
        "'diverged')",
    )
    op.create_index("ix_runs_verdict", "runs", ["verdict", "id"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_runs_verdict", table_name="runs")
    op.drop_constraint(op.f("ck_runs_verdict"), "runs", type_="check")
    op.drop_column("runs", "findings")
    op.drop_column("runs", "verdict")
    op.drop_column("experiments", "preset_size")
    op.drop_column("experiments", "preset")
    op.drop_table("layers")
