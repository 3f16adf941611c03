"""Answers to requests for a path or a method that does not exist."""

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.web.problems import problem_response
from service.api.web.route_table import RouteTable


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown path or method with the known ones, and any other error unchanged."""
    table: RouteTable = request.app.state.route_table
    path = request.scope["path"]
    match error:
        case HTTPException(status_code=404, detail="Not Found"):
            near = table.nearest(path)
            hint = f" Did you mean {near}?" if near else ""
            error = HTTPException(404, f"There is nothing at this path.{hint} /docs lists all.")
        case HTTPException(status_code=405):
            methods = ", ".join(table.methods(path))
            detail = f"This path does not take {request.method}; it takes {methods}."
            error = HTTPException(405, detail, headers={"Allow": methods})
    return problem_response(request.scope, error)
