"""The documentation at ``/docs/``: pages of HTML, the files beside them, and a search.

It is open without a key, as the files of the dashboard are: it shows nothing of what is stored.
A page's address is that of its file, ``/docs/howto/exports.md``, so that links among pages work
here as in the repository.
"""

import html
import mimetypes
from functools import cache
from pathlib import Path
from string import Template
from typing import Annotated

import orjson
from fastapi import Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.routes.dashboard import DASHBOARD_FOLDER, DASHBOARD_POLICY
from service.api.web.caching import cached_response
from service.api.web.routers import make_router
from service.manual import pages
from service.manual.search import search

_MOST_MATCHES = 30
#: The document around the content of a page, which ``manual.js`` completes.
_DOCUMENT = DASHBOARD_FOLDER / "manual.html"

router = make_router(include_in_schema=False)


@router.get("/docs/search.json")
def search_manual(
    request: Request,
    q: Annotated[str, Query(max_length=200, description="Words that a section must have.")],
) -> Response:
    """Return how many sections have all these words, and the best of them."""
    found = search(pages.pages(), q)
    matches = [
        {
            "address": f"/docs/{match.path}" + (match.anchor and f"#{match.anchor}"),
            "page": match.page,
            "section": match.section,
            "excerpt": match.excerpt,
        }
        for match in found[:_MOST_MATCHES]
    ]
    body = orjson.dumps({"total": len(found), "matches": matches})
    return cached_response(request, body, immutable=False)


@router.get("/docs/{path:path}")
def manual_file(request: Request, path: str) -> Response:
    """Return a page, by default the list of all, or a picture or notebook of one.

    Raises:
        HTTPException: 404.
    """
    path = path or pages.START
    if path not in pages.files():
        raise HTTPException(404)
    if pages.is_page(path):
        return _page(request, path)
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    body = pages.files()[path].read_bytes()
    return cached_response(request, body, immutable=False, media_type=media_type)


def _page(request: Request, path: str) -> Response:
    page = pages.page(path)
    document = Template(_text(_DOCUMENT)).substitute(
        title=html.escape(page.title), article=page.html
    )
    response = cached_response(request, document.encode(), immutable=False, media_type="text/html")
    response.headers["content-security-policy"] = DASHBOARD_POLICY
    return response


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
