"""Keyset paging: a page begins where the last one ended, whatever was inserted in between.

A cursor holds the last item's place in the order and a tag of the query it belongs to. It is
opaque to clients, and nothing in it is trusted.
"""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from sqlalchemy import (
    UUID,
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    Row,
    Select,
    and_,
    case,
    literal,
    or_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.door import FieldError
from service.errors import InvalidError
from service.numbers import to_json

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000

_MOMENT = TypeAdapter(AwareDatetime)
_NUMBER = TypeAdapter(float)
_ID = TypeAdapter(uuid.UUID)
_INTEGERS = {
    bits: TypeAdapter(Annotated[int, Field(ge=-(2 ** (bits - 1)), lt=2 ** (bits - 1))])
    for bits in (32, 64)
}


class CursorError(InvalidError):
    """A cursor that is none, or that belongs to another query."""

    def __init__(self) -> None:
        detail = "The cursor does not belong to this query. Leave it out to start over."
        super().__init__(detail, errors=[FieldError(("query", "cursor"), detail)])


@dataclass(frozen=True)
class Page:
    """Some rows of a query, and the cursor of the next page where there is one."""

    rows: Sequence[Row[Any]]
    next_cursor: str | None


@dataclass(frozen=True)
class Order:
    """The order of a list: by a column, or by ``unique`` alone, which also breaks ties.

    A missing value comes last and NaN just before, in both directions.
    """

    unique: InstrumentedAttribute[Any]
    column: InstrumentedAttribute[Any] | None = None
    descending: bool = False

    def clauses(self) -> list[ColumnElement[Any]]:
        """Give the ORDER BY."""
        columns = [each for each in (self.column, self.unique) if each is not None]
        directed = [each.desc() if self.descending else each.asc() for each in columns]
        return directed if self.column is None else [_rank(self.column).asc(), *directed]

    def after(self, key: Sequence[Any]) -> ColumnElement[bool]:
        """Select what comes after a place: (rank, value, unique)."""
        rank, value, unique = key
        later = self._beyond(self.unique, unique)
        if self.column is None:
            return later
        if rank == 0:
            tied = and_(self.column == value, later)
            later = or_(self._beyond(self.column, value), tied)
        return or_(_rank(self.column) > rank, and_(_rank(self.column) == rank, later))

    def _beyond(self, column: InstrumentedAttribute[Any], value: Any) -> ColumnElement[bool]:
        beyond: ColumnElement[bool] = column < value if self.descending else column > value
        return beyond


def _rank(column: InstrumentedAttribute[Any]) -> ColumnElement[int]:
    nan = [(column == literal("NaN", Double), 1)] if isinstance(column.type, Double) else []
    return case((column.is_(None), 2), *nan, else_=0)


def query_tag(query: Any) -> str:
    """Name a query by its content, so that its cursors fit no other."""
    content = orjson.dumps(query, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(content).hexdigest()[:12]


def fetch_page(
    session: Session,
    statement: Select[Any],
    order: Order,
    *,
    query: Any,
    cursor: str | None,
    limit: int,
) -> Page:
    """Run a query for one page.

    Args:
        session: a session.
        statement: the query with its filters and no order.
        order: the order of the whole list.
        query: what tells this list from every other: its name, filters and order.
        cursor: as an earlier page gave it, or None for the first page.
        limit: most rows of the page.

    Raises:
        CursorError: the cursor is not one of this query.
    """
    tag = query_tag(query)
    if cursor is not None:
        statement = statement.where(order.after(_typed(order, decode(cursor, tag))))
    place: list[Any] = [order.unique]
    if order.column is not None:
        place = [_rank(order.column), order.column, order.unique]
    placed = statement.add_columns(*(each.label(f"_place_{n}") for n, each in enumerate(place)))
    found = session.execute(placed.order_by(*order.clauses()).limit(limit + 1)).all()
    rows = found[:limit]
    if len(found) <= limit:
        return Page(rows, None)
    last = found[limit - 1][-len(place) :]
    key = last if order.column is not None else (0, None, *last)
    return Page(rows, encode(key, tag))


def encode(key: Sequence[Any], tag: str) -> str:
    """Write a place as a cursor."""
    rank, value, unique = key
    shown = None if rank else (to_json(value) if isinstance(value, float) else value)
    content = orjson.dumps([tag, rank, shown, unique])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(cursor: str, tag: str) -> list[Any]:
    """Read a cursor of the query with this tag: [rank, value, unique], not yet typed.

    Raises:
        CursorError: it is not one.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise CursorError from error
    if not isinstance(content, list) or len(content) != 4 or content[0] != tag:
        raise CursorError
    if type(content[1]) is not int or not 0 <= content[1] <= 2:
        raise CursorError
    return content[1:]


def _typed(order: Order, place: list[Any]) -> list[Any]:
    rank, value, unique = place
    try:
        if order.column is not None and rank == 0:
            value = _reader(order.column).validate_python(value)
        return [rank, value, _reader(order.unique).validate_python(unique)]
    except ValidationError as error:
        raise CursorError from error


def _reader(column: InstrumentedAttribute[Any]) -> TypeAdapter[Any]:
    """Read what the column can hold, so that nothing else reaches the database."""
    match column.type:
        case UUID():
            return _ID
        case DateTime():
            return _MOMENT
        case Double():
            return _NUMBER
        case BigInteger():
            return _INTEGERS[64]
        case Integer():
            return _INTEGERS[32]
    raise TypeError(f"Nothing is paged by columns of type {column.type}.")


def page_of(
    names: Sequence[str], cursor: str | None, limit: int, listed: str
) -> tuple[Sequence[str], str | None]:
    """Choose a page of names that are no rows: those after the one the cursor holds.

    Returns:
        The page, and the cursor of the next where there is one.

    Raises:
        CursorError: the cursor belongs to another list than ``listed``.
    """
    tag = query_tag(["names", listed])
    start = 0
    if cursor is not None:
        *_, last = decode(cursor, tag)
        if last not in names:
            raise CursorError
        start = names.index(last) + 1
    shown = names[start : start + limit]
    has_more = start + limit < len(names)
    return shown, encode((0, None, shown[-1]), tag) if has_more else None
