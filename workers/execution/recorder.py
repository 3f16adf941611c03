"""Recorder: writes what the runs of a job reach to Postgres, and learns which have to end.

A run that trains alone is a pack of one. Each write is answered with the runs that were cancelled
or are no longer this worker's. Those runs leave the job (``Recorder.leaving``); where none is left,
or the worker has to stop, the recorder raises and the training unwinds.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session, sessionmaker

from service.histories import layer_statistics
from service.histories.diagnoses import Insight
from service.histories.layer_statistics import ObservedEpoch
from service.runs import endings, leases, recording
from service.runs.fencing import Claim, RunsToLeave
from service.runs.recording import EpochRecord
from service.settings import Settings
from service.statuses import AttemptOutcome
from service.tracing import span
from workers.execution.group_commit import CommitGroup
from workers.execution.job_clock import JobClock
from workers.execution.transactions import RepeatedTransactions

#: Share of a stopping worker's time that it may spend waiting for Postgres.
_PATIENCE_SHARE = 0.5

_log = structlog.get_logger(__name__)


class NoneLeftError(Exception):
    """No run is left to train: each was cancelled, or is no longer this worker's."""


class WorkerStoppingError(Exception):
    """The worker has to stop."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: the epoch it is in, and the fraction of that epoch which is done."""

    epoch: int
    fraction: float


#: Where every run is before its first step.
AT_START = Progress(1, 0.0)


class Recorder:
    """Records claimed runs by their ids, in one short transaction per call.

    Short epochs share a transaction (``execution.group_commit``). They wait only while the training
    goes on: a pulse, and anything that ends the training, records them.

    An outage of Postgres stops a training only where there is something to record; the epoch is
    recorded when Postgres is back. If another worker has claimed the run by then, the first write
    reports it.

    ``pulse``, ``record_starts`` and ``record_epochs`` raise ``NoneLeftError`` or
    ``WorkerStoppingError`` where the training has to end.

    Attributes:
        outcomes: how the runs that this recorder is done with ended, by their ids.
        clock: of the job, which was claimed just before the recorder was made.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        claims: Sequence[Claim],
        settings: Settings,
        stopping: Callable[[], bool],
    ) -> None:
        self.clock = JobClock()
        self._claims = {claim.run_id: claim for claim in claims}
        self._settings = settings
        self._stopping = stopping
        patience_seconds = _PATIENCE_SHARE * settings.soft_shutdown_seconds
        self._transactions = RepeatedTransactions(sessions, stopping, patience_seconds)
        self._renewed_at = time.monotonic()  # the leases began with the claims
        self._heard_at = time.monotonic()
        self._progress: dict[uuid.UUID, Progress] = {}
        self._group = CommitGroup()
        self._cancelled_meanwhile: set[uuid.UUID] = set()
        self._leaving: set[uuid.UUID] = set()
        self.outcomes: dict[uuid.UUID, AttemptOutcome] = {}

    def pulse(self, progress: Mapping[uuid.UUID, Progress]) -> None:
        """Record the epochs that wait, renew the leases if that is due, and see who has to end."""
        self._hear(progress)
        self._raise_if_stopping()
        self._record_waiting()
        if time.monotonic() - self._renewed_at < self._settings.renew_seconds:
            return
        # Those that were cancelled during the step too: they are found lost, and leave.
        reached = [
            (claim, progress[run_id].epoch, progress[run_id].fraction)
            for run_id, claim in self._claims.items()
            if run_id in progress
        ]
        answer = self._transactions.try_once(
            lambda session: leases.renew(session, reached, self._settings)
        )
        # Leases may expire during an outage; the next successful renewal reports it.
        if answer is not None:
            self._obey(answer)
        self._renewed_at = time.monotonic()

    @property
    def silent_seconds(self) -> float:
        """Return how long ago the training was heard of; 0 while it waits for Postgres.

        May be read in another thread, as ``reached`` may.
        """
        return 0.0 if self._transactions.busy else time.monotonic() - self._heard_at

    def reached(self) -> list[tuple[Claim, int, float]]:
        """Return the claims, each with the epoch it is in and the fraction of it that is done.

        Runs that were cancelled during a step (``cancelled_meanwhile``) are left out.
        """
        known = ((claim, self._progress.get(claim.run_id, AT_START)) for claim in self._present())
        return [(claim, progress.epoch, progress.fraction) for claim, progress in known]

    def cancelled_meanwhile(self, claims: Sequence[Claim]) -> None:
        """Note that runs were cancelled during a step; they leave the job after it."""
        self._cancelled_meanwhile.update(claim.run_id for claim in claims)

    def record_starts(self, insights: Mapping[uuid.UUID, Insight]) -> None:
        """Store the initial layer statistics, except for runs that are being retrained."""
        self._hear({})
        starts = [
            (claim, insights[run_id])
            for run_id, claim in self._claims.items()
            if run_id in insights and not claim.recorded_epochs
        ]
        if not starts:
            self.pulse(dict.fromkeys(insights, AT_START))
            return
        answer = self._transactions.repeat(
            lambda session: recording.record_starts(session, starts, self._settings)
        )
        self._renewed_at = time.monotonic()
        self._obey(answer)
        self._raise_if_stopping()

    def record_epochs(self, records: Sequence[EpochRecord], *, checkpointed: bool = False) -> None:
        """Store an epoch of some runs, now or together with those that follow shortly.

        Epochs that an earlier attempt has stored are not stored again.

        Args:
            records: at most one of each run.
            checkpointed: a checkpoint was saved at the end of one of these epochs. It is usable
                once its epoch is stored, so the epochs are stored now.
        """
        self.clock.epoch_ended(record.metrics["epoch_seconds"] for record in records)
        self._hear({record.claim.run_id: Progress(record.epoch, 1.0) for record in records})
        records = [record for record in records if record.claim.run_id in self._claims]
        new = [record for record in records if record.epoch > record.claim.recorded_epochs]
        if new:
            self._group.add(new)
            if self._group.due or checkpointed:
                self._record_waiting()
        self.clock.epoch_recorded()
        if len(new) < len(records):
            self.pulse({record.claim.run_id: Progress(record.epoch, 1.0) for record in records})
        elif self._claims:
            self._raise_if_stopping()

    def recorded_before(self, run_id: uuid.UUID, epoch: int) -> list[ObservedEpoch]:
        """Return what is stored of a run's epochs before one."""
        return self._transactions.repeat(
            lambda session: layer_statistics.read_observed_epochs(session, run_id, before=epoch)
        )

    def leaving(self) -> set[uuid.UUID]:
        """Return the runs that have to leave the job since the last call."""
        leaving, self._leaving = self._leaving, set()
        return leaving

    def finish(self) -> None:
        """End the runs that had no epoch to record."""
        self._end(endings.finish, AttemptOutcome.COMPLETED)

    def release(self, reason: str) -> None:
        """Give the runs back for other workers."""
        self._end(
            lambda session, claims: endings.release(session, claims, reason, self._settings),
            AttemptOutcome.RELEASED,
        )

    def fail(self, reason: str, *, final: bool = False) -> None:
        """Record that this attempt failed through a fault of ours; ``final``: any other would."""
        end = endings.fail_for_good if final else endings.fail_attempts
        self._end(
            lambda session, claims: end(session, claims, reason, self._settings),
            AttemptOutcome.ERROR,
        )

    def fail_training(self, reason: str, *, out_of_memory: bool = False) -> None:
        """Record that the training failed, as ``fail``; but of several runs none is known to blame.

        Each of them is queued again to be trained alone, and has used up no attempt.

        Args:
            reason: what is recorded.
            out_of_memory: the memory was too small. A run alone is then not tried again.
        """
        if len(self._claims) < 2:
            end = endings.fail_for_good if out_of_memory else endings.fail_attempts
            self._end(
                lambda session, claims: end(session, claims, reason, self._settings),
                AttemptOutcome.ERROR,
            )
            return
        reason = f"The training of {len(self._claims)} runs side by side failed: {reason}"
        self._end(
            lambda session, claims: endings.separate(session, claims, reason, self._settings),
            AttemptOutcome.RELEASED,
        )

    def _record_waiting(self) -> None:
        """Record the epochs that wait, if any, and obey the answer.

        Recording is idempotent, so that ``RepeatedTransactions`` may try it once more.

        Raises:
            NoneLeftError: as ``_obey``.
        """
        records = self._group.take()
        if not records:
            return
        run_ids = sorted({str(record.claim.run_id) for record in records})
        with span(
            "actinium.record_epochs",
            {"actinium.epochs": len(records), "actinium.run_ids": run_ids},
        ):
            answer = self._transactions.repeat(
                lambda session: recording.record_epochs(session, records, self._settings)
            )
        self._group.recorded()
        if self._claims.keys() <= {record.claim.run_id for record in records}:
            self._renewed_at = time.monotonic()  # recording renews the lease of each run
        for record in records:
            run_id = record.claim.run_id
            if record.ending is not None and run_id not in answer.lost and run_id in self._claims:
                self._let_go(run_id, AttemptOutcome(record.ending))
        self._obey(answer)

    def _obey(self, answer: RunsToLeave) -> None:
        """Let go of the runs that are another worker's by now or have to be cancelled.

        Raises:
            NoneLeftError: no run is left, and one of these would have trained on.
        """
        cancelled = self._claimed(answer.cancelled)
        lost_ids = answer.lost
        if cancelled:
            confirmed = self._transactions.repeat(
                lambda session: endings.confirm_cancels(session, cancelled)
            )
            lost_ids |= confirmed.lost
        lost = self._claimed(lost_ids)
        self._leaving.update(claim.run_id for claim in (*cancelled, *lost))
        for claim in lost:
            self._let_go(claim.run_id, self._outcome_of_lost(claim))
        for claim in self._claimed(answer.cancelled):
            self._let_go(claim.run_id, AttemptOutcome.CANCELLED)
        others = sum(claim.run_id not in self._cancelled_meanwhile for claim in lost)
        if others:
            _log.warning("Left runs that are no longer this worker's", runs=others)
        if (cancelled or lost) and not self._claims:
            raise NoneLeftError

    def _end(
        self, end: Callable[[Session, Sequence[Claim]], RunsToLeave], outcome: AttemptOutcome
    ) -> None:
        with suppress(NoneLeftError):
            self._record_waiting()
        claims = list(self._claims.values())
        if not claims:
            return
        answer = self._transactions.repeat(lambda session: end(session, claims))
        for claim in claims:
            lost = claim.run_id in answer.lost
            self._let_go(claim.run_id, self._outcome_of_lost(claim) if lost else outcome)

    def _let_go(self, run_id: uuid.UUID, outcome: AttemptOutcome) -> None:
        del self._claims[run_id]
        self.outcomes[run_id] = outcome

    def _outcome_of_lost(self, claim: Claim) -> AttemptOutcome:
        meanwhile = claim.run_id in self._cancelled_meanwhile
        return AttemptOutcome.CANCELLED if meanwhile else AttemptOutcome.LOST

    def _hear(self, progress: Mapping[uuid.UUID, Progress]) -> None:
        self._heard_at = time.monotonic()
        self._progress.update(progress)

    def _present(self) -> list[Claim]:
        """Return the claims whose runs were not cancelled during a step; one copy, atomically."""
        claims = list(self._claims.values())
        return [claim for claim in claims if claim.run_id not in self._cancelled_meanwhile]

    def _claimed(self, run_ids: Collection[uuid.UUID]) -> list[Claim]:
        return [claim for run_id, claim in self._claims.items() if run_id in run_ids]

    def _raise_if_stopping(self) -> None:
        if self._stopping():
            self._record_waiting()  # a stopping worker's checkpoints need these epochs recorded
            raise WorkerStoppingError
