"""Runs migrations: one connection, one transaction a migration, a lock timeout."""

from alembic import context
from sqlalchemy import create_engine, pool, text

import service.models  # noqa: F401 - fills the metadata
from service.config import get_settings
from service.database import Base

#: Waiting for a table behind a long query would hold up every later query on that table; give
#: up instead and let the migration be run again.
LOCK_TIMEOUT = "5s"


def run() -> None:
    """Bring the database named in the configuration, or in the settings, up or down."""
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().sqlalchemy_url
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
