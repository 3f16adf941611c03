"""The queue and the workers over HTTP."""

from fastapi import Depends, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.workload import QUEUE, WORKER_PAGE, QueueAnswer, WorkerPage
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.paging import LINK_HEADER, PageDep, page_of, page_response
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.runs import workload

router = make_router(prefix="/v1", tags=["operations"], dependencies=[Depends(requires("read"))])


@router.get(
    "/workers",
    response_model=WorkerPage,
    responses={
        200: {"headers": LINK_HEADER, **examples.json_answer(WORKER_PAGE)},
        **problem_responses(422),
    },
    summary="List workers",
)
def list_workers(
    *, request: Request, page: PageDep, session: SessionDep, settings: SettingsDep
) -> Response:
    """List the workers that were seen lately, by name, with what they train since when."""
    workers = {worker.name: worker for worker in workload.read_workers(session, settings)}
    names, next_cursor = page_of(list(workers), page.cursor, page.limit, "workers")
    body = WorkerPage.of((workers[name] for name in names), next_cursor).to_json()
    return page_response(request, body, next_cursor)


@router.get(
    "/queue",
    response_model=QueueAnswer,
    responses={200: examples.json_answer(QUEUE)},
    summary="Get the queue",
)
def get_queue(session: SessionDep, settings: SettingsDep) -> Response:
    """Return what waits and what is trained, per caller, and what no worker can take."""
    body = QueueAnswer.of(workload.read_queue(session, settings)).to_json()
    return Response(body, media_type="application/json")
