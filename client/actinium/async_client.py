"""The client for asyncio: every call is awaited."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from actinium.api import Operations
from actinium.calls import Call, Names, Pages, Ref
from actinium.client import Client
from actinium.connection import Address, Waiting, request, result, whole_file
from actinium.environment import Route
from actinium.progress import waiting_display
from actinium.retries import Outcome, Persistence, Retries
from actinium.shown import asking
from actinium.streams import Following, Subject, of_all, of_experiment, of_run
from actinium.types import Event, Experiment

T = TypeVar("T")


class AsyncClient(Operations):
    """A client of one service, with the methods of ``Client``, to be awaited or iterated.

    Args:
        url: the service's address; if not given ``ACTINIUM_URL``, else port 8000 of this machine.
        key: the API key; if not given ``ACTINIUM_KEY``.
        retries: how often and how long requests are repeated.

    A client can be pickled, for other processes: the copy makes connections of its own.

    Raises:
        ValueError: the address, the key, or a proxy of the environment cannot be used.

    Example:
        >>> async with AsyncClient() as client:  # doctest: +SKIP
        ...     experiment = await client.submit(activation=["relu", "elu"], epochs=3)
        ...     async for event in client.events(experiment):
        ...         print(event["type"])
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, retries: Retries | None = None
    ) -> None:
        self._address = Address.of(url, key)
        self.url = self._address.url
        self._retries = retries or Retries()
        route = Route.to(self.url)
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._address.headers(),
            proxy=route.proxy,
            verify=route.verify,
            trust_env=False,  # the route has read what the environment says
        )

    def events(self, experiment: Ref, *, after: int | None = None) -> AsyncIterator[Event]:
        """Follow an experiment live, as ``Client.events`` does."""
        return self._follow(of_experiment(experiment, after))

    def run_events(self, run: Ref, *, after: int | None = None) -> AsyncIterator[Event]:
        """Follow a run live, as ``Client.run_events`` does."""
        return self._follow(of_run(run, after))

    def all_events(
        self, *, type: Names | None = None, after: int | None = None
    ) -> AsyncIterator[Event]:
        """Follow all experiments live, as ``Client.all_events`` does."""
        return self._follow(of_all(type, after))

    async def wait(
        self, experiment: Ref, *, timeout: float | None = None, progress: bool | None = None
    ) -> Experiment:
        """Wait until an experiment has ended, as ``Client.wait`` does.

        Raises:
            TimeoutError: the experiment has not ended in time.
        """
        with waiting_display(progress) as display:
            waiting = Waiting(timeout, shown=display.shown)
            answer = await self.experiment(experiment)
            display.show(answer)
            while not waiting.is_over(answer):
                answer = await self.experiment(experiment, wait=waiting.step())
                display.show(answer)
            return answer

    async def perform(self, call: Call[T]) -> T:
        """Send a request, repeat it where that may help, and return its result."""
        persistence = Persistence.of(self._retries, call)
        while True:
            outcome = await self._attempt(call)
            pause = persistence.pause_after(outcome)
            if pause is None:
                return asking(result(call, outcome, self.url), self._open_client)
            await asyncio.sleep(pause)

    async def iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        """Yield the items of a list, page by page."""
        call: Call[dict[str, Any]] | None = pages.call
        while call is not None:
            page = await self.perform(call)
            for item in pages.items(page):
                yield asking(item, self._open_client)
            call = pages.after(page)

    def _open_client(self) -> Client:
        """Return a client for a card: a notebook does not wait for coroutines."""
        return Client(self._address.url, self._address.key, retries=Retries(attempts=1))

    async def _attempt(self, call: Call[T]) -> Outcome:
        try:
            if call.save_as is None:
                return await self._http.send(request(self._http, call))
            return await self._download(call, call.save_as)
        except httpx.TransportError as error:
            return error

    async def _download(self, call: Call[T], path: Path) -> httpx.Response:
        response = await self._http.send(request(self._http, call), stream=True)
        try:
            if not response.is_success:
                await response.aread()
                return response
            with whole_file(path) as file:
                async for chunk in response.aiter_bytes():
                    file.write(chunk)
        finally:
            await response.aclose()
        return response

    async def _follow(self, subject: Subject) -> AsyncIterator[Event]:
        following = Following(self._retries, self.url, subject)
        outcome: Outcome
        while True:
            try:
                outcome = await self._http.send(following.request(self._http), stream=True)
                try:
                    if following.has_begun(outcome):
                        async for chunk in outcome.aiter_bytes():
                            for event in following.feed(chunk):
                                yield event
                    else:
                        await outcome.aread()
                finally:
                    await outcome.aclose()
            except httpx.TransportError as error:
                outcome = error
            pause = following.pause_after(outcome)
            if pause is None:
                return
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy in another process is made."""
        make = partial(type(self), retries=self._retries)
        return make, (self._address.url, self._address.key)

    def __repr__(self) -> str:
        """Return the service's address, without the key."""
        return f"AsyncClient({self.url!r})"

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.aclose()
