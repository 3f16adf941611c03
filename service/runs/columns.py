"""Columns of runs that several queries read."""

from sqlalchemy import Label, Text, func, literal

from service.database.tables import Run
from service.specs.spec import LATER_AXES


def precision_column() -> Label[str]:
    """Return the precision of a run; configurations that name none have the usual one."""
    name = Run.config["precision"]["name"].astext
    return func.coalesce(name, literal(LATER_AXES["precision"], Text)).label("precision")
