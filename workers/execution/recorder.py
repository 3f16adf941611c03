"""Recording runs while they train: what is asked of a recorder, and the one that is the database.

A recorder has the members of a pack, numbered from 0; a run that trains alone is a pack of one.
It is also how a training learns that members must leave, or that all must end early: then it
raises, and the training loop unwinds.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import Outage, is_outage
from service.histories import layer_statistics
from service.histories.diagnoses import NO_INSIGHT, Insight
from service.runs import endings, leases, recording
from service.runs.leases import Answer, Claim
from service.runs.recording import EpochRecord
from service.settings import Settings
from service.statuses import AttemptOutcome, RunStatus
from workers.execution.group_commit import Group

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

#: Share of the time a stopping worker has that it may wait for Postgres.
_PATIENCE_WHEN_STOPPING = 0.5

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class NoneLeftError(Exception):
    """No member is left to train: each was cancelled, or is no longer this worker's."""


class WorkerStoppingError(Exception):
    """The worker has been told to stop."""


@dataclass(frozen=True)
class Place:
    """How far a member is: the epoch it is in, and the fraction of it that is done."""

    epoch: int
    fraction: float


@dataclass(frozen=True)
class Row:
    """One epoch of a member: its metrics, how the run ended with it, and what is seen beside.

    ``saved``: a checkpoint of its end has been written, which is usable once the epoch is
    recorded.
    """

    epoch: int
    metrics: Mapping[str, float]
    ending: RunStatus | None
    insight: Insight = NO_INSIGHT
    saved: bool = False


class Recorder(Protocol):
    """Takes down the training of a pack.

    Each call raises ``NoneLeftError`` or ``WorkerStoppingError`` where the training has to end;
    some members may have to leave after it (``leaving``).
    """

    def pulse(self, places: Mapping[int, Place]) -> None:
        """Note that the training goes on."""

    def starts(self, insights: Mapping[int, Insight]) -> None:
        """Note what is seen of members before their first step."""

    def epochs(self, rows: Mapping[int, Row]) -> None:
        """Note an epoch of each of some members."""

    def past(self, member: int, before: int) -> list[layer_statistics.Observed]:
        """Give what is recorded of a member before an epoch that its training goes on with."""

    def leaving(self) -> set[int]:
        """Give the members that have to leave and were not told of before."""


class DatabaseRecorder:
    """Records claimed runs, one short transaction a call.

    Short epochs share a transaction (``execution.group_commit``). They wait for one another while
    the training goes on: with a pulse, and whatever ends the training, they are recorded.

    An outage of Postgres holds a training up only where there is something to record, and an
    epoch is recorded when Postgres is back. Should a run by then be another worker's, the first
    write says so.

    Attributes:
        outcomes: how members ended that this recorder has let go: ``cancelled``, ``lost``, or
            with their last epoch ``completed`` or ``diverged``.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        held: Sequence[Claim],
        settings: Settings,
        stopping: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._held = dict(enumerate(held))
        self._settings = settings
        self._stopping = stopping
        self._stopped_at: float | None = None
        self._renewed_at = time.monotonic()  # the claims began the leases
        self._group = Group()
        self._outage = Outage("Postgres")
        self._leaving: set[int] = set()
        self.outcomes: dict[int, str] = {}

    def pulse(self, places: Mapping[int, Place]) -> None:
        """Record what waits, renew the leases if that is due, and look for reasons to end."""
        self._raise_if_stopping()
        self._record()
        if time.monotonic() - self._renewed_at < self._settings.renew_seconds:
            return
        held = [
            (each, places[member].epoch, places[member].fraction)
            for member, each in self._held.items()
            if member in places
        ]
        try:
            with self._sessions() as session:
                answer = leases.renew(session, held, self._settings)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            # Leases may run out meanwhile; whether they did, the next renewal that works tells.
            self._outage.began(error.orig)
        else:
            self._outage.ended()
            self._obey(answer)
        self._renewed_at = time.monotonic()

    def starts(self, insights: Mapping[int, Insight]) -> None:
        """Store what is seen before the first step, but of runs that are being lived again."""
        new = {
            member: each
            for member, each in insights.items()
            if member in self._held and not self._held[member].recorded_epochs
        }
        if not new:
            self.pulse(dict.fromkeys(insights, Place(1, 0.0)))
            return
        starts = [(self._held[member], each) for member, each in new.items()]
        answer = self._write(
            lambda session: recording.record_starts(session, starts, self._settings)
        )
        self._renewed_at = time.monotonic()
        self._obey(answer)
        self._raise_if_stopping()

    def epochs(self, rows: Mapping[int, Row]) -> None:
        """Store an epoch of each, at once or together with those that follow shortly.

        Those that an earlier attempt has stored are only a pulse.
        """
        rows = {member: each for member, each in rows.items() if member in self._held}
        new = {
            member: each
            for member, each in rows.items()
            if each.epoch > self._held[member].recorded_epochs
        }
        if new:
            self._group.add(
                [
                    EpochRecord(
                        self._held[member], each.epoch, each.metrics, each.ending, each.insight
                    )
                    for member, each in new.items()
                ]
            )
            if self._group.due or any(each.saved for each in new.values()):
                self._record()
        if len(new) < len(rows):
            self.pulse({member: Place(each.epoch, 1.0) for member, each in rows.items()})
        elif self._held:
            self._raise_if_stopping()

    def past(self, member: int, before: int) -> list[layer_statistics.Observed]:
        """Read what is recorded of a member's epochs before one."""
        run_id = self._held[member].run_id
        return self._write(
            lambda session: layer_statistics.observed(session, run_id, before=before)
        )

    def leaving(self) -> set[int]:
        """Give the members that have to leave and were not told of before."""
        leaving, self._leaving = self._leaving, set()
        return leaving

    def finish(self) -> None:
        """End the runs that had no epoch to record."""
        self._end(endings.finish, AttemptOutcome.COMPLETED)

    def release(self, reason: str) -> None:
        """Give the runs back for other workers."""
        self._end(
            lambda session, held: endings.release(session, held, reason, self._settings),
            AttemptOutcome.RELEASED,
        )

    def fail(self, reason: str) -> None:
        """Write down that this attempt failed by our fault."""
        self._end(
            lambda session, held: endings.fail_attempts(session, held, reason, self._settings),
            AttemptOutcome.ERROR,
        )

    def _record(self) -> None:
        """Record what waits, if anything does, and obey the answer.

        Raises:
            NoneLeftError: as ``_obey``.
        """
        records = self._group.take()
        if not records:
            return
        answer = self._write(
            lambda session: recording.record_epochs(session, records, self._settings)
        )
        self._group.recorded()
        recorded = {each.held.run_id for each in records}
        if all(each.run_id in recorded for each in self._held.values()):
            self._renewed_at = time.monotonic()  # else it is as due as before for the others
        ended = {each.held.run_id: each.ending for each in records if each.ending is not None}
        for member in self._named(ended.keys() - answer.lost):
            self._let_go(member, ended[self._held[member].run_id])
        self._obey(answer)

    def _obey(self, answer: Answer) -> None:
        """Let members go that are another's by now or to be cancelled.

        Raises:
            NoneLeftError: none is left, of which some would have had to train on.
        """
        cancelled = self._named(answer.cancelled)
        if cancelled:
            held = [self._held[member] for member in cancelled]
            found = self._write(lambda session: endings.confirm_cancels(session, held))
            answer = Answer(answer.cancelled, answer.lost | found.lost)
        lost = self._named(answer.lost)
        for member in (*cancelled, *lost):
            if member in self._held:
                self._leaving.add(member)
                self._let_go(
                    member, AttemptOutcome.LOST if member in lost else AttemptOutcome.CANCELLED
                )
        if lost:
            _log.warning("Left runs that are no longer this worker's", runs=len(lost))
        if (cancelled or lost) and not self._held:
            raise NoneLeftError

    def _end(self, end: Callable[[Session, Sequence[Claim]], Answer], outcome: str) -> None:
        with suppress(NoneLeftError):
            self._record()
        held = list(self._held.values())
        if not held:
            return
        answer = self._write(lambda session: end(session, held))
        lost = self._named(answer.lost)
        for member in list(self._held):
            self._let_go(member, AttemptOutcome.LOST if member in lost else outcome)

    def _let_go(self, member: int, outcome: str) -> None:
        del self._held[member]
        self.outcomes[member] = outcome

    def _named(self, run_ids: Iterable[object]) -> list[int]:
        wanted = set(run_ids)
        return [member for member, each in self._held.items() if each.run_id in wanted]

    def _write(self, write: Callable[[Session], T]) -> T:
        """Repeat a transaction until it came through.

        Where the connection broke during the commit the first try may have been the one that
        counted: an epoch then recognises itself, and an ending finds the run no longer its own,
        which ends the work on it just the same.

        Raises:
            DBAPIError: a stopping worker has no more time to wait.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._sessions() as session:
                    result = write(session)
            except DBAPIError as error:
                if not is_outage(error) or self._out_of_time():
                    raise
                self._outage.began(error.orig)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._outage.ended()
                return result

    def _raise_if_stopping(self) -> None:
        if self._stopping():
            self._record()  # the checkpoints that a stopping worker saves build on it
            raise WorkerStoppingError

    def _out_of_time(self) -> bool:
        if not self._stopping():
            return False
        now = time.monotonic()
        self._stopped_at = self._stopped_at or now
        return (
            now - self._stopped_at > _PATIENCE_WHEN_STOPPING * self._settings.soft_shutdown_seconds
        )
