"""The description of the API (OpenAPI 3.1), for clients and the reference page."""

from fastapi import Request
from starlette.responses import Response

from service.api.openapi.document import served_description
from service.api.web.caching import cached_response
from service.api.web.routers import make_router

router = make_router(include_in_schema=False)


@router.get("/openapi.json")
async def api_description(request: Request) -> Response:
    """Return the description."""
    return cached_response(request, served_description(), immutable=False)
