"""The role of the service: it works with rows, and cannot change the schema."""

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import make_url

from service.database.engine import create_database_engine
from service.database.roles import SERVICE_ROLE, grant_service_role

PASSWORD = "of the service: 'quoted'"


@pytest.fixture
def granted(settings):
    """Grant the role, and return where it connects."""
    engine = create_database_engine(settings, pool_size=1)

    def granted(password=PASSWORD):
        grant_service_role(engine, password)
        url = make_url(settings.database_url)
        return {"host": url.host, "port": url.port, "dbname": url.database, "user": SERVICE_ROLE}

    yield granted
    engine.dispose()


def test_it_reads_and_writes_rows_and_changes_no_table(granted):
    with psycopg.connect(**granted(), password=PASSWORD, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        connection.execute("DELETE FROM events")
        connection.execute("SELECT version_num FROM alembic_version")
        for forbidden in (
            "DROP TABLE runs",
            "ALTER TABLE runs ADD COLUMN more integer",
            "CREATE TABLE more (id integer)",
            "TRUNCATE runs",
            "UPDATE alembic_version SET version_num = '0000'",
            "CREATE ROLE more",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(sql.SQL(forbidden))


def test_granting_again_changes_the_password(granted):
    granted()
    where = granted("another")
    psycopg.connect(**where, password="another").close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**where, password=PASSWORD)
