"""Conditional answers: a strong ETag, 304, and how long a client may keep what it has."""

import hashlib
import re
from typing import Any

from fastapi import Request
from starlette.responses import Response

#: A finished run never changes again.
FOREVER = "private, max-age=31536000, immutable"
#: Ask again each time; the ETag makes that cheap.
REVALIDATE = "private, no-cache"

_TAGS = re.compile(r'\*|(?:W/)?("[^"]*")')


def cached_response(request: Request, body: bytes, *, immutable: bool) -> Response:
    """Answer with a body, or with 304 where the client has it (RFC 9110, section 13.1.2)."""
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"etag": tag, "cache-control": FOREVER if immutable else REVALIDATE}
    if _matches(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _matches(conditions: list[str], tag: str) -> bool:
    given = [each for line in conditions for each in _TAGS.finditer(line)]
    return any(each[0] == "*" or each[1] == tag for each in given)


CACHE_HEADERS = {
    "ETag": {
        "description": "sha256 of the body; for `If-None-Match`.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "A finished run may be kept for good.",
        "schema": {"type": "string"},
    },
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client has it already.", "headers": CACHE_HEADERS}
}
