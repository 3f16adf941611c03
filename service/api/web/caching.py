"""Conditional answers: a strong ETag, 304, and how long a client may keep an answer."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

#: For answers about what has finished: they never change again.
FOREVER = "private, max-age=31536000, immutable"
#: For all others: the client asks again each time, and the ETag makes that cheap.
REVALIDATE = "private, no-cache"

_TAGS = re.compile(r'\*|(?:W/)?("[^"]*")')


def cached_response(
    request: Request, body: bytes, *, immutable: bool, media_type: str = "application/json"
) -> Response:
    """Return a body, or 304 where the client has it already (RFC 9110, section 13.1.2)."""
    headers = cache_headers(hashlib.sha256(body).hexdigest(), immutable=immutable)
    if client_has(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def cache_headers(digest: str, *, immutable: bool) -> dict[str, str]:
    """Return the caching headers of an answer whose content has this digest."""
    return {"etag": f'"{digest}"', "cache-control": FOREVER if immutable else REVALIDATE}


def client_has(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the client sent this answer's ETag, or ``*``, in If-None-Match."""
    conditions = request.headers.getlist("if-none-match")
    tags = [tag for condition in conditions for tag in _TAGS.finditer(condition)]
    return any(tag[0] == "*" or tag[1] == headers["etag"] for tag in tags)


def is_expected(headers: Mapping[str, str], if_match: str | None) -> bool:
    """Whether an answer is the one that If-Match names; any is, where there is none.

    Weak tags never match (RFC 9110, section 13.1.1).
    """
    if if_match is None:
        return True
    tags = {tag[0] for tag in _TAGS.finditer(if_match)}
    return not tags.isdisjoint({"*", headers["etag"]})


CACHE_HEADERS = {
    "ETag": {
        "description": "A tag of the content, for `If-None-Match`.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "How long the answer may be kept: for good once all of it has finished.",
        "schema": {"type": "string"},
    },
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client has this answer already.", "headers": CACHE_HEADERS}
}


def cached_answer(described: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer that clients keep, for ``responses`` of a route."""
    return {200: {"headers": CACHE_HEADERS, **described}, **NOT_MODIFIED}
