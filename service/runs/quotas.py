"""Quotas: how many runs of one key may wait, and how many may train, at the same time."""

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import InvalidError
from service.settings import Settings
from service.statuses import RunStatus


def check_queued(session: Session, caller: str, added: int, settings: Settings) -> None:
    """Refuse more queued runs of a caller than its quota; inside the transaction that added them.

    Submissions of one caller at the same time may pass together by as many as each adds.

    Args:
        session: inside a transaction.
        caller: whose runs.
        added: how many of them this transaction has added.
        settings: give the quota.

    Raises:
        InvalidError: there are too many; the sentence says how many more may wait.
    """
    waiting = select(func.count()).where(Run.caller == caller, Run.status == RunStatus.QUEUED)
    queued = session.scalars(waiting).one()
    if not added or queued <= settings.max_queued_runs:
        return
    before = queued - added
    left = max(0, settings.max_queued_runs - before)
    raise InvalidError(
        f"{caller} has {before:,} queued runs, and the limit is max_queued_runs = "
        f"{settings.max_queued_runs:,}: {left:,} more can wait, and this would add {added:,}. Wait "
        "until some have been trained, or cancel some."
    )


def room_to_train(session: Session, settings: Settings, most: int) -> Callable[[str], int]:
    """Return how many more runs a caller may train now, up to ``most``; by the caller."""
    quota = settings.max_running_runs
    if quota is None:
        return lambda _: most
    running = select(Run.caller, func.count()).where(Run.status == RunStatus.RUNNING)
    counts = dict(session.execute(running.group_by(Run.caller)).all())
    return lambda caller: min(most, quota - counts.get(caller, 0))
