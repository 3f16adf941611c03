"""The base of every table, and the column types and constraints that tables share."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import DateTime, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase

#: Names every constraint, so that a migration can drop what another has created.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: A JSON column in which None is NULL, not JSON's null.
JSON = postgresql.JSONB(none_as_null=True)
#: The same, but fields stay in the order in which they were written.
ORDERED_JSON = postgresql.JSON(none_as_null=True)
#: A moment, stored in UTC.
TIME = DateTime(timezone=True)


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """Return the SQL condition that a column has one of the values."""
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"
