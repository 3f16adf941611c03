"""The use-case that gives back the runs of a worker's process that died, at once.

A run that was killed for want of memory while it trained alone would only be killed again, so it
has failed. Of a pack it is not known which run needed the memory: each is tried alone.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.runs.transitions import take_back
from service.settings import Settings
from service.specs.memory import gigabytes
from service.statuses import AttemptOutcome, RunStatus


def give_back_of_dead(
    session: Session,
    worker: str,
    *,
    cause: str,
    memory_bytes: int,
    out_of_memory: bool,
    settings: Settings,
) -> int:
    """Give back the runs that a worker's process trained when it died.

    Args:
        session: a session outside any transaction.
        worker: the worker's name; none of its processes trains any more.
        cause: what ended the process: "signal 9 (SIGKILL)".
        memory_bytes: what the worker has for its runs.
        out_of_memory: whether the process was killed because memory ran out.
        settings: give the pause before another attempt.

    Returns:
        How many runs they were.
    """
    with session.begin():
        runs = session.scalars(
            select(Run)
            .where(Run.worker == worker, Run.status == RunStatus.RUNNING)
            .order_by(Run.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        if not runs:
            return 0
        if not out_of_memory:
            reason = f"The worker's process ended by {cause} while it trained this run."
            take_back(session, runs, AttemptOutcome.LOST, reason, settings)
        elif len(runs) > 1:
            reason = (
                f"The worker's process was killed by {cause} while it trained {len(runs)} runs "
                "side by side: the memory ran out. Each is trained alone now."
            )
            for run in runs:
                run.alone = True
            take_back(session, runs, AttemptOutcome.RELEASED, reason, settings)
        else:
            reason = (
                f"The worker's process was killed by {cause} while it trained this run: the memory "
                f"ran out. {_estimated(runs[0], memory_bytes)}"
            )
            take_back(session, runs, AttemptOutcome.ERROR, reason, settings, final=True)
    return len(runs)


def _estimated(run: Run, memory_bytes: int) -> str:
    return (
        f"It was estimated to need {gigabytes(run.memory_bytes)} of the {gigabytes(memory_bytes)} "
        "that the worker has. Choose a smaller batch_size, model or dataset, or start a worker "
        "with more memory."
    )
