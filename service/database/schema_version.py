"""The version of the database's schema, and whether it is the one this code needs."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config


MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaVersionError(Exception):
    """The database's schema is not the one this code was written for."""


def alembic_config(url: str) -> "Config":
    """Configure alembic for this code's migrations and a database."""
    # A seventh of what the API imports, and only who migrates needs it.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


@lru_cache(maxsize=1)
def known_revisions() -> tuple[str, ...]:
    """The schema versions this code knows, oldest first: what its migrations' files begin with."""
    found = sorted(each.name.partition("_")[0] for each in MIGRATIONS.glob("versions/[0-9]*.py"))
    if not found:
        raise SchemaVersionError(f"No migration was found in {MIGRATIONS}.")
    return tuple(found)


def expected_revision() -> str:
    """The schema version this code was written for."""
    return known_revisions()[-1]


def _current_revision(connection: Connection) -> str | None:
    """The schema version of a database; None before its first migration."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def check_schema(engine: Engine, *, newer_only: bool = False) -> None:
    """Refuse a database of another schema version; with ``newer_only`` one to migrate will do.

    Raises:
        SchemaVersionError: with a sentence that says what to run.
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
