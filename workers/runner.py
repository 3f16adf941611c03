"""Runs in a worker's hands: from a claim to its ending, whichever it is.

Plain functions that tests call with sessions of their own; Celery only wakes ``work``.
"""

from collections.abc import Callable

import structlog
import torch
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service import runs
from service.config import Settings
from service.outages import is_outage
from service.spec import RunConfig
from service.storage import open_storage
from workers import datasets
from workers.background import wait_for
from workers.checkpoints import Checkpoints, Owner
from workers.observer import Observer
from workers.recorder import DatabaseRecorder, Recorder, RunCancelledError, WorkerStoppingError
from workers.training import devices
from workers.training.results import Pulse, Start
from workers.training.trainer import Training

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
    """Train waiting runs one after the other until none is left, or until told to stop.

    Taking the next run needs Postgres only, so a queue is worked off while Redis is away.
    """
    devices.prepare(device, settings.training_threads)
    engine = devices.describe(device)
    while not stopping():
        try:
            with sessions() as session:
                held = runs.claim(session, worker=worker, engine=engine, settings=settings)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Postgres is away; the scheduler will ring again")
            return
        if held is None:
            return
        train_run(sessions, held, settings, worker=worker, device=device, stopping=stopping)


def train_run(
    sessions: sessionmaker[Session],
    held: runs.Claim,
    settings: Settings,
    *,
    worker: str,
    device: torch.device,
    stopping: Callable[[], bool],
) -> str:
    """Train a claimed run and write down how that ended.

    Returns:
        ``completed`` or ``diverged``; ``cancelled`` by the user; ``released``: given back by a
        stopping worker; ``error``: our failure, written down with its reason; ``lost``: the run
        is another's by now, or could not be given back in time, and nothing was written.
    """
    recorder = DatabaseRecorder(sessions, held, settings, stopping)
    with structlog.contextvars.bound_contextvars(run_id=str(held.run_id), attempt=held.attempt):
        _log.info("Training", epochs=held.epochs, recorded=held.recorded_epochs, seed=held.seed)
        try:
            outcome = _outcome(held, settings, recorder, worker, device)
        except runs.LeaseLostError as lost:
            _log.warning("Left a run that is no longer this worker's", reason=str(lost))
            return "lost"
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Stopped while Postgres is away; the run is found by its lease")
            return "lost"
        _log.info("Trained" if outcome in {"completed", "diverged"} else "Ended", outcome=outcome)
        return outcome


def _outcome(
    held: runs.Claim,
    settings: Settings,
    recorder: DatabaseRecorder,
    worker: str,
    device: torch.device,
) -> str:
    try:
        ending = _train(held, settings, recorder, device)
    except RunCancelledError:
        recorder.confirm_cancel()
        return "cancelled"
    except WorkerStoppingError:
        recorder.release(f"Worker {worker} was stopped.")
        return "released"
    except runs.LeaseLostError:
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and is_outage(error):
            raise
        _log.exception("The attempt failed")
        recorder.fail(_reason(error))
        return "error"
    if ending is None:
        recorder.finish()
    return ending or "completed"


def _train(
    held: runs.Claim, settings: Settings, recorder: Recorder, device: torch.device
) -> str | None:
    """Train and record; return how the last epoch ended the run, or None if none did."""
    config = RunConfig.model_validate(held.config)
    last = Pulse(1, 0.0)

    def beat() -> None:
        recorder.pulse(last.epoch, last.fraction)

    data = wait_for(lambda: datasets.load(config.dataset, settings.data_dir), beat)
    beat()  # loading may have taken a good part of the lease
    devices.prepare(device, held.engine["threads"])
    training = Training(config, held.seed, data, device)
    owner = Owner(held.run_id, held.attempt, config, held.seed, held.engine)
    checkpoints = Checkpoints(open_storage(settings), owner, settings, beat)
    checkpoints.keep_weights(training, "initial")
    observer = Observer(held.epochs)
    if checkpoints.resume(training, held.recorded_epochs):
        observer.recall(recorder.past(training.epoch))
    ending = None
    try:
        for result in training.run():
            if isinstance(result, Pulse):
                last = result
                beat()
                checkpoints.within_epoch(training)
                continue
            if isinstance(result, Start):
                recorder.start(observer.start(result))
                continue
            if result.diverged:
                ending = "diverged"
            elif result.epoch == held.epochs:
                ending = "completed"
            if ending is None:
                checkpoints.after_epoch(training)
            else:
                checkpoints.keep_weights(training, "final")
            recorder.epoch(result.epoch, result.metrics, ending, observer.epoch(result))
    except WorkerStoppingError:
        checkpoints.before_leaving(training)
        raise
    checkpoints.forget()
    return ending


def _reason(error: Exception) -> str:
    """Put an error into one line for the run's record; the log has the whole of it."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."
