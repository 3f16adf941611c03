"""What clients were told, checked for what no order of events could explain.

In the manner of Elle (Kingsbury & Alvaro 2020, https://arxiv.org/abs/2003.10554): the checker knows
nothing of the service, only what its clients were told, and when they asked and were answered. What
was asked for after another answer had come must not be older. Attempts and epochs of a run only
grow, an ended run stays as it is, and an epoch that was told once, by a read or an event, is told
by every later read, with the same values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.statuses import ENDED


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one client was told: it asked at ``began`` and had the answer at ``ended``."""

    client: str
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class RunRead(Observation):
    """A run's answer."""

    run_id: str
    status: str
    attempt: int
    epoch: int


@dataclass(frozen=True, kw_only=True)
class HistoryRead(Observation):
    """The values of each recorded epoch of a run."""

    run_id: str
    epochs: Mapping[int, Any]


@dataclass(frozen=True, kw_only=True)
class EventTold(Observation):
    """An event of a stream; ``epoch`` where it tells of one."""

    stream: str
    id: int
    type: str
    run_id: str | None = None
    epoch: int | None = None


@dataclass
class _Known:
    """What the answers so far say of a run."""

    attempt: int = 0
    epoch: int = 0
    ending: str | None = None
    epochs: dict[int, Any] = field(default_factory=dict)


def anomalies(observations: Sequence[Observation]) -> list[str]:
    """Return a sentence for each observation that contradicts an earlier one; best none."""
    return [*_stream_anomalies(observations), *_read_anomalies(observations)]


def _stream_anomalies(observations: Iterable[Observation]) -> list[str]:
    """Compare the events of each client's stream, in the order in which they came."""
    found = []
    last: dict[tuple[str, str], int] = {}
    seen: dict[tuple[str, int], EventTold] = {}
    for event in observations:
        if not isinstance(event, EventTold):
            continue
        before = last.get((event.client, event.stream), 0)
        name = f"{event.client} was told event {event.id} ({event.type}) of {event.stream}"
        if event.id == before:
            found.append(f"{name} twice.")
        elif event.id < before:
            found.append(f"{name} after event {before}.")
        last[event.client, event.stream] = max(before, event.id)
        other = seen.setdefault((event.stream, event.id), event)
        if (other.type, other.run_id, other.epoch) != (event.type, event.run_id, event.epoch):
            found.append(f"{name}, which {other.client} was told as {other.type}.")
    return found


def _read_anomalies(observations: Iterable[Observation]) -> list[str]:
    """Compare each answer with all that were there before it was asked for."""
    found: list[str] = []
    known: dict[str, _Known] = {}
    of_runs = [each for each in observations if getattr(each, "run_id", None) is not None]
    answered = sorted(of_runs, key=lambda each: each.ended)
    folded = 0
    for asked in sorted(of_runs, key=lambda each: each.began):
        while answered[folded].ended < asked.began:
            _fold(answered[folded], known)
            folded += 1
        found += _contradictions(asked, known.setdefault(asked.run_id, _Known()))
    return found


def _fold(answer: Any, known: dict[str, _Known]) -> None:
    run = known.setdefault(answer.run_id, _Known())
    if isinstance(answer, RunRead):
        run.attempt, run.epoch = max(run.attempt, answer.attempt), max(run.epoch, answer.epoch)
        if answer.status in ENDED:
            run.ending = answer.status
    elif isinstance(answer, HistoryRead):
        run.epochs |= answer.epochs
        run.epoch = max(run.epoch, *answer.epochs, 0)
    elif answer.epoch is not None:
        run.epochs.setdefault(answer.epoch, None)
        run.epoch = max(run.epoch, answer.epoch)


def _contradictions(answer: Any, run: _Known) -> Iterable[str]:
    name = f"{answer.client} was told of {answer.run_id}"
    if isinstance(answer, RunRead):
        if answer.attempt < run.attempt:
            yield f"{name} attempt {answer.attempt} after attempt {run.attempt}."
        if answer.epoch < run.epoch:
            yield f"{name} epoch {answer.epoch} after epoch {run.epoch}."
        if run.ending not in {None, answer.status}:
            yield f"{name} that it is {answer.status} after it was {run.ending}."
    elif isinstance(answer, HistoryRead):
        missing = sorted(run.epochs.keys() - answer.epochs.keys())
        if missing:
            yield f"{name} a history without epochs {missing}, which had been told."
        changed = sorted(
            epoch
            for epoch, values in answer.epochs.items()
            if run.epochs.get(epoch) not in {None, values}
        )
        if changed:
            yield f"{name} other values of epochs {changed} than before."
