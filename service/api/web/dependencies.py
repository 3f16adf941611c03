"""Dependencies of routes: the settings, a session, the caller, and a scope of the caller's key."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker

from service.api_keys import Caller
from service.errors import ForbiddenError
from service.events.hub import EventHub
from service.experiments.kept_forecasts import KeptForecasts
from service.runs.doorbell import Doorbell
from service.settings import Settings


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _doorbell(request: Request) -> Doorbell:
    doorbell: Doorbell = request.app.state.doorbell
    return doorbell


async def _hub(request: Request) -> EventHub:
    hub: EventHub = request.app.state.hub
    return hub


async def _forecasts(request: Request) -> KeptForecasts:
    forecasts: KeptForecasts = request.app.state.forecasts
    return forecasts


async def _sessions(request: Request) -> sessionmaker[Session]:
    state = request.app.state
    sessions: sessionmaker[Session] = state.reading if request.method == "GET" else state.sessions
    return sessions


async def _session(
    sessions: Annotated["sessionmaker[Session]", Depends(_sessions)],
) -> AsyncIterator[Session]:
    session = sessions()
    try:
        yield session
    finally:
        if session.in_transaction():
            # Rolling back waits for the database, which must not block the event loop.
            await run_in_threadpool(session.close)
        else:
            session.close()


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


SettingsDep = Annotated[Settings, Depends(_settings)]
DoorbellDep = Annotated[Doorbell, Depends(_doorbell)]
ForecastsDep = Annotated[KeptForecasts, Depends(_forecasts)]
HubDep = Annotated[EventHub, Depends(_hub)]
#: For sessions that outlive the route's function: streamed answers, and waits between checks.
SessionsDep = Annotated["sessionmaker[Session]", Depends(_sessions)]
#: Open while the route's function runs, closed before its answer is sent; commits nothing.
SessionDep = Annotated[Session, Depends(_session, scope="function")]
#: The caller, as ``service.api.web.authentication`` identified it before the route was chosen.
CallerDep = Annotated[Caller, Depends(_caller)]


@dataclass(frozen=True)
class Requires:
    """A dependency that admits keys with a scope; the API's description reads ``scope`` from it."""

    scope: str

    async def __call__(self, caller: CallerDep) -> None:
        """Return where the caller's key has the scope.

        Raises:
            ForbiddenError: the caller's key lacks the scope.
        """
        if self.scope not in caller.scopes:
            raise ForbiddenError(
                f"This needs a key with the scope {self.scope!r}; the key {caller.name!r} has "
                f"{', '.join(sorted(caller.scopes))}."
            )


def requires(scope: str) -> Requires:
    """Return the dependency on a scope: ``dependencies=[Depends(requires("submit"))]``."""
    return Requires(scope)
