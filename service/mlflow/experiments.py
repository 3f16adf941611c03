"""Searching experiments with MLflow's filters and orders."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from service.database.paging import Order, Page, fetch_page
from service.database.tables import Experiment
from service.errors import NotFoundError
from service.mlflow.fields import (
    Searchable,
    find_attribute,
    sort_keys,
    sql_conditions,
    text_field,
    time_field,
)
from service.mlflow.grammar import Field, Value, read_filter, read_orders

_UNNAMED = "experiment"
_ID_ENDING = r" \([0-9a-f]{8}\)"
_WITH_ID = re.compile(rf"(?P<name>.*){_ID_ENDING}", re.DOTALL)

_own_name = func.nullif(Experiment.name, "")
_older = aliased(Experiment)
_name_is_taken = exists().where(_older.name == Experiment.name, _older.id < Experiment.id)
_short_id = func.right(cast(Experiment.id, Text), 8)
_reads_like_another = _own_name.regexp_match(f"{_ID_ENDING}$")
#: Names in MLflow are unique: the oldest experiment of a name has it, later ones append an id. So
#: does one whose own name ends as if it had an id, which can be that of another.
NAME: ColumnElement[str] = case(
    (and_(_own_name.is_not(None), ~_name_is_taken, ~_reads_like_another), _own_name),
    else_=func.coalesce(_own_name, _UNNAMED) + " (" + _short_id + ")",
)

_COLUMNS: tuple[Any, ...] = (
    Experiment.id,
    NAME.label("name"),
    Experiment.description,
    Experiment.tags,
    Experiment.preset,
    Experiment.created_by,
    Experiment.created_at,
)


def search(
    session: Session,
    *,
    filter_text: str,
    order_by: Sequence[str],
    cursor: str | None,
    limit: int,
) -> Page:
    """List experiments, newest first unless ordered otherwise.

    Args:
        session: a session outside any transaction.
        filter_text: MLflow's filter, such as ``name LIKE 'mnist%' AND tags.course = 'dl'``.
        order_by: MLflow's orders, such as ``name ASC``.
        cursor: the cursor of an earlier page; None for the first page.
        limit: most experiments per page.

    Raises:
        InvalidError: the filter or an order is invalid, or the cursor belongs to another query.
    """
    statement = select(*_COLUMNS).where(*sql_conditions(read_filter(filter_text), _find_field))
    keys = sort_keys(read_orders(order_by), _find_field)
    order = Order(Experiment.id, keys, descending=True)
    with session.begin():
        return fetch_page(
            session,
            statement,
            order,
            query=["mlflow experiments", filter_text, order_by],
            cursor=cursor,
            limit=limit,
        )


def get(session: Session, experiment_id: str) -> Row[Any]:
    """Return an experiment.

    Raises:
        NotFoundError: there is no such experiment.
    """
    parsed = as_uuid(experiment_id)
    return _one(
        session,
        false() if parsed is None else Experiment.id == parsed,
        f"There is no experiment {experiment_id!r}.",
    )


def get_by_name(session: Session, name: str) -> Row[Any]:
    """Return the experiment with a name.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return _one(session, _is_called(name), f"There is no experiment with the name {name!r}.")


def as_uuid(text: str) -> uuid.UUID | None:
    """Return an id of this service; None for any other, such as MLflow's "0"."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _one(session: Session, condition: ColumnElement[bool], missing: str) -> Row[Any]:
    with session.begin():
        found = session.execute(select(*_COLUMNS).where(condition).limit(1)).one_or_none()
    if found is None:
        raise NotFoundError(missing)
    return found


def _is_called(name: str) -> ColumnElement[bool]:
    """Return the condition that an experiment's name in MLflow is this one; an index serves it."""
    candidates = [Experiment.name == name]
    with_id = _WITH_ID.fullmatch(name)
    if with_id is not None:
        candidates.append(Experiment.name == with_id["name"])
        if with_id["name"] == _UNNAMED:
            candidates.append(_own_name.is_(None))
    return and_(or_(*candidates), NAME == name)  # noqa: SIM300 - NAME is the column


def _compare_name(operator: str, value: Value) -> ColumnElement[bool]:
    if operator == "=" and isinstance(value, str):
        return _is_called(value)
    return text_field(NAME).compare(operator, value)


_ATTRIBUTES = {
    "name": Searchable(NAME, _compare_name),
    "experiment_id": text_field(cast(Experiment.id, Text)),
    "creation_time": time_field(Experiment.created_at),
    "last_update_time": time_field(Experiment.created_at),
}


def _find_field(field: Field) -> Searchable:
    if field.entity == "tag":
        return text_field(Experiment.tags[field.name].astext)
    name = field.name if field.entity == "attribute" else f"{field.entity}s.{field.name}"
    return find_attribute(name, _ATTRIBUTES)
