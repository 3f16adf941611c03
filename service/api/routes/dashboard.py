"""The page's files: one document, its styles and ES modules, and two vendored libraries.

They tell nothing of what is stored, so they are served without a key; everything else the page
shows it asks from ``/v1``.
"""

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.web.caching import cached_response

#: Only what is served here is loaded, and nothing written into the document runs. Pictures are
#: fetched with the key and shown from memory (``blob:``).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_FOLDER = Path(__file__).parents[2] / "dashboard" / "static"
_DOCUMENT = _FOLDER / "index.html"
#: By their paths, so that no request names a file of this machine.
_FILES = {
    path.relative_to(_FOLDER).as_posix(): path
    for path in sorted(_FOLDER.rglob("*"))
    if path.is_file() and path != _DOCUMENT
}
_MEDIA_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", "": "text/plain"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def dashboard(request: Request) -> Response:
    """Give the page."""
    document = _DOCUMENT.read_bytes()
    response = cached_response(request, document, immutable=False, media_type="text/html")
    response.headers["content-security-policy"] = POLICY
    return response


@router.get("/static/{path:path}")
async def dashboard_file(request: Request, path: str) -> Response:
    """Give one of its files; those of libraries have their version in the path and never change."""
    if path not in _FILES:
        raise HTTPException(404)
    file = _FILES[path]
    media_type = _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(path)[0]
    return cached_response(
        request,
        file.read_bytes(),
        immutable=path.startswith("vendor/"),
        media_type=media_type or "application/octet-stream",
    )
