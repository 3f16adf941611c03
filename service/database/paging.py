"""Keyset paging: a page begins after the last item of the previous one, whatever was inserted.

A cursor holds the position of the last item in the order, and a tag of its query. It is opaque to
clients, and nothing in it is trusted.
"""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Iterator, Sequence
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
    String,
    and_,
    case,
    literal,
    or_,
    true,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.errors import InvalidError
from service.fields import FieldError, Text
from service.json_numbers import to_json

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000

#: A column that a list can be ordered by.
Column = InstrumentedAttribute[Any] | ColumnElement[Any]

#: A condition, and the order among the rows that it selects.
Piece = tuple[ColumnElement[bool], tuple[ColumnElement[Any], ...]]

_TIME = TypeAdapter(AwareDatetime)
_NUMBER = TypeAdapter(float)
_ID = TypeAdapter(uuid.UUID)
_TEXT = TypeAdapter(Text)
_INTEGERS = {
    bits: TypeAdapter(Annotated[int, Field(ge=-(2 ** (bits - 1)), lt=2 ** (bits - 1))])
    for bits in (32, 64)
}


class CursorError(InvalidError):
    """A cursor that is malformed, or that belongs to another query."""

    def __init__(self) -> None:
        detail = "The cursor does not belong to this query. Leave it out to start over."
        super().__init__(detail, errors=[FieldError(("query", "cursor"), detail)])


@dataclass(frozen=True)
class Page:
    """Some rows of a query, and the cursor of the next page; None on the last one."""

    rows: Sequence[Row[Any]]
    next_cursor: str | None


@dataclass(frozen=True)
class Key:
    """A column that a list is ordered by.

    Missing values come last, and NaN before them, in both directions.
    """

    column: Column
    descending: bool = False

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return the key's part of the ORDER BY."""
        return [_rank(self.column).asc(), self.directed()]

    def directed(self) -> ColumnElement[Any]:
        """Return the column in the key's direction."""
        directed: ColumnElement[Any] = self.column.desc() if self.descending else self.column.asc()
        return directed

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Return the condition of the rows after a value."""
        column = self.column
        beyond: ColumnElement[bool] = column < value if self.descending else column > value
        return beyond

    def after(self, rank: int, value: Any, later: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the condition of the rows after a value; ``later`` decides among its equals.

        Args:
            rank: the rank of the value.
            value: the value; any where the rank is not 0.
            later: the condition of later rows among those with the same value.
        """
        if rank == 0:
            later = or_(self.beyond(value), and_(self.column == value, later))
        return or_(_rank(self.column) > rank, and_(_rank(self.column) == rank, later))


@dataclass(frozen=True)
class Order:
    """The order of a list: by its keys in turn, and then by ``unique``.

    The position of a row is the rank (0: a number, 1: NaN, 2: missing) and the value of every key,
    followed by the value of ``unique``.
    """

    unique: InstrumentedAttribute[Any]
    keys: tuple[Key, ...] = ()
    descending: bool = False
    #: There is one key, in the direction of ``unique``, and an index has both columns.
    indexed: bool = False

    def clauses(self) -> list[ColumnElement[Any]]:
        """Return the ORDER BY."""
        return [clause for key in self.keys for clause in key.clauses()] + [self._last.directed()]

    def position(self) -> list[Column]:
        """Return the columns that make a row's position."""
        ranked = ((_rank(key.column), key.column) for key in self.keys)
        return [*(column for pair in ranked for column in pair), self.unique]

    def after(self, position: Sequence[Any]) -> ColumnElement[bool]:
        """Return the condition of the rows after a position."""
        *pairs, unique = position
        later = self._last.beyond(unique)
        for depth, key in reversed(list(enumerate(self.keys))):
            rank, value = pairs[2 * depth : 2 * depth + 2]
            later = key.after(rank, value, later)
        return later

    def pieces(self, position: Sequence[Any] | None) -> Iterator[Piece]:
        """Yield the rows after a position rank by rank, each in the order of an index."""
        (key,) = self.keys
        first = position[0] if position is not None else 0
        directed = (key.directed(), self._last.directed())
        for rank, condition in _ranks(key.column).items():
            if rank < first:
                continue
            if position is None or rank > first:
                yield condition, directed
            elif rank:
                yield and_(condition, self._last.beyond(position[2])), directed
            else:
                # A comparison of rows, so that Postgres enters the index at the position.
                columns = (key.column, self.unique)
                pair = Key(tuple_(*columns), self.descending)
                last = zip(position[1:], columns, strict=True)
                reached = tuple_(*(literal(value, column.type) for value, column in last))
                yield and_(condition, pair.beyond(reached)), directed

    @property
    def _last(self) -> Key:
        return Key(self.unique, self.descending)


def _ranks(column: Column) -> dict[int, ColumnElement[bool]]:
    """Return the condition of each rank (see ``_rank``), in a form that an index can serve."""
    if isinstance(column, InstrumentedAttribute) and not column.property.columns[0].nullable:
        return {0: true()}
    if not isinstance(column.type, Double):
        return {0: column.is_not(None), 2: column.is_(None)}
    nan = literal("NaN", Double)  # Postgres sorts it above all numbers
    return {0: column < nan, 1: column == nan, 2: column.is_(None)}


def _rank(column: Column) -> ColumnElement[int]:
    nan = [(column == literal("NaN", Double), 1)] if isinstance(column.type, Double) else []
    return case((column.is_(None), 2), *nan, else_=0)


def query_tag(query: Any) -> str:
    """Return a tag of a query's content, so that its cursors fit no other query."""
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
    """Return one page of a query.

    Args:
        session: a session.
        statement: the query with its filters and no order.
        order: the order of the whole list.
        query: what distinguishes this list from all others: its name, filters and order.
        cursor: the cursor of an earlier page; None for the first page.
        limit: the most rows of the page.

    Raises:
        CursorError: the cursor does not belong to this query.
    """
    tag = query_tag(query)
    after = _typed(order, decode(cursor, tag)) if cursor is not None else None
    position = order.position()
    labelled = (column.label(f"_position_{n}") for n, column in enumerate(position))
    found = _found(session, statement.add_columns(*labelled), order, after, limit + 1)
    rows = found[:limit]
    if len(found) <= limit:
        return Page(rows, None)
    return Page(rows, encode(found[limit - 1][-len(position) :], tag))


def _found(
    session: Session, statement: Select[Any], order: Order, after: Sequence[Any] | None, most: int
) -> list[Row[Any]]:
    if not (order.indexed and order.keys):
        if after is not None:
            statement = statement.where(order.after(after))
        return list(session.execute(statement.order_by(*order.clauses()).limit(most)))
    found: list[Row[Any]] = []
    for condition, directed in order.pieces(after):
        piece = statement.where(condition).order_by(*directed)
        found += session.execute(piece.limit(most - len(found)))
        if len(found) == most:
            break
    return found


def encode(position: Sequence[Any], tag: str) -> str:
    """Return the cursor of a position."""
    *pairs, unique = position
    shown: list[Any] = []
    for rank, value in zip(pairs[::2], pairs[1::2], strict=True):
        shown += [rank, None if rank else to_json(value) if isinstance(value, float) else value]
    content = orjson.dumps([tag, *shown, unique])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(cursor: str, tag: str) -> list[Any]:
    """Return the position in a cursor of the query with this tag, as JSON has it.

    Raises:
        CursorError: it is no cursor of this query.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise CursorError from error
    if not isinstance(content, list) or len(content) < 2 or content[0] != tag:
        raise CursorError
    return content[1:]


def _typed(order: Order, position: list[Any]) -> list[Any]:
    """Return a position with the types of the order's columns."""
    *pairs, unique = position
    if len(pairs) != 2 * len(order.keys):
        raise CursorError
    typed: list[Any] = []
    try:
        for key, rank, value in zip(order.keys, pairs[::2], pairs[1::2], strict=True):
            if type(rank) is not int or not 0 <= rank <= 2:
                raise CursorError
            typed += [rank, None if rank else _reader(key.column).validate_python(value)]
        return [*typed, _reader(order.unique).validate_python(unique)]
    except ValidationError as error:
        raise CursorError from error


def _reader(column: Column) -> TypeAdapter[Any]:
    """Return a reader that accepts only the values a column can hold."""
    match column.type:
        case UUID():
            return _ID
        case DateTime():
            return _TIME
        case Double():
            return _NUMBER
        case BigInteger():
            return _INTEGERS[64]
        case Integer():
            return _INTEGERS[32]
        case String():
            return _TEXT
    raise TypeError(f"A list cannot be ordered by a column of type {column.type}.")
