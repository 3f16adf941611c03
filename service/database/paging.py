"""Keyset paging: a page begins where the last one ended, whatever was inserted in between.

A cursor holds the last item's place in the order and a tag of the query it belongs to. It is
opaque to clients, and nothing in it is trusted.
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


#: What a list can be ordered by.
Column = InstrumentedAttribute[Any] | ColumnElement[Any]


#: A condition, and the order among what it selects.
Piece = tuple[ColumnElement[bool], tuple[ColumnElement[Any], ...]]


_MOMENT = TypeAdapter(AwareDatetime)


_NUMBER = TypeAdapter(float)


_ID = TypeAdapter(uuid.UUID)


_TEXT = TypeAdapter(Text)


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
class Key:
    """One thing that a list is ordered by.

    A missing value comes last and NaN just before, in both directions.
    """

    column: Column
    descending: bool = False

    def clauses(self) -> list[ColumnElement[Any]]:
        """Give its part of the ORDER BY."""
        return [_rank(self.column).asc(), self.directed()]

    def directed(self) -> ColumnElement[Any]:
        """Give the column in its direction."""
        directed: ColumnElement[Any] = self.column.desc() if self.descending else self.column.asc()
        return directed

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Select what comes after a value."""
        column = self.column
        beyond: ColumnElement[bool] = column < value if self.descending else column > value
        return beyond

    def after(self, rank: int, value: Any, later: ColumnElement[bool]) -> ColumnElement[bool]:
        """Select what comes after a value of this rank; ``later`` decides among its equals."""
        if rank == 0:
            later = or_(self.beyond(value), and_(self.column == value, later))
        return or_(_rank(self.column) > rank, and_(_rank(self.column) == rank, later))


@dataclass(frozen=True)
class Order:
    """The order of a list: by its keys, one after the other, and then by ``unique``.

    A place in it has each key's rank (0: a value, 1: NaN, 2: missing) and value, and last the
    value of ``unique``.
    """

    unique: InstrumentedAttribute[Any]
    keys: tuple[Key, ...] = ()
    descending: bool = False
    #: There is one key, in the direction of ``unique``, and an index on both may serve it.
    indexed: bool = False

    def clauses(self) -> list[ColumnElement[Any]]:
        """Give the ORDER BY."""
        return [each for key in self.keys for each in key.clauses()] + [self._last.directed()]

    def place(self) -> list[Column]:
        """Give the columns that tell a row's place."""
        ranked = ((_rank(key.column), key.column) for key in self.keys)
        return [*(each for pair in ranked for each in pair), self.unique]

    def after(self, place: Sequence[Any]) -> ColumnElement[bool]:
        """Select what comes after a place."""
        *pairs, unique = place
        later = self._last.beyond(unique)
        for depth, key in reversed(list(enumerate(self.keys))):
            rank, value = pairs[2 * depth : 2 * depth + 2]
            later = key.after(rank, value, later)
        return later

    def pieces(self, place: Sequence[Any] | None) -> Iterator[Piece]:
        """Select what comes after a place rank by rank, each in the order of an index."""
        (key,) = self.keys
        first = place[0] if place is not None else 0
        directed = (key.directed(), self._last.directed())
        for rank, condition in _ranks(key.column).items():
            if rank < first:
                continue
            if place is None or rank > first:
                yield condition, directed
            elif rank:
                yield and_(condition, self._last.beyond(place[2])), directed
            else:
                # Compared as a row, so that the index is entered at the place.
                columns = (key.column, self.unique)
                pair = Key(tuple_(*columns), self.descending)
                last = zip(place[1:], columns, strict=True)
                reached = tuple_(*(literal(value, column.type) for value, column in last))
                yield and_(condition, pair.beyond(reached)), directed

    @property
    def _last(self) -> Key:
        return Key(self.unique, self.descending)


def _ranks(column: Column) -> dict[int, ColumnElement[bool]]:
    """Select the values of each rank (``_rank``), as an index on the column finds them."""
    if isinstance(column, InstrumentedAttribute) and not column.property.columns[0].nullable:
        return {0: true()}
    if not isinstance(column.type, Double):
        return {0: column.is_not(None), 2: column.is_(None)}
    nan = literal("NaN", Double)  # the largest number of all to Postgres
    return {0: column < nan, 1: column == nan, 2: column.is_(None)}


def _rank(column: Column) -> ColumnElement[int]:
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
    after = _typed(order, decode(cursor, tag)) if cursor is not None else None
    place = order.place()
    placed = statement.add_columns(*(each.label(f"_place_{n}") for n, each in enumerate(place)))
    found = _found(session, placed, order, after, limit + 1)
    rows = found[:limit]
    if len(found) <= limit:
        return Page(rows, None)
    return Page(rows, encode(found[limit - 1][-len(place) :], tag))


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


def encode(place: Sequence[Any], tag: str) -> str:
    """Write a place as a cursor."""
    *pairs, unique = place
    shown: list[Any] = []
    for rank, value in zip(pairs[::2], pairs[1::2], strict=True):
        shown += [rank, None if rank else to_json(value) if isinstance(value, float) else value]
    content = orjson.dumps([tag, *shown, unique])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(cursor: str, tag: str) -> list[Any]:
    """Read the place from a cursor of the query with this tag, not yet typed.

    Raises:
        CursorError: it is not one.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise CursorError from error
    if not isinstance(content, list) or len(content) < 2 or content[0] != tag:
        raise CursorError
    return content[1:]


def _typed(order: Order, place: list[Any]) -> list[Any]:
    *pairs, unique = place
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
        case String():
            return _TEXT
    raise TypeError(f"Nothing is paged by columns of type {column.type}.")
