"""Transactions that outlast an outage of Postgres: repeated until they succeed."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import Outage, is_outage

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

T = TypeVar("T")


class RepeatedTransactions:
    """Runs transactions, again and again while Postgres is away.

    Args:
        sessions: makes a session for each try.
        stopping: whether the worker has to stop.
        patience_seconds: how long a stopping worker goes on trying.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        stopping: Callable[[], bool],
        patience_seconds: float,
    ) -> None:
        self._sessions = sessions
        self._stopping = stopping
        self._patience_seconds = patience_seconds
        self._stopped_at: float | None = None
        self._outage = Outage("Postgres")
        #: Whether one is under way, or waits for Postgres.
        self.busy = False

    def repeat(self, transaction: Callable[[Session], T]) -> T:
        """Run a transaction until it succeeds, and return its result.

        A connection that breaks during a commit leaves open whether the commit counted, so the
        transaction may run once more after it has succeeded.

        Raises:
            DBAPIError: the database refused the transaction, or it is still away when the patience
                of a stopping worker is over.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._run(transaction)
            except DBAPIError as error:
                if not is_outage(error) or self._out_of_patience():
                    raise
                self._outage.began(error.orig)
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def try_once(self, transaction: Callable[[Session], T]) -> T | None:
        """Run a transaction, and return its result, or None while Postgres is away.

        Raises:
            DBAPIError: the database refused the transaction.
        """
        try:
            return self._run(transaction)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._outage.began(error.orig)
            return None

    def _run(self, transaction: Callable[[Session], T]) -> T:
        self.busy = True
        try:
            with self._sessions() as session:
                result = transaction(session)
        finally:
            self.busy = False
        self._outage.ended()
        return result

    def _pause(self, seconds: float) -> None:
        self.busy = True
        try:
            time.sleep(seconds)
        finally:
            self.busy = False

    def _out_of_patience(self) -> bool:
        if not self._stopping():
            return False
        now = time.monotonic()
        self._stopped_at = self._stopped_at or now
        return now - self._stopped_at > self._patience_seconds
