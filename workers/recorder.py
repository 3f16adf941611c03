"""Recording a run while it trains: what is asked of a recorder, and the one that is the database.

A recorder is also how a training learns that it must end early: it raises, and the training
loop unwinds.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service import layers, runs
from service.config import Settings
from service.diagnoses import NO_INSIGHT, Insight
from service.outages import Outage, is_outage

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

#: Share of the time a stopping worker has that it may wait for Postgres.
_PATIENCE_WHEN_STOPPING = 0.5

T = TypeVar("T")


class RunCancelledError(Exception):
    """The user has asked for the run's cancel."""


class WorkerStoppingError(Exception):
    """The worker has been told to stop."""


class Recorder(Protocol):
    """Takes down a run's training.

    Each call raises ``RunCancelledError``, ``WorkerStoppingError`` or
    ``service.runs.LeaseLostError`` where the training has to end.
    """

    def pulse(self, epoch: int, fraction: float) -> None:
        """Note that the training of an epoch goes on; ``fraction`` of it is done."""

    def start(self, insight: Insight) -> None:
        """Note what is seen before the first step."""

    def epoch(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        ending: str | None,
        insight: Insight = NO_INSIGHT,
    ) -> None:
        """Note an epoch's metrics, what is seen beside, and with the last how the run ended."""

    def past(self, before: int) -> list[layers.Observed]:
        """Give what is recorded of the epochs before one, for a training that goes on there."""


class DatabaseRecorder:
    """Records a claimed run, one short transaction a call.

    An outage of Postgres holds a training up only where there is something to record, and an
    epoch is recorded when Postgres is back. Should the run by then be another worker's, the
    first write says so.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        held: runs.Claim,
        settings: Settings,
        stopping: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._held = held
        self._settings = settings
        self._stopping = stopping
        self._stopped_at: float | None = None
        self._renewed_at = time.monotonic()  # the claim began the lease
        self._outage = Outage("Postgres")

    def pulse(self, epoch: int, fraction: float) -> None:
        """Renew the lease if that is due, and look for reasons to end."""
        self._raise_if_stopping()
        if time.monotonic() - self._renewed_at < self._settings.renew_seconds:
            return
        try:
            with self._sessions() as session:
                cancel = runs.renew(
                    session, self._held, epoch=epoch, fraction=fraction, settings=self._settings
                )
        except DBAPIError as error:
            if not is_outage(error):
                raise
            # The lease may run out meanwhile; whether it did, the next renewal that works tells.
            self._outage.began(error.orig)
            cancel = False
        else:
            self._outage.ended()
        self._renewed_at = time.monotonic()
        if cancel:
            raise RunCancelledError

    def start(self, insight: Insight) -> None:
        """Store what is seen before the first step, unless the run is being lived again."""
        if self._held.recorded_epochs:
            self.pulse(1, 0.0)
            return
        cancel = self._write(
            lambda session: runs.record_start(session, self._held, insight, self._settings)
        )
        self._renewed_at = time.monotonic()
        if cancel:
            raise RunCancelledError
        self._raise_if_stopping()

    def epoch(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        ending: str | None,
        insight: Insight = NO_INSIGHT,
    ) -> None:
        """Store an epoch; one that an earlier attempt has stored is only a pulse."""
        if epoch <= self._held.recorded_epochs:
            self.pulse(epoch, 1.0)
            return
        cancel = self._write(
            lambda session: runs.record_epoch(
                session,
                self._held,
                epoch=epoch,
                metrics=metrics,
                settings=self._settings,
                ending=ending,
                insight=insight,
            )
        )
        self._renewed_at = time.monotonic()
        if cancel:
            raise RunCancelledError
        if ending is None:
            self._raise_if_stopping()

    def past(self, before: int) -> list[layers.Observed]:
        """Read what is recorded of the epochs before one."""
        run_id = self._held.run_id
        return self._write(lambda session: layers.observed(session, run_id, before=before))

    def finish(self) -> None:
        """End a run that had no epoch to record."""
        self._write(lambda session: runs.finish(session, self._held))

    def confirm_cancel(self) -> None:
        """End the run as cancelled."""
        self._write(lambda session: runs.confirm_cancel(session, self._held))

    def release(self, reason: str) -> None:
        """Give the run back for another worker."""
        self._write(lambda session: runs.release(session, self._held, reason, self._settings))

    def fail(self, reason: str) -> None:
        """Write down that this attempt failed by our fault."""
        self._write(lambda session: runs.fail_attempt(session, self._held, reason, self._settings))

    def _write(self, write: Callable[[Session], T]) -> T:
        """Repeat a transaction until it came through.

        Where the connection broke during the commit the first try may have been the one that
        counted: an epoch then recognises itself, and an ending finds the run no longer its own,
        which ends the work on it just the same.

        Raises:
            LeaseLostError: the run is no longer this worker's.
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
            raise WorkerStoppingError

    def _out_of_time(self) -> bool:
        if not self._stopping():
            return False
        now = time.monotonic()
        self._stopped_at = self._stopped_at or now
        return (
            now - self._stopped_at > _PATIENCE_WHEN_STOPPING * self._settings.soft_shutdown_seconds
        )
