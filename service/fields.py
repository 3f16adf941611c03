"""Fields of a request: their location, their errors, and the kinds of text they can hold."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

#: A path into the request, from the outside in: names of fields and indexes of lists.
Location = tuple[str | int, ...]

_LONGEST_NAME = 60

#: How many more sentences may be explained, in a list of one number; without it any number.
_explanations: ContextVar[list[int] | None] = ContextVar("explanations", default=None)


@contextlib.contextmanager
def explaining_at_most(number: int) -> Iterator[None]:
    """Have ``unknown`` suggest names and list the valid ones in so many sentences, then no more.

    Finding the nearest names takes a tenth of a millisecond, and a request of a megabyte can have
    a hundred thousand wrong ones. The number also counts for the threads that a block hands work
    to, since they share its context.
    """
    token = _explanations.set([number])
    try:
        yield
    finally:
        _explanations.reset(token)


def _may_explain() -> bool:
    left = _explanations.get()
    if left is None:
        return True
    left[0] -= 1
    return left[0] >= 0


def unknown(what: str, name: str, valid: Sequence[str], aliases: Sequence[str] = ()) -> str:
    """Return the sentence that says that a name is unknown, with the valid names.

    Args:
        what: what it would name.
        name: the unknown name.
        valid: all that are known.
        aliases: further names, of which only those near to this one are told.
    """
    shown = shortened(name)
    if not _may_explain():
        return f"{shown!r} is not a known {what}."
    names = sorted(map(str, valid))  # members of an enum are shown by their value
    near = _nearest(shown, [*names, *aliases])
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    return f"{shown!r} is not a known {what}{hint} Valid: {', '.join(names)}."


def shortened(text: str) -> str:
    """Return a text as sentences quote it: of a long one the beginning."""
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 3] + "..."


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that are near to one: those that differ in case alone, or others."""
    folded: dict[str, list[str]] = {}
    for each in names:
        folded.setdefault(each.casefold(), []).append(each)
    wanted = name.casefold()
    if wanted in folded:
        return folded[wanted]
    near = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5)
    return [each for one in near for each in folded[one]][:3]


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request: its location, and a sentence."""

    location: Location
    detail: str


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError(
            "unstorable_text", "Text cannot contain U+0000 or half of a surrogate pair."
        )
    return text


Text = Annotated[str, AfterValidator(_storable)]
ShortText = Annotated[Text, StringConstraints(max_length=200)]
LongText = Annotated[Text, StringConstraints(max_length=10_000)]


@dataclass(frozen=True)
class Form:
    """Marks a text that matches a regular expression; of others it is said what they should be.

    Attributes:
        pattern: the regular expression, which the JSON schema shows.
        words: what the text should be, with an example.
    """

    pattern: str
    words: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        formed = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=self.pattern),
            custom_error_type="text_form",
            custom_error_message="Input should be {words}",
            custom_error_context={"words": self.words},
        )
        return core_schema.chain_schema([handler(source), formed])

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}
