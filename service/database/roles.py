"""The role that the service connects as: it reads and writes rows, and cannot change the schema."""

from typing import Any

from psycopg import sql
from sqlalchemy import Engine

#: The role of API, scheduler and workers where ``migrate`` makes it.
SERVICE_ROLE = "actinium_service"

_EXISTS = "SELECT FROM pg_roles WHERE rolname = %s"

_GRANTS = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    # Which version the schema has is the owner's to say.
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)


def grant_service_role(engine: Engine, password: str) -> None:
    """Make the service's role if it is missing, set its password, and grant it what it needs.

    The password is sent as its SCRAM verifier, so no log of the server can show it.

    Args:
        engine: connects as the owner of the migrated schema, who may create roles.
        password: of the service's role.

    Raises:
        sqlalchemy.exc.ProgrammingError: the owner may not create roles.
    """
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        verifier = driver.pgconn.encrypt_password(
            password.encode(), SERVICE_ROLE.encode(), b"scram-sha-256"
        ).decode()
        role = sql.Identifier(SERVICE_ROLE)
        exists = connection.exec_driver_sql(_EXISTS, (SERVICE_ROLE,)).rowcount
        change = sql.SQL("{verb} ROLE {role} LOGIN PASSWORD {verifier}").format(
            verb=sql.SQL("ALTER" if exists else "CREATE"), role=role, verifier=sql.Literal(verifier)
        )
        connection.exec_driver_sql(change.as_string(driver))
        database = sql.Identifier(driver.info.dbname)
        for grant in _GRANTS:
            statement = sql.SQL(grant).format(database=database, role=role)
            connection.exec_driver_sql(statement.as_string(driver))
