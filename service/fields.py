"""Fields of a request: their place, their errors, and the kinds of text they may hold."""

import difflib
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

#: A path into the spec, as in an error's pointer.
Location = tuple[str | int, ...]

_LONGEST_NAME = 60


def unknown(what: str, given: str, valid: list[str]) -> str:
    """Say that a name is unknown, with the nearest valid ones."""
    shown = given if len(given) <= _LONGEST_NAME else given[: _LONGEST_NAME - 3] + "..."
    near = difflib.get_close_matches(shown, valid, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(each) for each in near)}?" if near else "."
    return f"{shown!r} is not a known {what}{hint} Valid: {', '.join(sorted(valid))}."


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a spec: where, as a path into it, and a sentence."""

    location: Location
    detail: str


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise PydanticCustomError(
            "unstorable_text", "Text cannot contain U+0000 or half of a surrogate pair."
        )
    return text


Text = Annotated[str, AfterValidator(_storable)]
ShortText = Annotated[Text, StringConstraints(max_length=200)]
LongText = Annotated[Text, StringConstraints(max_length=10_000)]
