"""Parts of Markdown that generated pages share: tables, and the range of a JSON schema in words."""

from collections.abc import Iterable, Sequence
from typing import Any

_BOUNDS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "more than {:,}",
    "minLength": "{:,} or more characters",
    "minItems": "{:,} or more items",
    "maximum": "at most {:,}",
    "maxLength": "at most {:,} characters",
    "maxItems": "at most {:,} items",
    "maxProperties": "at most {:,} keys",
}
_NESTED = {"items": "each", "propertyNames": "a key", "additionalProperties": "a value"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with these columns and rows."""
    rule = "|---" * len(head) + "|"
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


def value_range(schema: dict[str, Any]) -> str:
    """Return the bounds of a JSON schema in words; empty where it has none."""
    bounds = [words.format(schema[key]) for key, words in _BOUNDS.items() if key in schema]
    inner = {who: schema[key] for key, who in _NESTED.items() if isinstance(schema.get(key), dict)}
    ranges = {who: value_range(nested) for who, nested in inner.items()}
    return ", ".join([*bounds, *(f"{who} {text}" for who, text in ranges.items() if text)])
