"""Lost children: a child that dies while it trains is seen at once by its parent.

The parent gives the runs back, so that they need not wait for the end of their leases. Whether the
kernel killed the child because memory ran out is told by its counters of such kills: a run that
trained alone then has failed, for it would only be killed again.
"""

import re
from collections.abc import Callable

import structlog
from sqlalchemy.exc import DBAPIError

from service.database.engine import create_database_engine, session_factory
from service.database.outages import is_outage
from service.runs.deaths import give_back_of_dead
from workers.process.identity import WorkerIdentity
from workers.training.machine_memory import MachineMemory

#: How the exit of a child is told by Celery, "Worker exited prematurely: signal 9 (SIGKILL) ...".
_EXIT = re.compile(r"(?:signal (\d+)(?: \(\w+\))?|exitcode -?\d+)")

_SIGKILL = "9"

_log = structlog.get_logger(__name__)


class LostChildren:
    """What a parent process does when its child has died.

    Args:
        identity: of the worker.
        memory: of the machine.
    """

    def __init__(self, identity: WorkerIdentity, memory: MachineMemory) -> None:
        self._identity = identity
        self._count_kills: Callable[[], int] = memory.kills
        self._kills = memory.kills()

    def begin(self) -> None:
        """Note how many were killed before the child begins with its task."""
        self._kills = self._count_kills()

    def give_back(self, message: str) -> None:
        """Give back the runs that the dead child trained.

        While Postgres is away nothing is done: the runs are taken back when their leases expire.

        Args:
            message: Celery's sentence about the child's end.

        Raises:
            DBAPIError: the database refused the change for another reason.
        """
        found = _EXIT.search(message)
        cause = found[0] if found else "an unknown cause"
        killed = found is not None and found[1] == _SIGKILL
        engine = create_database_engine(self._identity.settings, pool_size=1)
        try:
            with session_factory(engine)() as session:
                runs = give_back_of_dead(
                    session,
                    self._identity.name,
                    cause=cause,
                    memory_bytes=self._identity.memory_bytes,
                    out_of_memory=killed and self._count_kills() > self._kills,
                    settings=self._identity.settings,
                )
        except DBAPIError as error:
            if not is_outage(error):
                raise
            _log.warning("The child died while Postgres is away", cause=cause)
        else:
            _log.warning("The child that trained has died", cause=cause, runs=runs)
        finally:
            engine.dispose()
