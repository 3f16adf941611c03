"""Files as answers: streamed piece by piece, with a tag of their content."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from service.api.web.caching import CACHE_HEADERS, cache_headers, client_has

_MEDIA_TYPE = "application/octet-stream"
_CHUNK_BYTES = 1 << 18


class FileAnswer(Response):
    """The ``response_class`` of a route that answers with a file."""

    media_type = _MEDIA_TYPE


class OpenedFile(Protocol):
    """A file that was found, opened.

    Attributes:
        file: at its beginning; whoever answers with it closes it.
        size: in bytes.
        sha256: of the content.
    """

    @property
    def file(self) -> BinaryIO: ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...


def described_file(description: str, example: str) -> dict[str, Any]:
    """Return the description of an answer with a file, for ``responses`` of a route."""
    return {
        "description": description,
        "headers": {
            **CACHE_HEADERS,
            "Content-Disposition": {
                "description": "A name for the file.",
                "schema": {"type": "string"},
            },
        },
        "content": {
            _MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": example}
        },
    }


def file_response(request: Request, found: OpenedFile, *, name: str, immutable: bool) -> Response:
    """Return a file under a name, or 304 where the client has it already."""
    headers = cache_headers(found.sha256, immutable=immutable)
    if client_has(request, headers):
        found.file.close()
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(found.size)
    headers["content-disposition"] = f'attachment; filename="{name}"'
    return StreamingResponse(_chunks(found.file), headers=headers, media_type=_MEDIA_TYPE)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file piece by piece, and close it."""
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
