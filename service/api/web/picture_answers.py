"""Answers that are pictures."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from starlette.responses import Response

from service.api.web.caching import CACHE_HEADERS, NOT_MODIFIED, cached_response
from service.figures.plots.style import MISSING_LETTERS, Format, Theme

MEDIA_TYPES: dict[Format | Literal["gif"], str] = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "gif": "image/gif",
}

#: For a picture opened in a browser by itself: it may style its lines, and no script runs.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

_WARNED: dict[str, Any] = {
    "Warning": {
        "description": "There where a PNG or GIF has boxes for letters: the service's machine has "
        "no font with them.",
        "schema": {"type": "string"},
    }
}

#: The description of picture answers, for ``responses`` of a route.
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "headers": {**CACHE_HEADERS, **_WARNED},
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}, "example": "<svg>...</svg>"},
            "image/png": {"schema": {"type": "string", "format": "binary"}, "example": "PNG ..."},
        },
    },
    **NOT_MODIFIED,
}

#: The same of films.
FILM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The film.",
        "headers": {**CACHE_HEADERS, **_WARNED},
        "content": {
            "image/gif": {"schema": {"type": "string", "format": "binary"}, "example": "GIF ..."}
        },
    },
    **NOT_MODIFIED,
}

#: Where a picture's own comment is, which follows its header and its colours.
_HEAD_BYTES = 4096

ThemeQuery = Annotated[Theme, Query(description="For a light or a dark background.")]


class SvgResponse(Response):
    """The ``response_class`` of a route that answers with pictures."""

    media_type = "image/svg+xml"


class GifResponse(Response):
    """The ``response_class`` of a route that answers with films."""

    media_type = "image/gif"


def picture_response(
    request: Request, data: bytes, kind: Format | Literal["gif"], *, immutable: bool
) -> Response:
    """Return a picture or a film, or 304 where the client has it already.

    One whose letters are not all there has a header that says so.
    """
    response = cached_response(request, data, immutable=immutable, media_type=MEDIA_TYPES[kind])
    response.headers["content-security-policy"] = _POLICY
    if kind != "svg" and MISSING_LETTERS.encode() in data[:_HEAD_BYTES]:
        response.headers["warning"] = f'199 actinium "{MISSING_LETTERS}"'
    return response
