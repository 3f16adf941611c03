"""Query and path parameters: those that do not exist, and text that the database cannot store."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from service.api.web.route_table import RouteTable
from service.fields import unknown

_NUL = "Text cannot contain U+0000."
_TAKES_NONE = "This takes no query parameters."


async def check_parameters(request: Request) -> None:
    """Refuse query parameters that do not exist, and text that the database cannot store.

    Raises:
        RequestValidationError: names each parameter.
    """
    table: RouteTable = request.app.state.route_table
    known = table.parameters(request.scope["route"].path, request.method)
    sent = request.query_params.multi_items()
    errors = [_error(name, _NUL) for name, value in sent if "\x00" in name + value]
    errors += [
        _error(name, _NUL, place="path")
        for name, value in request.path_params.items()
        if "\x00" in str(value)
    ]
    if known is not None:
        errors += [
            _error(name, unknown("query parameter", name, known) if known else _TAKES_NONE)
            for name in dict.fromkeys(name for name, _ in sent if name not in known)
        ]
    if errors:
        raise RequestValidationError(errors)


def _error(name: str, detail: str, *, place: str = "query") -> dict[str, Any]:
    return {"loc": (place, name), "type": "parameter", "msg": detail}
