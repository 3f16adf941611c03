"""When to ask again, and after how long. Decisions only; nothing sleeps here."""

import random
import re
import time
from dataclasses import dataclass
from typing import Any

import httpx

from actinium.calls import Call
from actinium.errors import UnreachableError

Outcome = httpx.Response | httpx.TransportError

#: The service, or a proxy before it, is away and may be back.
_AWAY = frozenset({502, 503, 504})
_IN_FLIGHT = "request-in-flight"
#: What the system's own sentences begin with.
_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")

#: How long a connection may take to come about.
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Retries:
    """How persistent a client is.

    Attributes:
        attempts: how often a call is tried in all.
        first_pause, longest_pause: seconds before the second attempt, doubled for each further
            one up to the longest; each is cut at random by up to half, so that clients that
            failed together do not come back together.
        longest_wait: the longest ``Retry-After`` in seconds that is waited for.
        patience: for how many seconds a wait or a stream outlives a service that is away.
    """

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 8.0
    longest_wait: float = 60.0
    patience: float = 300.0


class Persistence:
    """The attempts of one call."""

    def __init__(self, retries: Retries, *, repeatable: bool, patient: bool) -> None:
        self._retries = retries
        self._repeatable = repeatable
        self._patient = patient
        self.begin()

    @classmethod
    def of(cls, retries: Retries, call: Call[Any]) -> "Persistence":
        """Begin with a call."""
        return cls(retries, repeatable=call.repeatable, patient=call.patient)

    def begin(self) -> None:
        """Count from now on: the service has answered."""
        self._attempts = 0
        self._began = time.monotonic()

    def pause_after(self, outcome: Outcome) -> float | None:
        """Say how many seconds to wait before the next attempt; None where this one counts."""
        self._attempts += 1
        if not self._may_help(outcome):
            return None
        wanted = _retry_after(outcome)
        if wanted is not None and wanted > self._retries.longest_wait:
            return None
        doubled: float = self._retries.first_pause * 2 ** min(self._attempts - 1, 16)
        longest = min(self._retries.longest_pause, doubled)
        pause = max(wanted or 0.0, random.uniform(longest / 2, longest))
        return pause if self._goes_on(pause) else None

    def _goes_on(self, pause: float) -> bool:
        if self._patient:
            return time.monotonic() + pause - self._began <= self._retries.patience
        return self._attempts < self._retries.attempts

    def _may_help(self, outcome: Outcome) -> bool:
        if isinstance(outcome, httpx.Response):
            if outcome.status_code == httpx.codes.TOO_MANY_REQUESTS or _is_in_flight(outcome):
                return True  # nothing was done yet
            return self._repeatable and outcome.status_code in _AWAY
        if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return True  # nothing was sent
        lasting = httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.ProxyError
        return self._repeatable and not isinstance(outcome, lasting)


def unreachable(url: object, error: httpx.TransportError) -> UnreachableError:
    """Say that the service cannot be reached, and what to look at."""
    reason = _ERROR_NUMBER.sub("", str(error)) or type(error).__name__
    return UnreachableError(
        f"No answer from {url} ({reason}). Is the service running there? Set ACTINIUM_URL, or "
        "give its address."
    )


def _is_in_flight(response: httpx.Response) -> bool:
    """Say whether this very request, with its Idempotency-Key, is still being worked on."""
    return response.status_code == httpx.codes.CONFLICT and _IN_FLIGHT in response.text


def _retry_after(outcome: Outcome) -> float | None:
    if not isinstance(outcome, httpx.Response):
        return None
    given = outcome.headers.get("retry-after", "")
    return float(given) if given.isdecimal() else None
