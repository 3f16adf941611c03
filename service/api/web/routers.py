"""Routers of the API, whose routes are served as they were made.

FastAPI builds every route of an included router a second time for each application, which takes
longer than all else of making one. So a router brings along what its routes have in common.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute

from service.api.web.parameters import check_parameters


def make_router(*, dependencies: Sequence[Dependency] = (), **options: Any) -> APIRouter:
    """Return a router that checks the parameters of requests, and names operations by functions.

    Args:
        dependencies: what each route has, after the check of parameters.
        options: those of FastAPI's ``APIRouter``.
    """
    return APIRouter(
        dependencies=[Depends(check_parameters), *dependencies],
        generate_unique_id_function=_name,
        **options,
    )


def _name(route: APIRoute) -> str:
    return route.name
