"""Pages over HTTP: ``?limit=&cursor=``, and the next page's address in ``Link``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.responses import Response

from service.database.paging import DEFAULT_LIMIT, MAX_LIMIT, CursorError, decode, encode, query_tag


@dataclass(frozen=True)
class PageRequest:
    """The page that a request asks for."""

    cursor: str | None
    limit: int


async def _page_request(
    limit: Annotated[
        int, Query(ge=1, le=MAX_LIMIT, description="The most items that the page may have.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=1000,
            description="`next_cursor` of the page before, opaque; it belongs to the same query.",
        ),
    ] = None,
) -> PageRequest:
    return PageRequest(cursor, limit)


PageDep = Annotated[PageRequest, Depends(_page_request)]


LINK_HEADER = {
    "Link": {
        "description": 'The address of the next page, if any: `<...>; rel="next"`.',
        "schema": {"type": "string"},
    }
}


def page_response(request: Request, body: bytes, next_cursor: str | None) -> Response:
    """Return a page, with the address of the next in ``Link``."""
    response = Response(body, media_type="application/json")
    if next_cursor is not None:
        address = request.url.include_query_params(cursor=next_cursor)
        response.headers["link"] = f'<{address}>; rel="next"'
    return response


def page_of(
    names: Sequence[str], cursor: str | None, limit: int, listed: str
) -> tuple[Sequence[str], str | None]:
    """Return a page of a list of names that is kept in memory, after the name in the cursor.

    Args:
        names: the whole list.
        cursor: the cursor of the page; None for the first.
        limit: the most names on the page.
        listed: names the list, so that no other list accepts its cursors.

    Returns:
        The names on the page, and the cursor of the next page where there is one.

    Raises:
        CursorError: the cursor belongs to another list.
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
