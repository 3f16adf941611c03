"""Lease keeper: a thread that keeps the leases of runs while one step of their training takes long.

Between two steps the training itself renews its leases and hears of cancels
(``execution.recorder``). A step can take longer than a lease; then this thread does both. It stops
where the process hangs with Python's lock held, or where a step takes longer than
``ACTINIUM_STEP_SECONDS``: such a training counts as hanging, and its runs are given back.
"""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import is_outage
from service.runs import endings, leases
from service.runs.fencing import Claim, RunsToLeave
from service.settings import Settings
from workers.execution.recorder import Recorder

#: How much later than usual a renewal has to be before this thread makes it.
_LATE_SECONDS = 1.0

#: Longest that a step may go on after it was found that it trains no run any more. A new process
#: costs some seconds; and one that slept finds this out by itself soon after it wakes.
_USELESS_SECONDS = 10.0

_SHORTEST_TURN_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class LeaseKeeper:
    """Keeps the leases of a recorder's runs, from the beginning to the end of a ``with`` block.

    Args:
        sessions: makes sessions outside any transaction.
        recorder: of the runs; it tells how long their training has been silent.
        settings: of the service.
        abandon: ends a process whose training is of no use any more; None: it goes on.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        recorder: Recorder,
        settings: Settings,
        abandon: Callable[[], None] | None,
    ) -> None:
        self._sessions = sessions
        self._recorder = recorder
        self._settings = settings
        self._abandon = abandon
        self._useless_since: float | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; a renewal that waits for Postgres is left to itself, and changes nothing."""
        self._ended.set()
        self._thread.join(timeout=1.0)

    def _keep(self) -> None:
        turn_seconds = max(self._settings.renew_seconds, _SHORTEST_TURN_SECONDS)
        while not self._ended.wait(turn_seconds):
            try:
                self._turn()
            except DBAPIError as error:
                # The recorder tells of an outage; the next turn tries again.
                if not is_outage(error):
                    _log.exception("The leases could not be renewed during a step")

    def _turn(self) -> None:
        silent_seconds = self._recorder.silent_seconds
        if silent_seconds < self._settings.renew_seconds + _LATE_SECONDS:
            self._useless_since = None
            return
        reached = self._recorder.reached()
        if silent_seconds > self._settings.step_seconds:
            self._give_up([claim for claim, _, _ in reached])
            return
        answer = RunsToLeave()
        if reached:
            with self._sessions() as session:
                answer = leases.renew(session, reached, self._settings)
        leaving = answer.cancelled | answer.lost
        self._cancel([claim for claim, _, _ in reached if claim.run_id in answer.cancelled])
        if leaving.issuperset(claim.run_id for claim, _, _ in reached):
            self._leave_useless()
        else:
            self._useless_since = None

    def _cancel(self, claims: Sequence[Claim]) -> None:
        """Cancel runs now: the step that they are in may take long."""
        if claims:
            # First, so that the training cannot find the run lost without knowing why.
            self._recorder.cancelled_meanwhile(claims)
            with self._sessions() as session:
                endings.confirm_cancels(session, claims)

    def _give_up(self, claims: Sequence[Claim]) -> None:
        """Give back the runs of a training that counts as hanging."""
        seconds = self._settings.step_seconds
        reason = f"One step of the training took longer than {seconds:g} s (ACTINIUM_STEP_SECONDS)."
        _log.error("The training hangs", reason=reason, runs=len(claims))
        if claims:
            with self._sessions() as session:
                endings.fail_attempts(session, claims, reason, self._settings)
        self._end_process()

    def _leave_useless(self) -> None:
        now = time.monotonic()
        if self._useless_since is None:
            self._useless_since = now
        elif now - self._useless_since > _USELESS_SECONDS:
            _log.warning("Ends a step that trains no run any more")
            self._end_process()

    def _end_process(self) -> None:
        self._ended.set()
        if self._abandon is not None:
            self._abandon()
