"""What routes ask for: the settings, a session, the caller, and leave to do something."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker

from service.api_keys import Caller
from service.errors import ForbiddenError
from service.events.hub import EventHub
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
            # Rolling back speaks to the database, which must not hold up the event loop.
            await run_in_threadpool(session.close)
        else:
            session.close()


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


SettingsDep = Annotated[Settings, Depends(_settings)]
DoorbellDep = Annotated[Doorbell, Depends(_doorbell)]
HubDep = Annotated[EventHub, Depends(_hub)]
#: For what outlives the route's function: streamed answers, and waiting between checks.
SessionsDep = Annotated["sessionmaker[Session]", Depends(_sessions)]
#: Open while the route's function runs, closed before its answer is sent; commits nothing.
SessionDep = Annotated[Session, Depends(_session, scope="function")]
#: Who calls; ``service.api.web.authentication`` found out before the route was chosen.
CallerDep = Annotated[Caller, Depends(_caller)]


@dataclass(frozen=True)
class Requires:
    """Leave to do something, as a dependency; the API's description reads ``scope`` from it."""

    scope: str

    async def __call__(self, caller: CallerDep) -> None:
        """Let the caller through.

        Raises:
            ForbiddenError: the caller's key lacks the scope.
        """
        if self.scope not in caller.scopes:
            raise ForbiddenError(
                f"This needs a key with the scope {self.scope!r}; the key {caller.name!r} has "
                f"{', '.join(sorted(caller.scopes))}."
            )


def requires(scope: str) -> Requires:
    """Ask for a scope: ``dependencies=[Depends(requires("submit"))]``."""
    return Requires(scope)
