"""Addresses, requests, answers and waiting: the parts that both clients share."""

import contextlib
import io
import math
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx

from actinium.calls import Call
from actinium.errors import ApiError
from actinium.json_numbers import write_json
from actinium.retries import CONNECT_SECONDS, Outcome, unreachable
from actinium.statuses import ENDED
from actinium.types import Experiment

DEFAULT_URL = "http://127.0.0.1:8000"

_TIMEOUT_SECONDS = 30.0
_PIECE_BYTES = 1 << 20
#: How long one request of a wait may take: with a display, and without.
_SHOWN_STEP_SECONDS, _SILENT_STEP_SECONDS = 2.0, 50.0

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """The service's address and the API key."""

    url: str
    key: str | None

    @classmethod
    def of(cls, url: str | None, key: str | None) -> "Address":
        """Return what is given, completed from ``ACTINIUM_URL`` and ``ACTINIUM_KEY``.

        Raises:
            ValueError: the URL or the key is not valid.
        """
        where = (url or os.environ.get("ACTINIUM_URL") or DEFAULT_URL).strip().rstrip("/")
        if not _is_address(where):
            raise ValueError(
                f"{where!r} is not the address of a service; a valid one is {DEFAULT_URL!r}."
            )
        secret = (key or os.environ.get("ACTINIUM_KEY") or "").strip()
        if not (secret.isascii() and secret.isprintable()):
            raise ValueError("The API key contains characters that no key has.")
        return cls(where, secret or None)

    def headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def request(http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
    """Return the request of a call."""
    content: Any = None if call.body is None else write_json(call.body)
    written = {} if content is None else {"Content-Type": "application/json"}
    if call.upload is not None:
        is_async = isinstance(http, httpx.AsyncClient)
        content = _awaited(call.upload) if is_async else _pieces(call.upload)
        size = len(call.upload) if isinstance(call.upload, bytes) else call.upload.stat().st_size
        written = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    return http.build_request(
        call.method,
        call.path,
        params=call.query,
        content=content,
        headers={**written, **call.headers},
        timeout=httpx.Timeout(_TIMEOUT_SECONDS + call.seconds, connect=CONNECT_SECONDS),
    )


def _pieces(upload: Path | bytes) -> Iterator[bytes]:
    """Yield a body piece by piece, so that a file is never read whole."""
    with io.BytesIO(upload) if isinstance(upload, bytes) else upload.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _awaited(upload: Path | bytes) -> AsyncIterator[bytes]:
    for piece in _pieces(upload):
        yield piece


def result(call: Call[T], outcome: Outcome, url: str) -> T:
    """Return the result of a call, given the outcome of its last attempt.

    Raises:
        ApiError: the service declined the request.
        UnreachableError: there is no answer.
    """
    if isinstance(outcome, httpx.TransportError):
        raise unreachable(url, outcome) from outcome
    if not outcome.is_success:
        raise ApiError.of(outcome)
    return call.read(outcome)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name when it is complete; after an error, nothing is left.

    A device or a pipe is written directly and never replaced by a file.

    Raises:
        OSError: the file cannot be written; ``filename`` is ``path``.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        # The caller does not know the name of the partial file.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


class Waiting:
    """A wait for the end of an experiment, in steps of one request.

    Args:
        timeout: the longest time to wait, in seconds; None: without a limit.
        shown: whether progress is displayed, which needs short steps.
    """

    def __init__(self, timeout: float | None, *, shown: bool) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        self._step = _SHOWN_STEP_SECONDS if shown else _SILENT_STEP_SECONDS

    def step(self) -> float:
        """Return how many seconds the next request may take, at least 1."""
        if self._deadline is None:
            return self._step
        return max(1.0, min(self._step, math.ceil(self._deadline - time.monotonic())))

    def is_over(self, experiment: Experiment) -> bool:
        """Whether the experiment has ended.

        Raises:
            TimeoutError: it has not ended, and the time is up.
        """
        if experiment["status"] in ENDED:
            return True
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TimeoutError(
                f"Experiment {experiment['id']} has not ended within {self._timeout:g} s. It "
                "continues; call `wait` again to wait longer."
            )
        return False
