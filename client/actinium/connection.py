"""What both clients share of a connection: where the service is, and what an answer comes to."""

import contextlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx

from actinium.calls import Call
from actinium.errors import ApiError
from actinium.numbers import write_json
from actinium.retries import CONNECT_SECONDS, Outcome, unreachable
from actinium.types import Experiment

DEFAULT_URL = "http://127.0.0.1:8000"

_SECONDS = 30.0
#: How often a display is brought up to date, and how long the service may hold a silent wait.
_SHOWN_EVERY, _SILENT_EVERY = 2.0, 50.0
ENDED = frozenset({"completed", "failed", "cancelled"})

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """Where the service is, and the key it is asked with."""

    url: str
    key: str | None

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Address":
        """Fill in from ``ACTINIUM_URL`` and ``ACTINIUM_KEY`` what is not given.

        Raises:
            ValueError: the URL or the key cannot be one.
        """
        where = (url or os.environ.get("ACTINIUM_URL") or DEFAULT_URL).strip().rstrip("/")
        if not _is_address(where):
            raise ValueError(f"{where!r} is no address of a service; one is {DEFAULT_URL!r}.")
        secret = (key or os.environ.get("ACTINIUM_KEY") or "").strip()
        if not (secret.isascii() and secret.isprintable()):
            raise ValueError("The API key holds characters that no key has.")
        return cls(where, secret or None)

    def headers(self) -> dict[str, str]:
        """Give the headers of every request."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def request(http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
    """Make a call's request."""
    content = None if call.body is None else write_json(call.body)
    written = {} if content is None else {"Content-Type": "application/json"}
    return http.build_request(
        call.method,
        call.path,
        params=call.query,
        content=content,
        headers={**written, **call.headers},
        timeout=httpx.Timeout(_SECONDS + call.seconds, connect=CONNECT_SECONDS),
    )


def result(call: Call[T], outcome: Outcome, url: str) -> T:
    """Read the last outcome of a call.

    Raises:
        ApiError: the service declined.
        UnreachableError: there is no answer.
    """
    if isinstance(outcome, httpx.TransportError):
        raise unreachable(url, outcome) from outcome
    if not outcome.is_success:
        raise ApiError.of(outcome)
    return call.read(outcome)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name once it is whole; where that fails, nothing is left.

    A device or a pipe is written as it is: it must not be put away for a file.

    Raises:
        OSError: it cannot be written; its ``filename`` is the one that was asked for.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    growing = path.with_name(f"{path.name}.part")
    try:
        with growing.open("wb") as file:
            yield file
        growing.replace(path)
    except OSError as error:
        # The name of the other file would say nothing to whoever asked for this one.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            growing.unlink()


class Waiting:
    """A wait for an experiment's end, in steps.

    Args:
        timeout: seconds until it is given up; None for as long as it takes.
        shown: whether somebody watches, so that steps are short.
    """

    def __init__(self, timeout: float | None, *, shown: bool) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        self._step = _SHOWN_EVERY if shown else _SILENT_EVERY

    def step(self) -> float:
        """Give how many seconds the service may take for its next answer, at least 1."""
        if self._deadline is None:
            return self._step
        return max(1.0, min(self._step, math.ceil(self._deadline - time.monotonic())))

    def is_over(self, experiment: Experiment) -> bool:
        """Say whether it has ended.

        Raises:
            TimeoutError: it has not, and time is up.
        """
        if experiment["status"] in ENDED:
            return True
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TimeoutError(
                f"Experiment {experiment['id']} has not ended within {self._timeout:g} s; it goes "
                "on, and can be waited for again."
            )
        return False
