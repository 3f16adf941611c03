"""Conditional answers: a strong ETag, 304, and how long a client may keep what it has."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.responses import Response

#: A finished run never changes again.
FOREVER = "private, max-age=31536000, immutable"
#: Ask again each time; the ETag makes that cheap.
REVALIDATE = "private, no-cache"

_TAGS = re.compile(r'\*|(?:W/)?("[^"]*")')


def cached_response(
    request: Request, body: bytes, *, immutable: bool, media_type: str = "application/json"
) -> Response:
    """Answer with a body, or with 304 where the client has it (RFC 9110, section 13.1.2)."""
    headers = cache_headers(hashlib.sha256(body).hexdigest(), immutable=immutable)
    if client_has(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def cache_headers(digest: str, *, immutable: bool) -> dict[str, str]:
    """Give the headers of an answer whose content has this digest."""
    return {"etag": f'"{digest}"', "cache-control": FOREVER if immutable else REVALIDATE}


def client_has(request: Request, headers: Mapping[str, str]) -> bool:
    """Say whether the client named this answer's ETag in If-None-Match."""
    conditions = request.headers.getlist("if-none-match")
    given = [each for line in conditions for each in _TAGS.finditer(line)]
    return any(each[0] == "*" or each[1] == headers["etag"] for each in given)


CACHE_HEADERS = {
    "ETag": {
        "description": "Names the content; for `If-None-Match`.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "What is finished may be kept for good.",
        "schema": {"type": "string"},
    },
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client has it already.", "headers": CACHE_HEADERS}
}
