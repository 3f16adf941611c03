"""Migrations: from empty, up and down with data in the tables, and equal to the models."""

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from service.database import MIGRATIONS, SchemaVersionError, alembic_config, check_schema

_FILL = """
INSERT INTO experiments (id, tags, spec, created_by)
    SELECT gen_random_uuid(), '{}', '{}', 'test' FROM generate_series(1, 20);
INSERT INTO runs (id, experiment_id, position, config, config_hash, seed, status, priority,
                  device_request, reuse, max_attempts, epochs)
    SELECT gen_random_uuid(), id, n,
           '{"activation": {"name": "relu"}, "initializer": {"name": "zeros"},
             "normalization": {"name": "none"}, "clipping": {"name": "none"}}',
           'hash', n, 'completed', 0, 'auto', true, 3, 2
    FROM experiments, generate_series(0, 4) AS n;
INSERT INTO epochs (run_id, epoch, loss)
    SELECT id, n, 'NaN' FROM runs, generate_series(1, 2) AS n;
INSERT INTO events (experiment_id, type, data)
    SELECT id, 'experiment.created', '{}' FROM experiments;
"""


@pytest.fixture
def config(database_url):
    return alembic_config(database_url.replace("postgresql://", "postgresql+psycopg://"))


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}


def test_models_and_migrations_agree(config):
    command.check(config)


def test_every_migration_goes_down_and_up_again_on_data(config, database_url):
    revisions = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL)
    for _ in revisions:
        command.downgrade(config, "-1")
    assert _tables(database_url) == {"alembic_version"}
    for _ in revisions:
        command.upgrade(config, "+1")
    command.check(config)
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL)


def test_a_migration_gives_up_rather_than_queue_behind_a_long_lock(config, database_url):
    """Waiting for the lock would hold up every reader that comes after."""
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE runs IN ACCESS SHARE MODE")
        with pytest.raises(Exception, match="lock timeout"):
            command.downgrade(config, "base")
    assert "runs" in _tables(database_url)


def test_another_schema_version_is_refused_with_what_to_run(database_url):
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    check_schema(engine)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(SchemaVersionError, match="newer"):
        check_schema(engine)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(SchemaVersionError, match="actinium-admin migrate"):
        check_schema(engine)
    engine.dispose()
