"""Runs in a worker's hands: from their claim to their endings, whichever these are.

Plain functions that tests call with sessions of their own; Celery only wakes ``work``.
"""

from collections.abc import Callable, Sequence

import structlog
import torch
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import is_outage
from service.runs.claims import claim
from service.runs.leases import Claim
from service.settings import Settings
from service.specs.spec import RunConfig
from service.statuses import AttemptOutcome, RunStatus
from service.weights.storage import open_storage
from workers import datasets
from workers.execution.background import wait_for
from workers.execution.checkpoints import Checkpoints, Owner, patience
from workers.execution.insights import Observer
from workers.execution.recorder import (
    DatabaseRecorder,
    NoneLeftError,
    Place,
    Recorder,
    Row,
    WorkerStoppingError,
)
from workers.training import devices
from workers.training.jobs import Job, job_of
from workers.training.packed.training import Round
from workers.training.results import EpochResult, Pulse, Start

_LONGEST_REASON = 500

_log = structlog.get_logger(__name__)


def work(
    sessions: sessionmaker[Session],
    settings: Settings,
    *,
    worker: str,
    device: torch.device,
    stopping: Callable[[], bool],
) -> None:
    """Train waiting runs, pack after pack, until none is left or until told to stop.

    Taking the next ones needs Postgres only, so a queue is worked off while Redis is away.
    """
    engine = devices.describe(device)
    while not stopping():
        try:
            with sessions() as session:
                held = claim(session, worker=worker, engine=engine, settings=settings)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Postgres is away; the scheduler will ring again")
            return
        if not held:
            return
        train_runs(sessions, held, settings, worker=worker, device=device, stopping=stopping)


def train_runs(
    sessions: sessionmaker[Session],
    held: Sequence[Claim],
    settings: Settings,
    *,
    worker: str,
    device: torch.device,
    stopping: Callable[[], bool],
) -> list[str]:
    """Train claimed runs side by side and write down how each ended.

    Returns:
        Of each run ``completed`` or ``diverged``; ``cancelled`` by the user; ``released``: given
        back by a stopping worker; ``error``: our failure, written down with its reason;
        ``lost``: the run is another's by now, or could not be given back in time, and nothing
        was written.
    """
    recorder = DatabaseRecorder(sessions, held, settings, stopping)
    with structlog.contextvars.bound_contextvars(**_told(held)):
        _log.info("Training")
        try:
            _train_and_end(held, settings, recorder, worker, device)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Stopped while Postgres is away; the runs are found by their leases")
        outcomes = [
            recorder.outcomes.get(member, AttemptOutcome.LOST) for member in range(len(held))
        ]
        _log.info(
            "Ended", outcomes={str(outcome): outcomes.count(outcome) for outcome in set(outcomes)}
        )
        return outcomes


def _told(held: Sequence[Claim]) -> dict[str, object]:
    """Give what the log says of every line about some runs."""
    first = held[0]
    if len(held) == 1:
        return {"run_id": str(first.run_id), "attempt": first.attempt}
    return {"pack": str(first.run_id), "runs": len(held)}


def _train_and_end(
    held: Sequence[Claim],
    settings: Settings,
    recorder: DatabaseRecorder,
    worker: str,
    device: torch.device,
) -> None:
    try:
        _train(held, settings, recorder, device)
        recorder.finish()
    except NoneLeftError:
        return
    except WorkerStoppingError:
        recorder.release(f"Worker {worker} was stopped.")
    except Exception as error:
        if isinstance(error, DBAPIError) and is_outage(error):
            raise
        _log.exception("The attempt failed")
        recorder.fail(_reason(error))


def _train(
    held: Sequence[Claim], settings: Settings, recorder: Recorder, device: torch.device
) -> None:
    """Train and record, to the end of each run's last epoch."""
    configs = [RunConfig.model_validate(each.config) for each in held]
    at_start = dict.fromkeys(range(len(held)), Place(1, 0.0))
    data = wait_for(
        lambda: datasets.load(configs[0].dataset, settings.data_dir),
        lambda: recorder.pulse(at_start),
    )
    recorder.pulse(at_start)  # loading may have taken a good part of the leases
    devices.prepare(device, held[0].engine["threads"])
    runs = [(config, each.seed) for config, each in zip(configs, held, strict=True)]
    job = job_of(held[0].form, runs, data, device)
    Trainer(held, configs, settings, recorder, job).train()


class Trainer:
    """Runs a job, and keeps the files and the record of each of its members."""

    def __init__(
        self,
        held: Sequence[Claim],
        configs: Sequence[RunConfig],
        settings: Settings,
        recorder: Recorder,
        job: Job,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._job = job
        self._present = set(range(len(held)))
        self._fraction = 0.0
        self._epochs = [each.epochs for each in held]
        self._recorded = [each.recorded_epochs for each in held]
        self._observers = [Observer(each.epochs) for each in held]
        storage = open_storage(settings)
        self._checkpoints = [
            Checkpoints(
                storage,
                Owner(each.run_id, each.attempt, config, each.seed, each.engine),
                settings,
                self._beat,
                members=len(held),
            )
            for each, config in zip(held, configs, strict=True)
        ]

    def train(self) -> None:
        """Train to the end of each member's last epoch."""
        self._begin()
        try:
            for result in self._job.run():
                if isinstance(result, Pulse):
                    self._pulse(result)
                else:
                    self._record(result)
                self._let_leave()
        except WorkerStoppingError:
            until = patience(self._settings)
            for member in sorted(self._present):
                self._checkpoints[member].before_leaving(self._job.members[member], until)
            raise

    def _begin(self) -> None:
        for member, checkpoints in enumerate(self._checkpoints):
            trainee = self._job.members[member]
            checkpoints.keep_weights(trainee, "initial")
            if checkpoints.resume(trainee, self._recorded[member]):
                self._observers[member].recall(self._recorder.past(member, trainee.epoch))
        self._let_leave()

    def _beat(self) -> None:
        self._recorder.pulse(
            {
                member: Place(self._job.members[member].epoch, self._fraction)
                for member in self._present
            }
        )

    def _pulse(self, pulse: Pulse) -> None:
        self._fraction = pulse.fraction
        self._beat()
        for member in sorted(self._present):
            self._checkpoints[member].within_epoch(self._job.members[member])

    def _record(self, results: Round) -> None:
        starts, rows = {}, {}
        for member, result in results.items():
            if isinstance(result, Start):
                starts[member] = self._observers[member].start(result)
            else:
                rows[member] = self._row(member, result)
        if starts:
            self._recorder.starts(starts)
        if rows:
            self._fraction = 0.0
            self._recorder.epochs(rows)
            for member, row in rows.items():
                if row.ending is not None:
                    self._present.discard(member)
                    self._checkpoints[member].forget()

    def _row(self, member: int, result: EpochResult) -> Row:
        """Keep what belongs to an epoch on disk, and give what is to be recorded of it."""
        trainee, checkpoints = self._job.members[member], self._checkpoints[member]
        ending, saved = None, False
        if result.diverged:
            ending = RunStatus.DIVERGED
        elif result.epoch == self._epochs[member]:
            ending = RunStatus.COMPLETED
        if ending is None:
            saved = checkpoints.after_epoch(trainee)
        else:
            checkpoints.keep_weights(trainee, "final")
        insight = self._observers[member].epoch(result)
        return Row(result.epoch, result.metrics, ending, insight, saved)

    def _let_leave(self) -> None:
        for member in self._recorder.leaving() & self._present:
            self._present.discard(member)
            self._job.leave(member)


def _reason(error: Exception) -> str:
    """Put an error into one line for the run's record; the log has the whole of it."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."
