"""What all processes of a deployment share, as a scrape of metrics reads it from the database.

That of the queue reads the waiting runs, that of the statuses an index over all runs; the other
statements read some rows each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Row, case, func, literal, select
from sqlalchemy.orm import Session

from service.database.tables import Run, Worker
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.operations.caller_names import CallerNames
from service.runs.capacity import seen_lately
from service.runs.doorbell import DEVICES
from service.settings import Settings
from service.statuses import DeliveryStatus, RunStatus
from service.webhooks.results import read_results

#: Devices that a run can ask for.
REQUESTS = ("auto", *DEVICES)

#: States of a webhook: its receiver takes messages, it refuses them, it is sent none any more.
WEBHOOK_STATES = ("working", "failing", "disabled")

#: Workers that a metric names; what the others have is told as that of ``OTHER_WORKERS``.
MOST_WORKERS = 100
OTHER_WORKERS = "other"

#: States of a message that was not delivered: not tried yet, or tried in vain and tried again.
MESSAGE_STATES = ("pending", "failing")

#: Counting such messages stops here.
MOST_MESSAGES = 10_000

#: More than any run needs.
_UNLIMITED = 2**62

#: Name, device, memory, resident bytes and processor seconds of a worker; device, caller, runs,
#: blocked ones and seconds of a wait.
_Worker = Row[str, str, int | None, int | None, float | None]
_Waiting = Row[str, str, int, int, int]


@dataclass(frozen=True)
class SharedState:
    """Runs, queue, workers and webhooks at one moment.

    Attributes:
        runs: how many there are of each status.
        queue: how many wait, by the device that they ask for.
        blocked: those of them that no worker seen lately can take.
        oldest_wait_seconds: by caller, since when the longest waiting run that has not begun waits.
        workers: how many were seen lately, by device.
        worker_memory_bytes: what each has for its runs, by device and name.
        worker_resident_bytes: what its processes hold, likewise.
        worker_processor_seconds: the processor time that they have taken since the worker's start,
            of all workers by device and their own names.
        webhooks: how many there are in each state.
        messages: how many messages of webhooks were not delivered yet, by state.
        deliveries: how many had each result since the service was set up.
    """

    runs: Mapping[str, int]
    queue: Mapping[str, int]
    blocked: Mapping[str, int]
    oldest_wait_seconds: Mapping[str, float]
    workers: Mapping[str, int]
    worker_memory_bytes: Mapping[tuple[str, str], int]
    worker_resident_bytes: Mapping[tuple[str, str], int]
    worker_processor_seconds: Mapping[tuple[str, str], float]
    webhooks: Mapping[str, int]
    messages: Mapping[str, int]
    deliveries: Mapping[str, int]


def read_shared_state(session: Session, settings: Settings, names: CallerNames) -> SharedState:
    """Return what all processes share; inside a transaction.

    Args:
        session: inside a transaction.
        settings: say how long a worker counts as seen.
        names: the callers that get a name.
    """
    workers = session.execute(
        select(
            Worker.name,
            Worker.device,
            Worker.memory_bytes,
            Worker.resident_bytes,
            Worker.processor_seconds,
        )
        .where(seen_lately(settings))
        .order_by(Worker.name)
    ).all()
    queued = _read_queue(session, workers)
    webhooks = session.execute(select(Webhook.disabled_at, Webhook.failing_since)).all()
    states = [_webhook_state(row) for row in webhooks]
    return SharedState(
        runs=dict.fromkeys(RunStatus, 0) | _count_statuses(session),
        queue={device: _sum(queued, device, "runs") for device in REQUESTS},
        blocked={device: _sum(queued, device, "blocked") for device in REQUESTS},
        oldest_wait_seconds=_oldest_waits(queued, names),
        workers={device: sum(worker.device == device for worker in workers) for device in DEVICES},
        worker_memory_bytes=_largest_by_worker(workers, "memory_bytes"),
        worker_resident_bytes=_largest_by_worker(workers, "resident_bytes"),
        worker_processor_seconds={
            (worker.device, worker.name): worker.processor_seconds
            for worker in workers
            if worker.processor_seconds is not None
        },
        webhooks={state: states.count(state) for state in WEBHOOK_STATES},
        messages=_count_messages(session),
        deliveries=read_results(session),
    )


def _count_statuses(session: Session) -> dict[str, int]:
    return dict(session.execute(select(Run.status, func.count()).group_by(Run.status)).all())


def _read_queue(session: Session, workers: Sequence[_Worker]) -> Sequence[_Waiting]:
    """Return the waiting runs by requested device and caller: how many, how long, how many blocked.

    A run is blocked where it needs more memory than any worker has that may take it.
    """
    fits = case(
        *((Run.device_request == device, _largest(workers, device)) for device in DEVICES),
        else_=_largest(workers, "auto"),
    )
    waiting_since = func.min(Run.created_at).filter(Run.attempt == 0)
    return session.execute(
        select(
            Run.device_request,
            Run.caller,
            func.count().label("runs"),
            func.count().filter(Run.memory_bytes > fits).label("blocked"),
            func.extract("epoch", func.now() - waiting_since).label("seconds"),
        )
        .where(Run.status == RunStatus.QUEUED)
        .group_by(Run.device_request, Run.caller)
    ).all()


def _largest(workers: Sequence[_Worker], request: str) -> object:
    """Return what the largest worker has that takes such runs, as SQL; -1 where there is none."""
    sizes = [
        _UNLIMITED if worker.memory_bytes is None else worker.memory_bytes
        for worker in workers
        if request in ("auto", worker.device)
    ]
    return literal(max(sizes, default=-1), BigInteger)


def _sum(queued: Sequence[_Waiting], device: str, column: str) -> int:
    return sum(getattr(row, column) for row in queued if row.device_request == device)


def _oldest_waits(queued: Sequence[_Waiting], names: CallerNames) -> dict[str, float]:
    waits = dict.fromkeys(names.all, 0.0)
    for row in queued:
        name = names.of(row.caller)
        waits[name] = max(waits[name], float(row.seconds or 0))
    return waits


def _largest_by_worker(workers: Sequence[_Worker], column: str) -> dict[tuple[str, str], int]:
    """Return a size by device and name; of workers that get no name the largest."""
    sizes: dict[tuple[str, str], int] = {}
    for number, worker in enumerate(workers):
        size = getattr(worker, column)
        if size is not None:
            key = (worker.device, worker.name if number < MOST_WORKERS else OTHER_WORKERS)
            sizes[key] = max(sizes.get(key, 0), size)
    return sizes


def _webhook_state(webhook: Row[datetime | None, datetime | None]) -> str:
    if webhook.disabled_at is not None:
        return "disabled"
    return "working" if webhook.failing_since is None else "failing"


def _count_messages(session: Session) -> dict[str, int]:
    """Return how many messages are not delivered yet, by state; no more than ``MOST_MESSAGES``."""
    state = case((WebhookDelivery.failures > 0, "failing"), else_="pending").label("state")
    some = (
        select(state)
        .where(WebhookDelivery.status == DeliveryStatus.PENDING)
        .limit(MOST_MESSAGES)
        .subquery()
    )
    counted = select(some.c.state, func.count()).group_by(some.c.state)
    return dict.fromkeys(MESSAGE_STATES, 0) | dict(session.execute(counted).all())
