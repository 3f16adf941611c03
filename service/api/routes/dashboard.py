"""Two pages and their files: the dashboard at ``/``, the API reference at ``/docs``.

They show nothing of what is stored, so they are served without a key; whatever else they display
they fetch from ``/v1`` and ``/openapi.json``.
"""

import mimetypes
from pathlib import Path

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.web.caching import cached_response
from service.api.web.routers import make_router

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; font-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
#: Only files of this service are loaded, and nothing written into the document runs. Pictures are
#: fetched with the key and shown from memory (``blob:``).
DASHBOARD_POLICY = _POLICY.format(styles="")
#: The same, but Scalar writes its styles into the document. They cannot load anything from
#: elsewhere, and scripts stay confined to files.
REFERENCE_POLICY = _POLICY.format(styles=" 'unsafe-inline'")

DASHBOARD_FOLDER = Path(__file__).parents[2] / "dashboard" / "static"
_DASHBOARD = DASHBOARD_FOLDER / "index.html"
_REFERENCE = DASHBOARD_FOLDER / "reference.html"
#: Documents that are served at addresses of their own; the last is filled in by ``manual``.
_DOCUMENTS = {_DASHBOARD, _REFERENCE, DASHBOARD_FOLDER / "manual.html"}
#: Files by their paths, so that no request can name another file of this machine.
_FILES = {
    path.relative_to(DASHBOARD_FOLDER).as_posix(): path
    for path in sorted(DASHBOARD_FOLDER.rglob("*"))
    if path.is_file() and path not in _DOCUMENTS
}
_MEDIA_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", "": "text/plain"}

router = make_router(include_in_schema=False)


@router.get("/")
def dashboard(request: Request) -> Response:
    """Return the dashboard."""
    return _page(request, _DASHBOARD, DASHBOARD_POLICY)


@router.get("/docs")
def api_reference(request: Request) -> Response:
    """Return the API reference: contents, search, every operation with its examples."""
    return _page(request, _REFERENCE, REFERENCE_POLICY)


@router.get("/static/{path:path}")
def page_file(request: Request, path: str) -> Response:
    """Return a file of the pages; those of libraries have a version in the path and never change.

    Raises:
        HTTPException: 404.
    """
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


def _page(request: Request, document: Path, policy: str) -> Response:
    response = cached_response(
        request, document.read_bytes(), immutable=False, media_type="text/html"
    )
    response.headers["content-security-policy"] = policy
    return response
