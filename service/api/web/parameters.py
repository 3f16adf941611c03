"""Parameters of requests: those that do not exist, and texts that are not what they stand for.

Numbers are written in ASCII digits. Python reads more as one ("1_0", " 10", other scripts'
digits), which is a mistake of the client wherever it is sent.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from service.api.web.route_table import RouteTable
from service.fields import unknown

_NUL = "Text cannot contain U+0000."
_TAKES_NONE = "This takes no query parameters."

#: Headers of which a request has one at most, as this service reads them.
_SINGLE_HEADERS = ("idempotency-key", "last-event-id")
_ONCE = "Send this once, not {count} times: it takes one value."

#: Bounds the cost of one request.
_MOST_PARAMETERS = 1_000
_TOO_MANY = f"A request can have at most {_MOST_PARAMETERS:,} query parameters."

#: How a number is written, by its type in the API's description.
_NUMBERS = {
    "integer": re.compile(r"-?[0-9]+"),
    # NaN and infinities are numbers too; whoever takes none says so.
    "number": re.compile(
        r"[+-]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]+)?|nan|inf(?:inity)?)",
        re.IGNORECASE,
    ),
}
#: As pydantic says it.
_NO_NUMBER = {"integer": "Input should be an integer", "number": "Input should be a number"}
_LONGEST_NUMBER = 400


async def check_parameters(request: Request) -> None:
    """Refuse unknown and repeated parameters, numbers that are none, and what cannot be stored.

    Raises:
        RequestValidationError: names each parameter.
    """
    table: RouteTable = request.app.state.route_table
    path, method = request.scope["route"].path, request.method
    known = table.parameters(path, method)
    sent = request.query_params.multi_items()
    if len(sent) > _MOST_PARAMETERS:
        raise RequestValidationError([_error(sent[0][0], _TOO_MANY)])
    errors = [_error(name, _NUL) for name, value in sent if "\x00" in name + value]
    errors += [
        {"loc": (place, name), "type": "parameter", "msg": _NO_NUMBER[kind], "input": value}
        for (place, name), kind in table.numbers(path, method).items()
        for value in _values(request, place, name)
        if not is_number(value, kind)
    ]
    errors += [
        _error(name, _NUL, place="path")
        for name, value in request.path_params.items()
        if "\x00" in str(value)
    ]
    errors += _repeated(request, table.single_parameters(path, method))
    if known is not None:
        errors += [
            _error(name, unknown("query parameter", name, known) if known else _TAKES_NONE)
            for name in dict.fromkeys(name for name, _ in sent if name not in known)
        ]
    if errors:
        raise RequestValidationError(errors)


def _repeated(request: Request, single: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield an error for each parameter and header that takes one value and has several."""
    for place, names in (("query", single), ("header", _SINGLE_HEADERS)):
        for name in names:
            count = len(_values(request, place, name))
            if count > 1:
                yield _error(name, _ONCE.format(count=count), place=place)


def is_number(text: str, kind: str) -> bool:
    """Whether a text is an ``integer`` or a ``number`` as clients write them."""
    return len(text) <= _LONGEST_NUMBER and _NUMBERS[kind].fullmatch(text) is not None


def _values(request: Request, place: str, name: str) -> list[str]:
    return (request.headers if place == "header" else request.query_params).getlist(name)


def _error(name: str, detail: str, *, place: str = "query") -> dict[str, Any]:
    return {"loc": (place, name), "type": "parameter", "msg": detail}
