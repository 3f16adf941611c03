"""Conditional answers: a strong ETag, 304, and how long a client may keep an answer."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from starlette.responses import Response

from service.errors import PreconditionFailedError

#: For answers about what has finished: they never change again.
FOREVER = "private, max-age=31536000, immutable"
#: For all others: the client asks again each time, and the ETag makes that cheap.
REVALIDATE = "private, no-cache"

#: The ETag of something that clients change: its version, and the digest of all that was said.
_VERSIONED = re.compile(r'\*|"[0-9a-f]+-[0-9a-f]{64}"')
_NO_VERSION = (
    "If-Match names no ETag of what it would change: send the ETag as the GET before answered it, "
    'with its quotes and without W/, or "*" for any.'
)
_TAGS = re.compile(r'\*|(?:W/)?("[^"]*")')


def cached_response(
    request: Request,
    body: bytes,
    *,
    immutable: bool,
    version: str | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return a body, or 304 where the client has it already (RFC 9110, section 13.1.2).

    Args:
        request: may have ``If-None-Match``.
        body: what is answered.
        immutable: whether it never changes again.
        version: of what clients may change of it, for ``If-Match``; None where they change nothing.
        media_type: of the body.
    """
    headers = body_headers(body, version, immutable=immutable)
    if client_has(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def body_headers(body: bytes, version: str | None, *, immutable: bool) -> dict[str, str]:
    """Return the caching headers of a body, with the version of what clients may change of it.

    The tag is of all that the body says, so that ``If-None-Match`` never keeps an old one. It
    begins with the version, which is all that ``If-Match`` asks about: what a service counts and
    forecasts changes by itself, and is overwritten by nobody.
    """
    digest = hashlib.sha256(body).hexdigest()
    tag = digest if version is None else f"{version}-{digest}"
    return cache_headers(tag, immutable=immutable)


def cache_headers(digest: str, *, immutable: bool) -> dict[str, str]:
    """Return the caching headers of an answer whose content has this digest."""
    return {"etag": f'"{digest}"', "cache-control": FOREVER if immutable else REVALIDATE}


def client_has(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the client sent this answer's ETag, or ``*``, in If-None-Match."""
    conditions = request.headers.getlist("if-none-match")
    tags = [tag for condition in conditions for tag in _TAGS.finditer(condition)]
    return any(tag[0] == "*" or tag[1] == headers["etag"] for tag in tags)


def _if_match(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(
            description="An ETag of the experiment: 412 where somebody changed its name, "
            "description, tags, note or archive since. Training does not count as a change."
        ),
    ] = None,
) -> Callable[[str], bool]:
    """Return whether a version is one that If-Match names; any is, where there is none.

    Raises:
        PreconditionFailedError: it names nothing that could match. Weak tags never match (RFC
            9110, section 13.1.1).
    """
    if if_match is None:
        return lambda _version: True
    conditions = request.headers.getlist("if-match")
    tags = [tag[0] for condition in conditions for tag in _TAGS.finditer(condition)]
    if not any(map(_VERSIONED.fullmatch, tags)):
        raise PreconditionFailedError(_NO_VERSION)
    return lambda version: any(tag == "*" or tag.startswith(f'"{version}-') for tag in tags)


#: Whether a request may change what has a version.
IfMatchDep = Annotated[Callable[[str], bool], Depends(_if_match)]


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
