"""``Prefer: wait=N`` (RFC 7240): answer once something has finished, or after N seconds."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool

from service.api.web.places import Places
from service.api.web.scopes import caller_of
from service.api.web.turns import away
from service.events.hub import EventHub

MAX_WAIT_SECONDS = 60

#: Notifications may be lost, so the database is read again at the latest after this long.
RECHECK_SECONDS = 2.0

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0

_WAIT = re.compile(r'\s*wait\s*=\s*(?:"([0-9]{1,9})"|([0-9]{1,9}))\s*(?:;.*)?', re.IGNORECASE)


def preferred_wait(prefer: str | None) -> float | None:
    """Return the seconds that a client would wait, from the value of ``Prefer``.

    At most 60. The first well-formed ``wait`` counts; all else is ignored (RFC 7240).
    """
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference)
        if match:
            return float(min(int(match[1] or match[2]), MAX_WAIT_SECONDS))
    return None


async def _wait(
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N`: answer once it has finished, or after N seconds (at most 60).",
            examples=["wait=2"],
        ),
    ] = None,
) -> AsyncIterator[float | None]:
    preferences = request.headers.getlist("prefer") if prefer is not None else []
    seconds = preferred_wait(", ".join(preferences))
    if seconds is None:
        yield None
        return
    waits: Places = request.app.state.waits
    with waits.place(caller_of(request.scope)):
        # Added by the middleware, since a route may build its answer itself.
        request.state.answer_headers["preference-applied"] = f"wait={seconds:.0f}"
        yield seconds


#: The seconds that the client would wait, or None; the answer gets ``Preference-Applied``.
WaitDep = Annotated[float | None, Depends(_wait)]


async def wait_until(
    hub: EventHub, experiment_id: uuid.UUID, finished: Callable[[], bool], seconds: float
) -> bool:
    """Wait until something in an experiment has finished, or the time is over.

    No thread and no connection is used between two checks.

    Args:
        hub: notifies of the experiment's events.
        experiment_id: the experiment.
        finished: the check; it reads the database in a thread, at once, after each event of
            the experiment, and at least every 2 s.
        seconds: the longest wait.

    Returns:
        Whether it has finished.
    """
    deadline = time.monotonic() + seconds
    async with away():
        with hub.follow(experiment_id) as events:
            while not await run_in_threadpool(finished):
                left = deadline - time.monotonic()
                if left <= 0 or hub.closing:
                    return False
                await events.wait(min(left, RECHECK_SECONDS))
    return True


async def poll_until(hub: EventHub, finished: Callable[[], bool], *, seconds: float) -> None:
    """Wait until something that no event tells of has finished, or the time is over.

    Args:
        hub: knows whether the process is stopping.
        finished: the check; it reads the database in a thread, at once, then after pauses that
            grow from 50 ms to 1 s.
        seconds: the longest wait.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    async with away():
        while not await run_in_threadpool(finished):
            left = deadline - time.monotonic()
            if left <= 0 or hub.closing:
                return
            await asyncio.sleep(min(pause, left))
            pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
