"""What keeps a run from learning, apart from what its training came to.

Revision: 0009, after 0008.

``diverged`` is an outcome and no verdict any more: such a run's verdict becomes the first cause
among its findings. Findings get an advice, which older ones have not. Runs that are there get their
outcome from their history, batch by batch while the service works. A run that an older version
ends afterwards gets its own from the scheduler.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from service.histories.older_outcomes import judge_older_runs

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDEX = "ix_runs_without_outcome"
_CAUSES = "'step_size', 'vanishing', 'length', 'exploding', 'saturated', 'dead', 'symmetric'"
_VERDICTS = f"'healthy', 'no_cause_found', {_CAUSES}"
_OLDER_VERDICTS = (
    "'healthy', 'vanishing', 'exploding', 'saturated', 'dead', 'symmetric', 'diverged'"
)


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    # An older worker may still write "diverged" while the service is replaced.
    _allow(f"{_VERDICTS}, 'diverged'")
    op.execute(
        f"""
        UPDATE runs SET verdict = coalesce(
            (SELECT finding ->> 'kind'
             FROM jsonb_array_elements(findings) WITH ORDINALITY AS found (finding, number)
             WHERE finding ->> 'kind' IN ({_CAUSES}) ORDER BY number LIMIT 1),
            'no_cause_found')
        WHERE verdict = 'diverged'
        """  # noqa: S608 - constants
    )
    op.execute(
        """
        UPDATE runs SET findings =
            (SELECT jsonb_agg('{"advice": null}'::jsonb || finding ORDER BY number)
             FROM jsonb_array_elements(findings) WITH ORDINALITY AS found (finding, number))
        WHERE jsonb_array_length(findings) > 0 AND NOT (findings -> 0) ? 'advice'
        """
    )
    with op.get_context().autocommit_block():
        _drop_index()
        op.create_index(
            _INDEX,
            "runs",
            ["id"],
            unique=False,
            postgresql_where=sa.text(
                "outcome IS NULL AND status IN ('completed', 'diverged') AND epochs > 0"
            ),
            postgresql_concurrently=True,
        )
        with Session(op.get_bind()) as session:
            judge_older_runs(session)


def downgrade() -> None:
    """Take back; verdicts that older versions do not know become none."""
    with op.get_context().autocommit_block():
        _drop_index()
    op.execute("ALTER TABLE runs DROP CONSTRAINT IF EXISTS ck_runs_verdict")
    op.execute(
        "UPDATE runs SET verdict = CASE WHEN status = 'diverged' THEN 'diverged' END "
        "WHERE status = 'diverged' OR verdict IN ('no_cause_found', 'step_size', 'length')"
    )
    _allow(_OLDER_VERDICTS)


def _allow(verdicts: str) -> None:
    op.execute("ALTER TABLE runs DROP CONSTRAINT IF EXISTS ck_runs_verdict")
    op.execute(f"ALTER TABLE runs ADD CONSTRAINT ck_runs_verdict CHECK (verdict IN ({verdicts}))")


def _drop_index() -> None:
    op.drop_index(_INDEX, table_name="runs", if_exists=True, postgresql_concurrently=True)
