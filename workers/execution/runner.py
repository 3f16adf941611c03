"""Runner: takes waiting runs and sees each to its ending, whichever that is.

Plain functions that tests call with sessions of their own; Celery only wakes
``train_waiting_runs``. A run goes from here through the training loop, which consumes the training,
to the recorder.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import structlog
import torch
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from torch import Tensor

from service.database.outages import is_outage
from service.events.origins import read_origins
from service.runs.claims import claim
from service.runs.fencing import Claim
from service.runs.paces import record_job
from service.settings import Settings
from service.specs.spec import RunConfig
from service.statuses import AttemptOutcome
from service.tracing import provider, span
from workers.datasets.dataset import Dataset, UnobtainableDatasetError
from workers.datasets.loading import load
from workers.execution.background import wait_for
from workers.execution.lease_keeper import LeaseKeeper
from workers.execution.network_tasks import do_waiting_tasks
from workers.execution.recorder import AT_START, NoneLeftError, Recorder, WorkerStoppingError
from workers.execution.tickets import TicketError, ticket_weights
from workers.execution.training_loop import TrainingLoop
from workers.execution.uploads import folder_of
from workers.training import devices
from workers.training.jobs import Job, create_job

_LONGEST_REASON = 500

_log = structlog.get_logger(__name__)


def train_waiting_runs(
    sessions: sessionmaker[Session],
    settings: Settings,
    *,
    worker: str,
    device: torch.device,
    stopping: Callable[[], bool],
    memory_bytes: int | None = None,
    abandon: Callable[[], None] | None = None,
) -> None:
    """Train the runs that wait, pack after pack, until none is left or the worker has to stop.

    Before each pack, what is asked of trained networks is done.

    Claiming needs Postgres only, so the queue is worked off while Redis is away.

    Args:
        sessions: makes sessions outside any transaction.
        settings: of the service.
        worker: the worker's name.
        device: where to train.
        stopping: whether the worker has to stop.
        memory_bytes: what the worker has for its runs; it takes those that fit, or any where None.
        abandon: as for ``train_runs``.
    """
    engine = devices.describe(device)
    while not stopping():
        try:
            do_waiting_tasks(sessions, settings, stopping)
            with sessions() as session:
                claims = claim(
                    session,
                    worker=worker,
                    engine=engine,
                    settings=settings,
                    memory_bytes=memory_bytes,
                )
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Postgres is away; the scheduler will ring again")
            return
        if not claims:
            return
        train_runs(
            sessions,
            claims,
            settings,
            worker=worker,
            device=device,
            stopping=stopping,
            abandon=abandon,
        )


def train_runs(
    sessions: sessionmaker[Session],
    claims: Sequence[Claim],
    settings: Settings,
    *,
    worker: str,
    device: torch.device,
    stopping: Callable[[], bool],
    abandon: Callable[[], None] | None = None,
) -> list[AttemptOutcome]:
    """Train claimed runs side by side and record how each ended.

    Args:
        sessions: makes sessions outside any transaction.
        claims: of the runs.
        settings: of the service.
        worker: the worker's name.
        device: where to train.
        stopping: whether the worker has to stop.
        abandon: ends this process during a step that is of no use any more: it hangs, or all its
            runs were cancelled. None: the step goes on.

    Returns:
        For each claim ``completed`` or ``diverged``; ``cancelled`` by the user; ``released``: given
        back by a stopping worker; ``error``: our failure, recorded with its reason; ``lost``: the
        run is another worker's by now, or could not be given back in time, and nothing was
        written.
    """
    recorder = Recorder(sessions, claims, settings, stopping)
    with structlog.contextvars.bound_contextvars(**_log_context(claims)):
        _log.info("Training")
        try:
            with (
                _traced(sessions, claims, worker),
                LeaseKeeper(sessions, recorder, settings, abandon),
            ):
                _train_and_end(claims, settings, recorder, worker, device)
            _note_times(sessions, claims, recorder)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("Stopped while Postgres is away; the runs go on when their leases expire")
        outcomes = [recorder.outcomes.get(claim.run_id, AttemptOutcome.LOST) for claim in claims]
        counts = {str(outcome): outcomes.count(outcome) for outcome in set(outcomes)}
        _log.info("Ended", outcomes=counts)
        return outcomes


def _traced(
    sessions: sessionmaker[Session], claims: Sequence[Claim], worker: str
) -> AbstractContextManager[object]:
    """Return the span of a training: a part of the request that submitted its first run."""
    if provider() is None:
        return nullcontext()
    experiment_ids = list(dict.fromkeys(claim.experiment_id for claim in claims))
    with sessions() as session:
        origins = read_origins(session, experiment_ids)
    attributes = {
        "actinium.worker": worker,
        "actinium.experiment_ids": [str(experiment_id) for experiment_id in experiment_ids],
        "actinium.run_ids": [str(claim.run_id) for claim in claims],
    }
    return span("actinium.train", attributes, origins)


def _note_times(
    sessions: sessionmaker[Session], claims: Sequence[Claim], recorder: Recorder
) -> None:
    """Note what the job took, where all its runs were trained from their first epoch to the end."""
    ended = {recorder.outcomes.get(claim.run_id) for claim in claims}
    from_start = not any(claim.recorded_epochs for claim in claims)
    if from_start and ended <= {AttemptOutcome.COMPLETED, AttemptOutcome.DIVERGED}:
        with sessions() as session:
            record_job(session, claims, recorder.clock.times())


def _log_context(claims: Sequence[Claim]) -> dict[str, object]:
    """Return what every log line about some runs names."""
    first = claims[0]
    if len(claims) == 1:
        return {"run_id": str(first.run_id), "attempt": first.attempt}
    return {"pack": str(first.run_id), "runs": len(claims)}


def _train_and_end(
    claims: Sequence[Claim],
    settings: Settings,
    recorder: Recorder,
    worker: str,
    device: torch.device,
) -> None:
    training = False
    try:
        configs = [RunConfig.model_validate(claim.config) for claim in claims]
        data = _load(claims, configs, settings, recorder)
        final = _ticket_weights(claims, configs, settings, recorder)
        training = True
        job = _job(claims, configs, data, final, device)
        TrainingLoop(claims, configs, data, settings=settings, recorder=recorder, job=job).train()
        recorder.finish()
    except NoneLeftError:
        return
    except WorkerStoppingError:
        recorder.release(f"Worker {worker} was stopped.")
    except Exception as error:
        if isinstance(error, DBAPIError) and is_outage(error):
            raise
        _log.exception("The attempt failed")
        out_of_memory = devices.is_out_of_memory(error)
        if training or out_of_memory:
            recorder.fail_training(_reason(error), out_of_memory=out_of_memory)
        elif isinstance(error, UnobtainableDatasetError | TicketError):
            recorder.fail(str(error), final=True)
        else:
            recorder.fail(_reason(error))


def _load(
    claims: Sequence[Claim], configs: Sequence[RunConfig], settings: Settings, recorder: Recorder
) -> Dataset:
    """Return the data set of the runs; their leases are renewed meanwhile."""
    at_start = {claim.run_id: AT_START for claim in claims}
    data = wait_for(
        lambda: load(configs[0].dataset, folder_of(configs[0].dataset, settings)),
        lambda: recorder.pulse(at_start),
    )
    recorder.pulse(at_start)  # loading may have taken a good part of the leases
    return data


def _ticket_weights(
    claims: Sequence[Claim], configs: Sequence[RunConfig], settings: Settings, recorder: Recorder
) -> dict[str, Tensor] | None:
    """Return the weights that a ticket is made of; None without one. A run with one is alone."""
    ticket = configs[0].ticket
    if ticket is None:
        return None
    at_start = {claim.run_id: AT_START for claim in claims}
    return wait_for(
        lambda: ticket_weights(ticket, settings),
        lambda: recorder.pulse(at_start),
    )


def _job(
    claims: Sequence[Claim],
    configs: Sequence[RunConfig],
    data: Dataset,
    final: Mapping[str, Tensor] | None,
    device: torch.device,
) -> Job:
    """Return the training of the runs, with the device prepared for it."""
    devices.prepare(device, claims[0].engine["threads"], configs[0].precision.name)
    runs = [(config, claim.seed) for config, claim in zip(configs, claims, strict=True)]
    return create_job(claims[0].form, runs, data, device, final)


def _reason(error: Exception) -> str:
    """Return an error as one line for the run's record; the log has all of it."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."
