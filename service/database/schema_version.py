"""The version of the database's schema, and the check that it is the one this code needs."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaVersionError(Exception):
    """The database's schema is not the one that this code needs."""


def alembic_config(url: str) -> "Config":
    """Return alembic's configuration for this code's migrations and a database."""
    # A seventh of the API's imports, and only migrations need it.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # A % begins a reference in the configuration, and is a letter of a path or a password here.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


@lru_cache(maxsize=1)
def known_revisions() -> tuple[str, ...]:
    """Return the schema versions this code knows, oldest first: one per migration."""
    found = sorted(file.name.partition("_")[0] for file in MIGRATIONS.glob("versions/[0-9]*.py"))
    if not found:
        raise SchemaVersionError(f"No migration was found in {MIGRATIONS}.")
    return tuple(found)


def expected_revision() -> str:
    """Return the schema version that this code needs."""
    return known_revisions()[-1]


def _current_revision(connection: Connection) -> str | None:
    """Return the schema version of a database; None before its first migration."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def check_schema(engine: Engine, *, newer_only: bool = False) -> None:
    """Raise an error where the database has another schema version than this code needs.

    Args:
        engine: the database.
        newer_only: accept an older version, and an empty database: they can be migrated.

    Raises:
        SchemaVersionError: the sentence says what to run.
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    with engine.connect() as connection:
        found = _current_revision(connection)
    known, expected = known_revisions(), expected_revision()
    if found == expected:
        return
    if newer_only and found in {None, *known}:
        return
    if found is None:
        raise SchemaVersionError("The database is empty. Run `actinium-admin migrate` first.")
    if found in known:
        raise SchemaVersionError(
            f"The database is at schema {found}, this code needs {expected}. "
            "Run `actinium-admin migrate`."
        )
    raise SchemaVersionError(
        f"The database is at schema {found}, newer than this code's {expected}. "
        "Install the newer version of Actinium."
    )
