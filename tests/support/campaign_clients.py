"""Clients of a service that faults strike: they submit, read and follow, and always try again.

They know the API by HTTP alone. An answer that no fault excuses is kept in ``Traffic.complaints``:
anything but success, and 503 as a problem with Retry-After.
"""

import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from tests.support.sse_reader import read_events

#: Longer than the heartbeat: a stream of an API that is suspended is given up.
_SILENCE_SECONDS = 5.0

_PAUSE_SECONDS = 0.2
_PROBLEM = "application/problem+json"


class StreamedEvent(NamedTuple):
    """One stored event as a stream sent it."""

    id: int
    type: str
    run_id: str | None


@dataclass
class Experiment:
    """An experiment that was accepted, and the events of its stream."""

    id: str
    runs: int
    events: list[StreamedEvent] = field(default_factory=list)


class Traffic:
    """Keeps a number of runs in the queue and follows every experiment's stream to its end.

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
        self._enough = threading.Event()
        self._submitter = threading.Thread(target=self._keep_submitting, daemon=True)
        self._followers: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to submit."""
        self._submitter.start()

    def stop(self) -> None:
        """Submit no more; a submission in progress is completed."""
        self._enough.set()
        self._submitter.join(120)
        assert not self._submitter.is_alive(), "a submission did not end"

    def wait_for_streams(self, seconds: float) -> None:
        """Wait until every stream has ended."""
        until = time.monotonic() + seconds
        for follower in self._followers:
            follower.join(max(0.0, until - time.monotonic()))
            assert not follower.is_alive(), f"{follower.name} did not end"

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
                            events.extend(
                                StreamedEvent(event.id, event.type, event.data["run_id"])
                                for event in read_events(answer.iter_lines())
                                if event.id is not None
                            )
                except httpx.TransportError:
                    self.outages += 1
                time.sleep(_PAUSE_SECONDS)
