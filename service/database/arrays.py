"""Arrays as tables: many rows in few parameters of one statement."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import TableValuedAlias, cast, func
from sqlalchemy.dialects.postgresql import ARRAY


def table_of(name: str, columns: Mapping[str, tuple[Any, Sequence[Any]]]) -> TableValuedAlias:
    """Return a table whose columns are arrays of one length: ``unnest(...) AS name``.

    Args:
        name: of the table in the statement.
        columns: by name, the type of a column and its values.
    """
    arrays = (cast(values, ARRAY(kind)) for kind, values in columns.values())
    unnested: TableValuedAlias = func.unnest(*arrays).table_valued(*columns, name=name)
    return unnested.render_derived()
