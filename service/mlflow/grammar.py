"""MLflow's search grammar: filters of conditions joined by AND, and orders.

Source: MLflow's documentation, "Search Runs" and "Search Experiments".

Texts are as long as a client likes, so reading one takes time in proportion to its length: no
pattern here gives back what it has taken (``++``, ``*+``), and the lengths are bounded.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from service.errors import InvalidError
from service.fields import unknown

#: What a field belongs to, by its prefix.
_ENTITIES = {
    **dict.fromkeys(("metric", "metrics"), "metric"),
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
}
#: These bound the cost of one search: they suffice for a list of a thousand ids.
_MOST_CONDITIONS = 50
_MOST_TEXTS = 1_000
_LONGEST_FILTER = 100_000
_LONGEST_ORDER = 1_000

_SPACE = re.compile(r"\s*+")
_FIELD = re.compile(
    r"""(?:(?P<entity>[A-Za-z]++)\.)?+
        (?:`(?P<ticked>[^`]++)`|"(?P<quoted>[^"]++)"|(?P<plain>[\w./-]++))""",
    re.VERBOSE,
)
_OPERATOR = re.compile(
    r"IS\s++NOT\s++NULL\b|IS\s++NULL\b|NOT\s++IN\b|IN\b|LIKE\b|ILIKE\b|<=|>=|!=|<>|==|=|<|>",
    re.I,
)
_SYNONYMS = {"==": "=", "<>": "!="}
_STRING = re.compile(r"'(?P<single>(?:[^']++|'')*+)'|\"(?P<double>(?:[^\"]++|\"\")*+)\"")
_NUMBER = re.compile(r"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+(?![\w.])")
_AND = re.compile(r"AND\b", re.I)
_DIRECTION = re.compile(r"(ASC|DESC)\b", re.I)
_COMMA, _OPEN, _CLOSE = (re.compile(re.escape(sign)) for sign in ",()")

Value = float | str | tuple[str, ...] | None


@dataclass(frozen=True)
class Field:
    """The field of a condition: ``Field("param", "activation")``."""

    entity: str
    name: str


@dataclass(frozen=True)
class Condition:
    """A field compared with a value: ``IN`` has a tuple of texts, ``IS NULL`` has no value."""

    field: Field
    operator: str
    value: Value


@dataclass(frozen=True)
class Ordering:
    """A field to order by."""

    field: Field
    descending: bool


def read_filter(text: str) -> list[Condition]:
    """Parse a filter: ``metrics.val_accuracy > 0.9 and params.activation IN ('relu', 'elu')``.

    Raises:
        InvalidError: the filter is invalid; the error names the position. Or it is too long.
    """
    _check_length(text, "filter", _LONGEST_FILTER)
    reader = _Reader(text, "filter")
    if reader.ended():
        return []
    conditions = [_condition(reader)]
    while reader.take(_AND):
        conditions.append(_condition(reader))
        if len(conditions) > _MOST_CONDITIONS:
            raise InvalidError(f"A filter can have at most {_MOST_CONDITIONS} comparisons.")
    if not reader.ended():
        reader.fail("AND (nothing else joins comparisons) or the end")
    return conditions


def read_orders(texts: Sequence[str]) -> list[Ordering]:
    """Parse fields to order by: ``["metrics.val_loss DESC", "start_time"]``.

    Raises:
        InvalidError: one is invalid; the error names the position. Or it is too long.
    """
    orderings = []
    for text in texts:
        _check_length(text, "order", _LONGEST_ORDER)
        reader = _Reader(text, "order")
        field = _field(reader)
        direction = reader.take(_DIRECTION)
        if not reader.ended():
            reader.fail("ASC, DESC or the end")
        descending = direction is not None and direction[0].upper() == "DESC"
        orderings.append(Ordering(field, descending))
    return orderings


def _check_length(text: str, what: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidError(f"The {what} has {len(text):,} characters, and can have {longest:,}.")


class _Reader:
    """A text and the position up to which it has been read."""

    def __init__(self, text: str, what: str) -> None:
        self._text = text
        self._what = what
        self._position = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return a match of the pattern at the position and move past it; None if it has none."""
        self._skip()
        found = pattern.match(self._text, self._position)
        if found is not None:
            self._position = found.end()
        return found

    def ended(self) -> bool:
        """Whether the whole text has been read."""
        self._skip()
        return self._position == len(self._text)

    def fail(self, wanted: str) -> NoReturn:
        """Raise the error of a text that does not continue as wanted."""
        rest = self._text[self._position :]
        shown = repr(rest if len(rest) <= 40 else f"{rest[:37]}...") if rest else "the end"
        raise InvalidError(
            f"The {self._what} {self._text[:200]!r} cannot be read: after character "
            f"{self._position}, {wanted} should follow, not {shown}."
        )

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._position)
        self._position = space.end() if space else self._position


def _condition(reader: _Reader) -> Condition:
    field = _field(reader)
    found = reader.take(_OPERATOR)
    if found is None:
        reader.fail("a comparison such as =, !=, <, LIKE or IN")
    operator = " ".join(found[0].upper().split())
    operator = _SYNONYMS.get(operator, operator)
    if operator in {"IS NULL", "IS NOT NULL"}:
        return Condition(field, operator, None)
    if operator in {"IN", "NOT IN"}:
        return Condition(field, operator, _texts(reader))
    number = reader.take(_NUMBER)
    return Condition(field, operator, float(number[0]) if number else _text(reader))


def _field(reader: _Reader) -> Field:
    found = reader.take(_FIELD)
    if found is None:
        reader.fail("a field such as metrics.loss, params.activation, tags.course or status")
    name = found["ticked"] or found["quoted"] or found["plain"]
    if found["entity"] is None:
        return Field("attribute", name)
    entity = _ENTITIES.get(found["entity"].lower())
    if entity is None:
        valid = ["metrics", "params", "tags", "attributes"]
        raise InvalidError(unknown("kind of field", found["entity"], valid))
    return Field(entity, name)


def _text(reader: _Reader) -> str:
    found = reader.take(_STRING)
    if found is None:
        reader.fail("a number or a text in quotes")
    if found["single"] is not None:
        return found["single"].replace("''", "'")
    return found["double"].replace('""', '"')


def _texts(reader: _Reader) -> tuple[str, ...]:
    if not reader.take(_OPEN):
        reader.fail("a list such as ('relu', 'elu')")
    texts = [_text(reader)]
    while reader.take(_COMMA):
        texts.append(_text(reader))
        if len(texts) > _MOST_TEXTS:
            raise InvalidError(f"A list can have at most {_MOST_TEXTS:,} texts.")
    if not reader.take(_CLOSE):
        reader.fail("',' or ')'")
    return tuple(texts)
