"""Runs that leave others alone, and files that live as long as a run that refers to them.

``runs.alone`` marks a run whose pack failed. ``runs.weights_run`` and ``weights_attempt`` name the
files of a run that took over a history; until now they were found through the rows of the runs that
passed it on, any of which may be deleted. Where one is gone, so are its files, and the attempt
stays empty. ``webhook_batches`` are deliveries still to be made; ``webhooks.failing_since`` is when
a receiver that fails began to. ``runs.caller`` and ``turns`` let callers take turns in the queue.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_QUEUE = (sa.text("priority DESC"), "id")


def upgrade() -> None:
    """Apply; one that was interrupted can be run again."""
    op.execute(
        "ALTER TABLE runs ADD COLUMN IF NOT EXISTS alone boolean NOT NULL DEFAULT false, "
        "ADD COLUMN IF NOT EXISTS caller text NOT NULL DEFAULT '', "
        "ADD COLUMN IF NOT EXISTS weights_run uuid, "
        "ADD COLUMN IF NOT EXISTS weights_attempt integer"
    )
    op.execute(
        """
        WITH RECURSIVE passed_on (id, trained) AS (
            SELECT id, reused_from FROM runs WHERE reused_from IS NOT NULL
            UNION ALL
            SELECT passed_on.id, source.reused_from
            FROM passed_on JOIN runs AS source ON source.id = passed_on.trained
            WHERE source.reused_from IS NOT NULL
        ), last AS (
            SELECT passed_on.id, passed_on.trained, source.attempt
            FROM passed_on LEFT JOIN runs AS source ON source.id = passed_on.trained
            WHERE source.reused_from IS NULL
        )
        UPDATE runs SET weights_run = last.trained, weights_attempt = last.attempt
        FROM last WHERE last.id = runs.id
        """
    )
    # Of all other runs the caller does not matter; a retry fills it in.
    op.execute(
        "UPDATE runs SET caller = experiments.created_by FROM experiments "
        "WHERE experiments.id = runs.experiment_id AND runs.status IN ('queued', 'running')"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS turns (caller text NOT NULL, taken_at timestamptz NOT NULL, "
        "CONSTRAINT pk_turns PRIMARY KEY (caller))"
    )
    op.execute("ALTER TABLE webhooks ADD COLUMN IF NOT EXISTS failing_since timestamptz")
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS webhook_batches (
            id uuid NOT NULL,
            webhook_ids uuid[] NOT NULL,
            messages jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_webhook_batches PRIMARY KEY (id)
        )
        """
    )
    with op.get_context().autocommit_block():
        _build("ix_runs_weights_run", "weights_run", where="weights_run IS NOT NULL")
        _drop("ix_runs_reused_from")
        queued = "status = 'queued'"
        _build("ix_runs_claimable", "caller", *_QUEUE, where=queued)
        _build("ix_runs_packable", "caller", "pack_key", *_QUEUE, where=queued)


def downgrade() -> None:
    """Take back."""
    with op.get_context().autocommit_block():
        _build("ix_runs_reused_from", "reused_from", where="reused_from IS NOT NULL")
        _drop("ix_runs_weights_run")
        _build("ix_runs_claimable", *_QUEUE, where="status = 'queued'")
        _build("ix_runs_packable", "pack_key", *_QUEUE, where="status = 'queued'")
    op.execute("DROP TABLE IF EXISTS turns")
    op.execute("DROP TABLE IF EXISTS webhook_batches")
    op.execute("ALTER TABLE webhooks DROP COLUMN IF EXISTS failing_since")
    for column in ("weights_attempt", "weights_run", "caller", "alone"):
        op.execute(f"ALTER TABLE runs DROP COLUMN IF EXISTS {column}")


def _build(name: str, *columns: str | sa.TextClause, where: str) -> None:
    """Build an index while the service works; one that an interrupted build left is dropped."""
    _drop(name)
    op.create_index(
        name,
        "runs",
        columns,
        unique=False,
        postgresql_where=sa.text(where),
        postgresql_concurrently=True,
    )


def _drop(name: str) -> None:
    op.drop_index(name, table_name="runs", if_exists=True, postgresql_concurrently=True)
