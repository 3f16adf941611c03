"""The application: ``uvicorn --factory service.api.app:create_app``."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import anyio
import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from service import api_keys
from service.api.computing.processes import ComputingProcesses
from service.api.openapi.document import TITLE, describe
from service.api.routes import (
    catalog,
    comparisons,
    dashboard,
    datasets,
    description,
    events,
    experiment_edits,
    experiments,
    figures,
    inference,
    layers,
    manual,
    mlflow,
    models,
    operations,
    predictions,
    presets,
    run_figures,
    runs,
    submissions,
    webhooks,
    weights,
    workload,
)
from service.api.web.absolute_targets import AbsoluteTargets
from service.api.web.authentication import Authentication
from service.api.web.beside import beside
from service.api.web.gate import Gate
from service.api.web.head_requests import HeadRequests
from service.api.web.places import Places
from service.api.web.problems import ProblemAnswers
from service.api.web.request_bodies import MOST_VALIDATED_AT_ONCE, RequestBodies
from service.api.web.request_log import RequestLog
from service.api.web.response_headers import ResponseHeaders
from service.api.web.route_table import RouteTable
from service.api.web.schema_guard import SchemaGuard
from service.api.web.traced import trace_requests
from service.api.web.turns import Turns
from service.api.web.unknown_routes import answer_http_error
from service.api.web.unread_bodies import UnreadBodies
from service.database.engine import create_database_engine, reading_factory, session_factory
from service.events.hub import EventHub
from service.experiments.kept_forecasts import KeptForecasts
from service.logs import configure_logging
from service.operations.process_memory import give_memory_back
from service.operations.prometheus import Metrics
from service.runs.doorbell import Doorbell
from service.settings import Settings, get_settings

ROUTERS = (
    submissions.router,
    experiment_edits.router,
    experiments.router,
    comparisons.router,
    runs.router,
    layers.router,
    predictions.router,
    inference.router,
    weights.router,
    figures.router,
    run_figures.router,
    events.router,
    catalog.router,
    models.router,
    datasets.router,
    presets.router,
    webhooks.router,
    mlflow.router,
    workload.router,
    operations.router,
    dashboard.router,
    manual.router,
    description.router,
)

_log = structlog.get_logger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; nothing is opened before it starts."""
    app = FastAPI(
        title=TITLE,
        version=version("actinium-service"),
        routes=[route for router in ROUTERS for route in router.routes],
        lifespan=_lifespan,
        openapi_url=None,
        redirect_slashes=False,
    )
    _set_state(app, settings or get_settings())
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.state.route_table = RouteTable(app.routes)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer_http_error)
    _add_middleware(app)
    trace_requests(app)
    return app


def _set_state(app: FastAPI, settings: Settings) -> None:
    """Make what the routes share; ``service.api.web.dependencies`` hands it to them."""
    state = app.state
    state.settings = settings
    state.engine = create_database_engine(settings, statement_seconds=settings.statement_seconds)
    state.sessions = session_factory(state.engine)
    state.reading = reading_factory(state.engine)
    state.doorbell = Doorbell(settings)
    state.hub = EventHub(settings)
    state.forecasts = KeptForecasts(settings)
    state.stream_readers = anyio.CapacityLimiter(events.MAX_STREAM_READERS)
    state.checking = Gate(
        at_once=1,  # one takes up to 200 MB
        waiting=settings.computing_queue,
        seconds=settings.computing_seconds,
    )
    state.validating = anyio.CapacityLimiter(MOST_VALIDATED_AT_ONCE)
    state.turns = Gate(
        at_once=settings.requests_at_once,
        per_caller=-(-settings.requests_at_once // 2),
        waiting=2 * settings.max_connections,
        seconds=settings.turn_seconds,
    )
    state.computing = ComputingProcesses(settings)
    state.submitting = Gate(
        at_once=submissions.MOST_AT_ONCE,
        waiting=2 * settings.computing_queue,
        seconds=settings.computing_seconds,
    )
    state.parsing = Gate(
        at_once=settings.computing_processes,
        waiting=settings.computing_queue,
        seconds=settings.upload_seconds,
    )
    _set_places(state, settings)
    state.metrics = Metrics()
    state.metrics.time_statements(state.engine)
    state.schema = SchemaGuard(state.engine)


def _set_places(state: Any, settings: Settings) -> None:
    state.streams = Places(
        "streams", in_all=settings.max_streams, per_caller=settings.max_streams_per_caller
    )
    state.waits = Places(
        "waiting requests", in_all=settings.max_waits, per_caller=settings.max_waits_per_caller
    )
    state.uploading = Places(
        "uploads", in_all=datasets.MOST_AT_ONCE, per_caller=datasets.MOST_PER_CALLER
    )
    state.exports = Places(
        "exports", in_all=settings.max_exports, per_caller=settings.max_exports_per_caller
    )
    state.export_makers = anyio.CapacityLimiter(experiments.MOST_MADE_AT_ONCE)


def _add_middleware(app: FastAPI) -> None:
    """Put the middleware around the routes, from the innermost to the outermost."""
    state = app.state
    app.add_middleware(
        RequestBodies,
        max_bytes=state.settings.max_body_bytes,
        seconds=state.settings.body_seconds,
        streamed=frozenset({datasets.PATH}),
    )
    app.add_middleware(
        Authentication, settings=state.settings, sessions=state.reading, schema=state.schema
    )
    app.add_middleware(Turns, gate=state.turns)
    app.add_middleware(ProblemAnswers)
    app.add_middleware(ResponseHeaders)
    app.add_middleware(UnreadBodies)
    app.add_middleware(RequestLog, metrics=state.metrics)
    app.add_middleware(HeadRequests)
    app.add_middleware(AbsoluteTargets)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    configure_logging(state.settings)
    try:
        async with state.schema.watch(), beside(give_memory_back()):
            await run_in_threadpool(_warn_without_keys, app)
            state.computing.prepare()
            state.hub.start()
            try:
                yield
            finally:
                await state.hub.stop()
    finally:
        state.computing.close()
        state.doorbell.close()
        await run_in_threadpool(state.engine.dispose)


def _warn_without_keys(app: FastAPI) -> None:
    """Log that other machines are refused where no API key exists."""
    with contextlib.suppress(SQLAlchemyError), app.state.sessions() as session:
        if not api_keys.any_exist(session, app.state.settings):
            _log.warning(
                "No API key exists: only requests from this machine are served. Make one with "
                "`actinium-admin keys create --name NAME --scope admin`."
            )
