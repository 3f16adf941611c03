"""Listeners of live events: many streams of one experiment, each event timed from its commit."""

import asyncio
import re
import time
from dataclasses import dataclass, field

import httpx

from benchmarks.http.serving import Store
from service.runs.fencing import Claim

#: Pause between two epochs of the followed run.
EPOCH_SECONDS = 0.2


@dataclass
class Heard:
    """What the listeners of one run heard."""

    #: When the commit of each epoch was answered.
    committed: dict[int, float] = field(default_factory=dict)
    #: Seconds from an epoch's commit to its event, one per listener and epoch.
    delays: list[float] = field(default_factory=list)
    #: How many epochs each listener received.
    received: list[int] = field(default_factory=list)


class Listeners:
    """Streams of the experiment of a claimed run, whose worker's part is played."""

    def __init__(self, store: Store, url: str, claimed: Claim) -> None:
        self.heard = Heard()
        self._store, self._url, self._claimed = store, url, claimed
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, count: int) -> None:
        """Open ``count`` streams and wait until each is answered."""
        listening = asyncio.Semaphore(0)
        self._tasks = [asyncio.create_task(self._follow(listening)) for _ in range(count)]
        for _ in self._tasks:
            await asyncio.wait_for(listening.acquire(), 60)

    async def train(self, until: asyncio.Event) -> None:
        """Commit an epoch every fifth of a second, until stopped."""
        for epoch in range(1, self._claimed.epochs):
            if until.is_set():
                return
            await asyncio.to_thread(self._commit, epoch)
            await asyncio.sleep(EPOCH_SECONDS)

    async def close(self, seconds: float = 10.0) -> list[str]:
        """Wait until every stream has told every epoch, end them, and tell what went wrong."""
        errors = []
        wanted, deadline = len(self.heard.committed), time.monotonic() + seconds
        while min(self.heard.received, default=wanted) < wanted:
            if time.monotonic() > deadline:
                errors.append(f"A stream did not tell every epoch within {seconds:g} s.")
                break
            await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                errors.append(f"A stream broke: {result!r}")
        return errors

    def _commit(self, epoch: int) -> None:
        """Commit an epoch and note when; in a thread, as the event loop may be late."""
        self._store.record(self._claimed, epoch)
        self.heard.committed[epoch] = time.perf_counter()

    async def _follow(self, listening: asyncio.Semaphore) -> None:
        """Count the epochs of a stream, and time each from its commit."""
        place = len(self.heard.received)
        self.heard.received.append(0)
        path = f"/v1/experiments/{self._claimed.experiment_id}/events"
        # A bare socket: two hundred clients of httpx would take more of the machine than the API.
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(self._url).port)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"The stream was answered with {status!r}.")
        listening.release()
        while line := await reader.readline():
            if not (line.startswith(b"data: ") and b'"metrics"' in line):
                continue
            arrived = time.perf_counter()
            self.heard.received[place] += 1
            found = re.search(rb'"epoch":(\d+)', line)
            if found is None or int(found[1]) != self.heard.received[place]:
                raise RuntimeError(f"Expected the next epoch, not {line!r}.")
            committed = self.heard.committed.get(int(found[1]))
            # An event that overtakes the commit's own answer has no delay.
            self.heard.delays.append(arrived - committed if committed else 0.0)
        raise RuntimeError("The API ended a stream.")


async def listen(store: Store, url: str, count: int, seconds: float) -> tuple[Heard, list[str]]:
    """Let so many listeners follow a run for some seconds; gives what they heard, and errors."""
    store.submit(epochs=20_000)
    listeners = Listeners(store, url, await asyncio.to_thread(store.claim))
    await listeners.open(count)
    over = asyncio.Event()
    training = asyncio.create_task(listeners.train(over))
    await asyncio.sleep(seconds)
    over.set()
    await training
    return listeners.heard, await listeners.close()
