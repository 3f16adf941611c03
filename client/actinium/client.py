"""The synchronous client: every call waits for its answer."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from actinium.api import Operations
from actinium.calls import Call, Names, Pages, Ref
from actinium.connection import Address, Waiting, request, result, whole_file
from actinium.environment import Route
from actinium.progress import waiting_display
from actinium.retries import Outcome, Persistence, Retries
from actinium.shown import asking
from actinium.streams import Following, Subject, of_all, of_experiment, of_run
from actinium.types import Event, Experiment

T = TypeVar("T")


class Client(Operations):
    """A client of one service.

    Args:
        url: the service's address; if not given ``ACTINIUM_URL``, else port 8000 of this machine.
        key: the API key; if not given ``ACTINIUM_KEY``.
        retries: how often and how long requests are repeated.

    A client can be pickled, for other processes: the copy makes connections of its own.

    Raises:
        ValueError: the address, the key, or a proxy of the environment cannot be used.

    Example:
        >>> with Client() as client:  # doctest: +SKIP
        ...     experiment = client.submit(activation=["relu", "elu"], epochs=3, seeds=3)
        ...     client.wait(experiment)
        ...     client.figure(experiment, "learning_curves")
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, retries: Retries | None = None
    ) -> None:
        self._address = Address.of(url, key)
        self.url = self._address.url
        self._retries = retries or Retries()
        route = Route.to(self.url)
        self._http = httpx.Client(
            base_url=self.url,
            headers=self._address.headers(),
            proxy=route.proxy,
            verify=route.verify,
            trust_env=False,  # the route has read what the environment says
        )

    def events(self, experiment: Ref, *, after: int | None = None) -> Iterator[Event]:
        """Follow an experiment live, from its first event until no more can come.

        A lost connection resumes after the last event, so every event comes once.

        Args:
            experiment: the experiment.
            after: the ``id`` of an event; only later events are wanted.
        """
        return self._follow(of_experiment(experiment, after))

    def run_events(self, run: Ref, *, after: int | None = None) -> Iterator[Event]:
        """Follow a run live, from its first event until no more can come.

        Args:
            run: the run.
            after: the ``id`` of an event; only later events are wanted.
        """
        return self._follow(of_run(run, after))

    def all_events(self, *, type: Names | None = None, after: int | None = None) -> Iterator[Event]:
        """Follow all experiments live, from now on; this never ends, so leave it by ``break``.

        The first event is ``stream.opened``. Progress within an epoch is not included. A lost
        connection resumes after the last event.

        Args:
            type: a type of events, such as ``run.finished``, or several.
            after: the ``id`` of an event, to begin after it and not now; 0 for all stored events.
        """
        return self._follow(of_all(type, after))

    def wait(
        self, experiment: Ref, *, timeout: float | None = None, progress: bool | None = None
    ) -> Experiment:
        """Wait until an experiment has ended, and return it; it may have failed.

        Args:
            experiment: the experiment.
            timeout: the longest time to wait, in seconds.
            progress: whether to show progress; if not given, only in a terminal or a notebook.

        Raises:
            TimeoutError: the experiment has not ended in time.
        """
        with waiting_display(progress) as display:
            waiting = Waiting(timeout, shown=display.shown)
            answer = self.experiment(experiment)
            display.show(answer)
            while not waiting.is_over(answer):
                answer = self.experiment(experiment, wait=waiting.step())
                display.show(answer)
            return answer

    def perform(self, call: Call[T]) -> T:
        """Send a request, repeat it where that may help, and return its result."""
        persistence = Persistence.of(self._retries, call)
        while True:
            outcome = self._attempt(call)
            pause = persistence.pause_after(outcome)
            if pause is None:
                return asking(result(call, outcome, self.url), self._open_client)
            time.sleep(pause)

    def iterate(self, pages: Pages[T]) -> Iterator[T]:
        """Yield the items of a list, page by page."""
        call: Call[dict[str, Any]] | None = pages.call
        while call is not None:
            page = self.perform(call)
            for item in pages.items(page):
                yield asking(item, self._open_client)
            call = pages.after(page)

    def _open_client(self) -> "Client":
        """Return a client for a card, which does not repeat requests."""
        return Client(self._address.url, self._address.key, retries=Retries(attempts=1))

    def _attempt(self, call: Call[T]) -> Outcome:
        try:
            if call.save_as is None:
                return self._http.send(request(self._http, call))
            return self._download(call, call.save_as)
        except httpx.TransportError as error:
            return error

    def _download(self, call: Call[T], path: Path) -> httpx.Response:
        response = self._http.send(request(self._http, call), stream=True)
        try:
            if not response.is_success:
                response.read()
                return response
            with whole_file(path) as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        finally:
            response.close()
        return response

    def _follow(self, subject: Subject) -> Iterator[Event]:
        following = Following(self._retries, self.url, subject)
        outcome: Outcome
        while True:
            try:
                outcome = self._http.send(following.request(self._http), stream=True)
                try:
                    if following.has_begun(outcome):
                        for chunk in outcome.iter_bytes():
                            yield from following.feed(chunk)
                    else:
                        outcome.read()
                finally:
                    outcome.close()
            except httpx.TransportError as error:
                outcome = error
            pause = following.pause_after(outcome)
            if pause is None:
                return
            time.sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy in another process is made."""
        make = partial(type(self), retries=self._retries)
        return make, (self._address.url, self._address.key)

    def __repr__(self) -> str:
        """Return the service's address, without the key."""
        return f"Client({self.url!r})"

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()
