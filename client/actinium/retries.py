"""Whether to repeat a request, and after what pause. Nothing sleeps here."""

import random
import re
import time
from dataclasses import dataclass
from typing import Any

import httpx

from actinium.calls import Call
from actinium.environment import proxy_variable
from actinium.errors import UnreachableError

Outcome = httpx.Response | httpx.TransportError

#: The service, or a proxy in front of it, is temporarily unavailable.
_AWAY = frozenset({502, 503, 504})
_IN_FLIGHT = "request-in-flight"
#: Prefix of OS error messages, removed before they are shown.
_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")

#: Timeout of a connection attempt.
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Retries:
    """How often and how long a client repeats requests.

    Attributes:
        attempts: most attempts of a call.
        first_pause, longest_pause: seconds before the second attempt, doubled for each further
            one up to the longest. Each pause is shortened by a random part, up to half, so that
            clients that failed together do not return together.
        longest_wait: the longest ``Retry-After``, in seconds, that is obeyed.
        patience: seconds for which ``wait`` and streams keep trying while the service is away.
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
        """Return the attempts of a call, before its first."""
        return cls(retries, repeatable=call.repeatable, patient=call.patient)

    def begin(self) -> None:
        """Count attempts and time from now on, since the service has answered."""
        self._attempts = 0
        self._began = time.monotonic()

    def pause_after(self, outcome: Outcome) -> float | None:
        """Return the seconds to wait before the next attempt; None if this outcome is final."""
        self._attempts += 1
        if not self._may_help(outcome):
            return None
        demanded = _retry_after(outcome)
        if demanded is not None and demanded > self._retries.longest_wait:
            return None
        doubled: float = self._retries.first_pause * 2 ** min(self._attempts - 1, 16)
        longest = min(self._retries.longest_pause, doubled)
        pause = max(demanded or 0.0, random.uniform(longest / 2, longest))
        return pause if self._has_attempts_left(pause) else None

    def _has_attempts_left(self, pause: float) -> bool:
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
        permanent = httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.ProxyError
        return self._repeatable and not isinstance(outcome, permanent)


def unreachable(url: str, error: httpx.TransportError) -> UnreachableError:
    """Return the error for a service that cannot be reached; it names a proxy's variable."""
    reason = _ERROR_NUMBER.sub("", str(error)) or type(error).__name__
    variable = proxy_variable(url)
    if variable is not None:
        return UnreachableError(
            f"No answer from {url} through the proxy that {variable} names ({reason}). If the "
            "service is reached without it, add its host to NO_PROXY."
        )
    return UnreachableError(
        f"No answer from {url} ({reason}). Is the service running there? If it is elsewhere, set "
        "ACTINIUM_URL."
    )


def _is_in_flight(response: httpx.Response) -> bool:
    """Whether the service still works on an earlier request with this Idempotency-Key."""
    return response.status_code == httpx.codes.CONFLICT and _IN_FLIGHT in response.text


def _retry_after(outcome: Outcome) -> float | None:
    if not isinstance(outcome, httpx.Response):
        return None
    seconds = outcome.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None
