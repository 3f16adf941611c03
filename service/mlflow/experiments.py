"""Finding experiments as MLflow's clients do."""

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
from service.mlflow.fields import Searchable, attribute, conditions, keys, moment, text
from service.mlflow.grammar import Field, Value, read_filter, read_orders

_UNNAMED = "experiment"
_WITH_ID = re.compile(r"(?P<name>.*) \([0-9a-f]{8}\)", re.DOTALL)

_own_name = func.nullif(Experiment.name, "")
_older = aliased(Experiment)
_name_is_taken = exists().where(_older.name == Experiment.name, _older.id < Experiment.id)
_short_id = func.right(cast(Experiment.id, Text), 8)
#: MLflow's names are unique: the first experiment of a name has it, later ones add their id.
NAME: ColumnElement[str] = case(
    (and_(_own_name.is_not(None), ~_name_is_taken), _own_name),
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
    wanted: str,
    order_by: Sequence[str],
    cursor: str | None,
    limit: int,
) -> Page:
    """List experiments, newest first unless ordered otherwise.

    Args:
        session: a session outside any transaction.
        wanted: MLflow's filter, such as ``name LIKE 'mnist%' AND tags.course = 'dl'``.
        order_by: MLflow's orders, such as ``name ASC``.
        cursor: as an earlier page gave it.
        limit: most experiments of the page.

    Raises:
        InvalidError: a filter or an order that cannot be used, or a cursor of another query.
    """
    statement = select(*_COLUMNS).where(*conditions(read_filter(wanted), _find))
    order = Order(Experiment.id, keys(read_orders(order_by), _find), descending=True)
    with session.begin():
        return fetch_page(
            session,
            statement,
            order,
            query=["mlflow experiments", wanted, order_by],
            cursor=cursor,
            limit=limit,
        )


def get(session: Session, experiment_id: str) -> Row[Any]:
    """Give an experiment.

    Raises:
        NotFoundError: there is no such experiment.
    """
    found = as_uuid(experiment_id)
    return _one(
        session,
        false() if found is None else Experiment.id == found,
        f"There is no experiment {experiment_id!r}.",
    )


def get_by_name(session: Session, name: str) -> Row[Any]:
    """Give the experiment of a name.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return _one(session, _is_called(name), f"There is no experiment with the name {name!r}.")


def as_uuid(given: str) -> uuid.UUID | None:
    """Read an id of ours; MLflow's own, such as "0", are none."""
    try:
        return uuid.UUID(given)
    except ValueError:
        return None


def _one(session: Session, condition: ColumnElement[bool], missing: str) -> Row[Any]:
    with session.begin():
        found = session.execute(select(*_COLUMNS).where(condition)).one_or_none()
    if found is None:
        raise NotFoundError(missing)
    return found


def _is_called(name: str) -> ColumnElement[bool]:
    """Select by the name shown, looking only where the index says it may be."""
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
    return text(NAME).compare(operator, value)


_ATTRIBUTES = {
    "name": Searchable(NAME, _compare_name),
    "experiment_id": text(cast(Experiment.id, Text)),
    "creation_time": moment(Experiment.created_at),
    "last_update_time": moment(Experiment.created_at),
}


def _find(field: Field) -> Searchable:
    if field.entity == "tag":
        return text(Experiment.tags[field.name].astext)
    name = field.name if field.entity == "attribute" else f"{field.entity}s.{field.name}"
    return attribute(name, _ATTRIBUTES)
