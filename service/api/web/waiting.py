"""``Prefer: wait=N`` (RFC 7240): answer once something has finished, or after N seconds."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool

from service.events.hub import EventHub

MOST_SECONDS = 60

#: Wake-ups are only a hint: look again at the latest after this long.
_LOOK_AGAIN_SECONDS = 2.0

_WAIT = re.compile(r'\s*wait\s*=\s*(?:"([0-9]{1,9})"|([0-9]{1,9}))\s*(?:;.*)?', re.IGNORECASE)


def preferred_wait(prefer: str | None) -> float | None:
    """Read how many seconds a client would wait, from the value of ``Prefer``.

    At most 60; the first well-formed ``wait`` counts, and anything else is ignored, as RFC
    7240 has it.
    """
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference)
        if match:
            return float(min(int(match[1] or match[2]), MOST_SECONDS))
    return None


async def _wait(
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N` answers once it has finished, or after N seconds (at most 60).",
            examples=["wait=2"],
        ),
    ] = None,
) -> float | None:
    every = request.headers.getlist("prefer") if prefer is not None else []
    seconds = preferred_wait(", ".join(every))
    if seconds is not None:
        # Added to whichever answer the route gives, also to one it builds itself.
        request.state.answer_headers["preference-applied"] = f"wait={seconds:.0f}"
    return seconds


#: The seconds the client would wait, or None; taking it announces ``Preference-Applied``.
WaitDep = Annotated[float | None, Depends(_wait)]


async def wait_until(
    hub: EventHub, experiment_id: uuid.UUID, finished: Callable[[], bool], seconds: float
) -> bool:
    """Wait until something in an experiment has finished, or time is over.

    Between two looks this holds no thread and no connection.

    Args:
        hub: wakes whoever follows an experiment when something happens in it.
        experiment_id: the experiment to follow.
        finished: looks in the database; runs in the thread pool, at once, after each event
            of the experiment, and at the latest every 2 s.
        seconds: how long to wait at most.

    Returns:
        Whether it has finished.
    """
    deadline = time.monotonic() + seconds
    with hub.follow(experiment_id) as events:
        while not await run_in_threadpool(finished):
            left = deadline - time.monotonic()
            if left <= 0 or hub.closing:
                return False
            await events.wait(min(left, _LOOK_AGAIN_SECONDS))
    return True
