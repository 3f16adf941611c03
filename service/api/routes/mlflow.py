"""The part of MLflow's REST API that reads: any of its clients lists our experiments.

MLflow's API is the contract of these routes, so openapi.yaml leaves them out; docs/mlflow.md
says how our terms map to MLflow's.
"""

import contextlib
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import Body, Depends, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session
from starlette.responses import Response

from service.api.computing.processes import compute
from service.api.computing.tasks import mlflow_body
from service.api.web.dependencies import SessionDep, requires
from service.api.web.mlflow_errors import PREFIX
from service.api.web.parameters import is_number
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.database.paging import MAX_LIMIT, CursorError
from service.errors import ForbiddenError, InvalidError, NotFoundError
from service.fields import FieldError, Text
from service.mlflow import artifacts, experiments, runs, shapes

router = make_router(
    include_in_schema=False, dependencies=[Depends(requires("read"))], route_class=JsonRoute
)

_API = f"{PREFIX}/"
_EXPERIMENTS = "service.api.computing.tasks:search_mlflow_experiments"
_RUNS = "service.api.computing.tasks:search_mlflow_runs"
_FILES = f"{PREFIX}-artifacts/artifacts"
_READ_ONLY = (
    "The MLflow endpoints are read-only. Submit experiments by POST /v1/experiments; /docs "
    "describes the whole API."
)
#: The most values of a metric in a page, as of MLflow's own server.
_MAX_POINTS = 25_000

#: A token has the values that the page is ordered by; the error of a run is the longest.
_LONGEST_TOKEN = 100_000
_MOST_EXPERIMENTS = 10_000


def _require_number(value: object) -> object:
    if isinstance(value, str) and not is_number(value, "integer"):
        raise PydanticCustomError("int_parsing", "Input should be an integer")
    return value


_Count = Annotated[int, BeforeValidator(_require_number)]
_View = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]


class _Search(BaseModel):
    """Parameters of both searches; a page has at most ``MAX_LIMIT`` items."""

    filter: Text | None = None
    order_by: Annotated[list[Text], Field(max_length=10)] = []
    page_token: Annotated[Text, Field(max_length=_LONGEST_TOKEN)] | None = None

    @property
    def query(self) -> dict[str, Any]:
        """The arguments of the use-cases, without the limit."""
        cursor = self.page_token or None
        return {"filter_text": self.filter or "", "order_by": self.order_by, "cursor": cursor}


class _ExperimentSearch(_Search):
    max_results: _Count = Field(MAX_LIMIT, ge=1)
    view_type: _View = "ACTIVE_ONLY"


class _RunSearch(_Search):
    experiment_ids: Annotated[list[Text], Field(max_length=_MOST_EXPERIMENTS)] = []
    max_results: _Count = Field(MAX_LIMIT, ge=1)
    run_view_type: _View = "ACTIVE_ONLY"


@router.post(_API + "experiments/search")
async def search_mlflow_experiments(
    request: Request, wanted: Annotated[_ExperimentSearch | None, Body()] = None
) -> Response:
    """Return experiments; deleted ones are not kept."""
    search = wanted or _ExperimentSearch()
    if search.view_type == "DELETED_ONLY":
        return _answer(experiments=[])
    limit = min(search.max_results, MAX_LIMIT)
    with _page_token("page_token"):
        return _json(await compute(request, _EXPERIMENTS, search.query, limit))


@router.get(_API + "experiments/get")
def get_mlflow_experiment(session: SessionDep, experiment_id: str) -> Response:
    """Return an experiment."""
    return _answer(experiment=shapes.experiment(experiments.get(session, experiment_id)))


@router.get(_API + "experiments/get-by-name")
def get_mlflow_experiment_by_name(session: SessionDep, experiment_name: str) -> Response:
    """Return the experiment with a name."""
    found = experiments.get_by_name(session, experiment_name)
    return _answer(experiment=shapes.experiment(found))


@router.post(_API + "runs/search")
async def search_mlflow_runs(
    request: Request, wanted: Annotated[_RunSearch | None, Body()] = None
) -> Response:
    """Return runs with their parameters, tags and latest metrics."""
    search = wanted or _RunSearch()
    if search.run_view_type == "DELETED_ONLY":
        return _answer(runs=[])
    limit = min(search.max_results, MAX_LIMIT)
    with _page_token("page_token"):
        return _json(await compute(request, _RUNS, search.experiment_ids, search.query, limit))


@router.get(_API + "runs/get")
def get_mlflow_run(
    session: SessionDep, run_id: str | None = None, run_uuid: str | None = None
) -> Response:
    """Return a run."""
    (run,) = shapes.runs([runs.get(session, _id(run_id, run_uuid))])
    return _answer(run=run)


@router.get(_API + "metrics/get-history")
def get_mlflow_metric_history(
    *,
    session: SessionDep,
    metric_key: str,
    run_id: str | None = None,
    run_uuid: str | None = None,
    max_results: Annotated[_Count, Query(ge=1)] = _MAX_POINTS,
    page_token: str | None = None,
) -> Response:
    """Return the values of a metric by epoch."""
    with _page_token("query", "page_token"):
        points, next_cursor = runs.metric_history(
            session,
            _id(run_id, run_uuid),
            metric_key,
            cursor=page_token or None,
            limit=min(max_results, _MAX_POINTS),
        )
    return _answer(metrics=[shapes.metric(point) for point in points], next_page_token=next_cursor)


@router.get(_API + "artifacts/list")
def list_mlflow_artifacts(
    session: SessionDep, run_id: str | None = None, run_uuid: str | None = None, path: str = ""
) -> Response:
    """Return the files of a run, by its id."""
    run = runs.get(session, _id(run_id, run_uuid))
    return _answer(root_uri=shapes.artifact_uri(run), files=_files(session, run, path))


@router.get(_FILES)
def list_mlflow_files(session: SessionDep, path: str = "") -> Response:
    """Return the files of a run, by the path that clients send."""
    run_id, below = artifacts.split(path)
    return _answer(files=_files(session, runs.get(session, run_id), below))


@router.get(_FILES + "/{path:path}")
def get_mlflow_file(session: SessionDep, path: str) -> Response:
    """Redirect to a file of a run."""
    run_id, name = artifacts.split(path)
    run = runs.get(session, run_id)
    return RedirectResponse(f"/v1/runs/{run.id}/{artifacts.find(name)}")


@router.get(_API + "{path:path}")
def refuse_mlflow_read(path: str) -> None:
    """Raise an error that says what can be read."""
    raise NotFoundError(
        f"There is no {path} here: of MLflow's API, experiments, runs, metrics and artifacts can "
        "be read."
    )


@router.api_route(_API + "{path:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
@router.api_route(_FILES + "/{path:path}", methods=["POST", "PUT", "PATCH", "DELETE"])
def refuse_mlflow_write(path: str) -> None:
    """Raise an error: nothing can be written."""
    if path.endswith("/search"):
        refuse_mlflow_read(path)
    raise ForbiddenError(_READ_ONLY)


@contextlib.contextmanager
def _page_token(*location: str) -> Iterator[None]:
    """Have a cursor that cannot be used told as MLflow's clients call it.

    Raises:
        InvalidError: it belongs to another query.
    """
    try:
        yield
    except CursorError:
        detail = "The page_token does not belong to this query. Leave it out to start over."
        raise InvalidError(detail, errors=[FieldError(location, detail)]) from None


def _answer(**content: Any) -> Response:
    return _json(mlflow_body(**content))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _id(run_id: str | None, run_uuid: str | None) -> str:
    """Return the id of a run, which clients send under an old or a new name.

    Raises:
        InvalidError: it is missing.
    """
    found = run_id or run_uuid
    if found is None:
        detail = "The parameter run_id is missing: it names the run."
        raise InvalidError(detail, errors=[FieldError(("query", "run_id"), detail)])
    return found


def _files(session: Session, run: Any, below: str) -> list[dict[str, Any]]:
    if below:
        return []  # There are no folders; clients list a file to learn that it is not one.
    names = artifacts.names(run, has_layers=runs.has_layers(session, run))
    return [{"path": name, "is_dir": False} for name in names]
