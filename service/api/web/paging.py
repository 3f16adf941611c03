"""Pages over HTTP: ``?limit=&cursor=``, and the next page's address in ``Link``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.responses import Response

from service.database.paging import DEFAULT_LIMIT, MAX_LIMIT, CursorError, decode, encode, query_tag


@dataclass(frozen=True)
class PageRequest:
    """Which page is asked for."""

    cursor: str | None
    limit: int


async def _page_request(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="Most items of the page.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="`next_cursor` of the page before; opaque, and of this query alone.",
        ),
    ] = None,
) -> PageRequest:
    return PageRequest(cursor, limit)


PageDep = Annotated[PageRequest, Depends(_page_request)]


LINK_HEADER = {
    "Link": {
        "description": 'The next page where there is one: `<...>; rel="next"`.',
        "schema": {"type": "string"},
    }
}


def page_response(request: Request, body: bytes, next_cursor: str | None) -> Response:
    """Answer with a page."""
    response = Response(body, media_type="application/json")
    if next_cursor is not None:
        address = request.url.include_query_params(cursor=next_cursor)
        response.headers["link"] = f'<{address}>; rel="next"'
    return response


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
        place = decode(cursor, tag)
        if place[-1] not in names:
            raise CursorError
        start = names.index(place[-1]) + 1
    shown = names[start : start + limit]
    has_more = start + limit < len(names)
    return shown, encode([shown[-1]], tag) if has_more else None
