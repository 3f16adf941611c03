"""Clients of a service that faults strike: they submit, read and follow, and always try again.

They know the API by HTTP alone. An answer that no fault excuses is kept in ``Traffic.complaints``:
anything but success, and 503 as a problem with Retry-After.
"""

import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from tests.support.sse_reader import read_events
from tests.support.told_history import EventTold, HistoryRead, Observation, RunRead

#: Longer than the heartbeat: a stream of an API that is suspended is given up.
_SILENCE_SECONDS = 5.0

_PAUSE_SECONDS = 0.2

#: The metrics that readers compare; each run has them from its first epoch on.
_READ_METRICS = ("loss", "val_loss", "val_accuracy", "epoch_seconds")

#: Pause of a reader.
_READ_SECONDS = 0.1
_PROBLEM = "application/problem+json"


class StreamedEvent(NamedTuple):
    """One stored event as a stream sent it, ``at`` a time of ``time.monotonic``."""

    id: int
    type: str
    run_id: str | None
    epoch: int | None
    at: float


@dataclass
class Experiment:
    """An experiment that was accepted, and the events of its stream."""

    id: str
    runs: int
    events: list[StreamedEvent] = field(default_factory=list)


class Traffic:
    """Keeps a number of runs in the queue and follows every experiment's stream to its end.

    Two readers ask for runs and histories meanwhile; ``observations`` has what they and the streams
    were told.

    Args:
        url: the address of the API.
        variations: specs with one configuration; every submission draws one of them.
        seeds: the seeds of runs; every submission draws one or more of them.
        seed: the seed of these draws.
        waiting: at least this many runs are kept unfinished.
    """

    def __init__(
        self,
        url: str,
        variations: list[dict[str, Any]],
        seeds: list[int],
        *,
        seed: int,
        waiting: int = 6,
    ) -> None:
        self.experiments: list[Experiment] = []
        self.complaints: list[str] = []
        self.answers = self.outages = 0
        self._url = url
        self._variations, self._seeds, self._waiting = variations, seeds, waiting
        self._chance = random.Random(seed)
        self._enough, self._read_enough = threading.Event(), threading.Event()
        self._submitter = threading.Thread(target=self._keep_submitting, daemon=True)
        self._followers: list[threading.Thread] = []
        self._reads: list[Observation] = []
        self._readers = [
            threading.Thread(target=self._keep_reading, args=(name, seed), name=name, daemon=True)
            for name in ("one reader", "another reader")
        ]

    def start(self) -> None:
        """Begin to submit and to read."""
        self._submitter.start()
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Submit no more; a submission in progress is completed."""
        self._enough.set()
        self._submitter.join(120)
        assert not self._submitter.is_alive(), "a submission did not end"

    def wait_for_streams(self, seconds: float) -> None:
        """Wait until every stream has ended, and end the readers."""
        until = time.monotonic() + seconds
        for follower in self._followers:
            follower.join(max(0.0, until - time.monotonic()))
            assert not follower.is_alive(), f"{follower.name} did not end"
        self._read_enough.set()
        for reader in self._readers:
            reader.join(30)
            assert not reader.is_alive(), f"{reader.name} did not end"

    def observations(self) -> list[Observation]:
        """Return what the readers and the streams were told."""
        told = [
            EventTold(
                client=f"stream of {experiment.id}",
                began=event.at,
                ended=event.at,
                stream=experiment.id,
                id=event.id,
                type=event.type,
                run_id=event.run_id,
                epoch=event.epoch,
            )
            for experiment in self.experiments
            for event in experiment.events
        ]
        return [*self._reads, *told]

    def submit(self, spec: dict[str, Any], client: httpx.Client) -> Experiment:
        """Submit an experiment, as often as needed, and follow it from then on."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        while True:
            answer = self._ask(client, "POST", "/v1/experiments", json=spec, headers=key)
            if answer is not None and answer.status_code == 201:
                break
            assert self.complaints == []
            time.sleep(_PAUSE_SECONDS)
        body = answer.json()
        accepted = Experiment(body["id"], body["runs"]["total"])
        self.experiments.append(accepted)
        follower = threading.Thread(
            target=self._follow, args=(accepted,), name=f"stream of {accepted.id}", daemon=True
        )
        self._followers.append(follower)
        follower.start()
        return accepted

    def _keep_submitting(self) -> None:
        unfinished: list[Experiment] = []
        with httpx.Client(base_url=self._url, timeout=_SILENCE_SECONDS) as client:
            while not self._enough.is_set():
                unfinished = [
                    experiment
                    for experiment in unfinished
                    if not self._finished(experiment, client)
                ]
                if sum(experiment.runs for experiment in unfinished) < self._waiting:
                    spec = self._chance.choice(self._variations)
                    seeds = self._chance.sample(
                        self._seeds, self._chance.randint(1, len(self._seeds))
                    )
                    unfinished.append(self.submit(spec | {"seeds": seeds}, client))
                self._enough.wait(_PAUSE_SECONDS)

    def _keep_reading(self, name: str, seed: int) -> None:
        chance = random.Random(f"{name} {seed}")
        with httpx.Client(base_url=self._url, timeout=_SILENCE_SECONDS) as client:
            while not self._read_enough.is_set():
                # The latest experiments are those in which something happens.
                runs = {event.run_id for made in self.experiments[-4:] for event in [*made.events]}
                known = sorted(run_id for run_id in runs if run_id is not None)
                if known:
                    self._read(client, name, chance.choice(known))
                self._read_enough.wait(_READ_SECONDS)

    def _read(self, client: httpx.Client, name: str, run_id: str) -> None:
        """Ask for a run and its history, and keep what is told."""
        began = time.monotonic()
        answer = self._ask(client, "GET", f"/v1/runs/{run_id}")
        if answer is not None and answer.status_code == 200:
            body, times = answer.json(), {"began": began, "ended": time.monotonic()}
            told = {field: body[field] for field in ("status", "attempt", "epoch")}
            self._reads.append(RunRead(client=name, run_id=run_id, **times, **told))
        began = time.monotonic()
        answer = self._ask(client, "GET", f"/v1/runs/{run_id}/history")
        if answer is not None and answer.status_code == 200:
            body, times = answer.json(), {"began": began, "ended": time.monotonic()}
            columns = (body["metrics"].get(metric, []) for metric in _READ_METRICS)
            epochs = dict(zip(body["epoch"], zip(*columns, strict=True), strict=True))
            self._reads.append(HistoryRead(client=name, run_id=run_id, epochs=epochs, **times))

    def _finished(self, experiment: Experiment, client: httpx.Client) -> bool:
        answer = self._ask(client, "GET", f"/v1/experiments/{experiment.id}")
        return (
            answer is not None
            and answer.status_code == 200
            and answer.json()["status"] not in {"queued", "running"}
        )

    def _ask(
        self, client: httpx.Client, method: str, path: str, **request: Any
    ) -> httpx.Response | None:
        """Return the answer to one request; None where there was none."""
        try:
            answer = client.request(method, path, **request)
        except httpx.TransportError:
            self.outages += 1
            return None
        self._check(answer, method, path)
        return answer

    def _check(self, answer: httpx.Response, method: str, path: str) -> None:
        self.answers += 1
        if answer.is_success:
            return
        # 409: the request that this one repeats is still in progress.
        tolerated = {503, 409} if method == "POST" else {503}
        well_formed = (
            answer.headers.get("content-type") == _PROBLEM and "retry-after" in answer.headers
        )
        if answer.status_code not in tolerated or not well_formed:
            answer.read()
            self.complaints.append(f"{method} {path}: {answer.status_code} {answer.text}")

    def _follow(self, experiment: Experiment) -> None:
        """Follow a stream to its end; after an interruption, from the last event on."""
        path = f"/v1/experiments/{experiment.id}/events"
        timeout = httpx.Timeout(_SILENCE_SECONDS)
        with httpx.Client(base_url=self._url, timeout=timeout) as client:
            while True:
                events = experiment.events
                after = {"Last-Event-ID": str(events[-1].id)} if events else {}
                try:
                    with client.stream("GET", path, headers=after) as answer:
                        self._check(answer, "GET", path)
                        if answer.status_code == 204:
                            return
                        if answer.status_code == 200:
                            events.extend(_streamed(answer))
                except httpx.TransportError:
                    self.outages += 1
                time.sleep(_PAUSE_SECONDS)


def _streamed(answer: httpx.Response) -> Iterator[StreamedEvent]:
    """Yield the stored events of a stream as they come."""
    for event in read_events(answer.iter_lines()):
        if event.id is not None:
            data = event.data
            epoch = data["epoch"] if event.type == "run.epoch" else None
            yield StreamedEvent(event.id, event.type, data["run_id"], epoch, time.monotonic())
