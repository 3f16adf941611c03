"""Submitting experiments over HTTP, or planning them by a dry run."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import Body, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.experiments import DryRun, ExperimentAnswer
from service.api.web.dependencies import (
    CallerDep,
    DoorbellDep,
    HubDep,
    SessionsDep,
    SettingsDep,
    requires,
)
from service.api.web.gate import Gate
from service.api.web.paging import LINK_HEADER, PageDep, PageRequest, page_response
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.api.web.scopes import caller_of
from service.api.web.turns import inside
from service.api.web.waiting import WaitDep, wait_until
from service.api_keys import Caller
from service.events.hub import EventHub
from service.experiments import dry_run, lifecycle, submission
from service.experiments.idempotency import KEY_PATTERN, InFlightError, KeyedRequest, keyed_request
from service.experiments.progress import Origin, with_forecasts
from service.experiments.submission import Submission
from service.runs import capacity
from service.runs.doorbell import Doorbell
from service.settings import Settings
from service.specs.spec import ExperimentSpec

router = make_router(
    prefix="/v1/experiments",
    tags=["experiments"],
    dependencies=[Depends(requires("submit"))],
    route_class=JsonRoute,
)

#: Most submissions and dry runs that are worked on at a time: each multiplies out its grid in this
#: interpreter.
MOST_AT_ONCE = 4

_RETRY_AFTER_SECONDS = "1"

_log = structlog.get_logger(__name__)

_BODY = Body(
    openapi_examples={
        "grid": {
            "summary": "Three activations, three seeds each",
            "value": examples.SPEC,
        },
        "learning_rates": {
            "summary": "Two activations, five learning rates each",
            "value": examples.LEARNING_RATES,
        },
        "variants": {
            "summary": "Variants: configurations that are not a full grid",
            "value": examples.VARIANTS,
        },
    }
)
#: The description of the answers to a submission, for ``responses`` of a route.
ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "The experiment was stored, now or by the same request before.",
        "headers": {
            "Location": {"description": "The experiment.", "schema": {"type": "string"}},
            "Idempotency-Replayed": {
                "description": "`true` where the same request was answered before.",
                "schema": {"type": "string"},
            },
        },
        **examples.json_answer(examples.EXPERIMENT),
    },
    200: {
        "model": DryRun,
        "description": "The plan of a dry run (`dry_run=true`); nothing was stored.",
        "headers": LINK_HEADER,
        **examples.json_answer(examples.DRY_RUN),
    },
    **problem_responses(409, 410, 422, 503),
}


_IdempotencyKey = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": KEY_PATTERN})] | None,
    Header(
        description="1 to 255 printable ASCII characters that identify this request. A request "
        "with the same key within the retention time (by default 24 hours) gets the same answer "
        "and stores nothing again; with `Prefer: wait` it gets the experiment as it is after the "
        "wait, and 410 where it was deleted. Each caller has their own keys.",
        examples=["b1f0c2de-7a41-4a60-9a37-5d2f6f0c9f11"],
    ),
]


@dataclass(frozen=True)
class Submitting:
    """Everything that a request to submit has but the spec."""

    request: Request
    page: PageRequest
    wait: float | None
    caller: Caller
    settings: Settings
    sessions: sessionmaker[Session]
    doorbell: Doorbell
    hub: EventHub
    dry_run: bool
    idempotency_key: str | None

    async def answer(
        self, spec: ExperimentSpec, written: Mapping[str, Any], origin: Origin | None = None
    ) -> Response:
        """Store an experiment and return it; or return the plan of a dry run.

        Args:
            spec: the experiment.
            written: the same without defaults, as the caller wrote it.
            origin: the preset that it comes from.
        """
        submitting: Gate = self.request.app.state.submitting
        caller = caller_of(self.request.scope)
        keyed = await self._keyed()  # whose key must be right for a dry run too
        if self.dry_run:
            async with inside(submitting, caller):
                return await run_in_threadpool(self._plan, spec)
        try:
            async with inside(submitting, caller):
                made, body = await run_in_threadpool(self._submit, spec, written, origin, keyed)
        except InFlightError:
            self.request.state.answer_headers["retry-after"] = _RETRY_AFTER_SECONDS
            raise
        experiment_id = made.experiment.id
        if self.wait is not None:
            body = await read_after(
                self.wait, experiment_id, self.sessions, self.hub, self.settings
            )
        headers = {"location": f"/v1/experiments/{experiment_id}"}
        if made.replayed:
            headers["idempotency-replayed"] = "true"
        return Response(body, status_code=201, headers=headers, media_type="application/json")

    def _plan(self, spec: ExperimentSpec) -> Response:
        with self.sessions() as session:
            plan = dry_run.dry_run(
                session,
                spec,
                caller=self.caller.name,
                settings=self.settings,
                cursor=self.page.cursor,
                limit=self.page.limit,
            )
        return page_response(self.request, DryRun.of(plan).to_json(), plan.next_cursor)

    async def _keyed(self) -> KeyedRequest | None:
        if self.idempotency_key is None:
            return None
        return keyed_request(
            caller=self.caller.id,
            key=self.idempotency_key,
            method=self.request.method,
            target=f"{self.request.url.path}?{self.request.url.query}",
            body=await self.request.body(),
        )

    def _submit(
        self,
        spec: ExperimentSpec,
        written: Mapping[str, Any],
        origin: Origin | None,
        keyed: KeyedRequest | None,
    ) -> tuple[Submission, bytes]:
        with self.sessions() as session:
            made = submission.submit(
                session,
                spec,
                caller=self.caller.name,
                settings=self.settings,
                request=keyed,
                origin=origin,
                written=written,
            )
            if not made.replayed:
                ring(session, self.settings, self.doorbell)
        return made, ExperimentAnswer.of(made.experiment).to_json()


async def _submitting(
    *,
    request: Request,
    page: PageDep,
    wait: WaitDep,
    caller: CallerDep,
    settings: SettingsDep,
    sessions: SessionsDep,
    doorbell: DoorbellDep,
    hub: HubDep,
    dry_run: Annotated[
        bool, Query(description="Return the plan with its cost, and store nothing.")
    ] = False,
    idempotency_key: _IdempotencyKey = None,
) -> Submitting:
    return Submitting(
        request, page, wait, caller, settings, sessions, doorbell, hub, dry_run, idempotency_key
    )


SubmittingDep = Annotated[Submitting, Depends(_submitting)]


@router.post(
    "",
    status_code=201,
    response_model=ExperimentAnswer,
    responses=ANSWERS,
    summary="Submit an experiment",
)
async def submit_experiment(
    spec: Annotated[ExperimentSpec, _BODY], submitting: SubmittingDep
) -> Response:
    """Store an experiment and queue its runs: every combination of its axes, with each seed.

    A run whose configuration and seed were trained before takes over that history, unless
    `reuse` is false. `limit` and `cursor` page the configurations of a dry run.
    """
    return await submitting.answer(spec, await submitting.request.json())


def ring(session: Session, settings: Settings, doorbell: Doorbell) -> None:
    """Wake workers for the stored runs; where that fails, the scheduler's sweep wakes them."""
    try:
        doorbell.ring(capacity.workers_wanted(session, settings))
    except SQLAlchemyError as error:
        _log.warning("The workers were not counted", reason=str(error).partition("\n")[0])


async def read_after(
    wait: float | None,
    experiment_id: uuid.UUID,
    sessions: sessionmaker[Session],
    hub: EventHub,
    settings: Settings,
) -> bytes:
    """Return the body of an experiment, after it has finished or ``wait`` seconds have passed."""
    if wait is not None:
        finished = partial(_has_finished, sessions, experiment_id)
        await wait_until(hub, experiment_id, finished, wait)
    return await run_in_threadpool(_read, sessions, experiment_id, settings)


def _has_finished(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> bool:
    with sessions() as session:
        return lifecycle.has_finished(session, experiment_id)


def _read(sessions: sessionmaker[Session], experiment_id: uuid.UUID, settings: Settings) -> bytes:
    with sessions() as session:
        found = lifecycle.get(session, experiment_id)
        (experiment,) = with_forecasts(session, [found], settings)
    return ExperimentAnswer.of(experiment).to_json()
