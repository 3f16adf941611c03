"""A process that compares, draws and searches for the API.

It is forked from a server process that has imported this module, and with it what takes seconds to
import. So it starts in milliseconds, and one that is ended in the middle of its work costs little.
"""

import gc
import pkgutil
import resource
import signal
import traceback
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

import service.api.computing.tasks
import service.comparison.ranking
import service.figures.sources.comparison
import service.figures.sources.films
import service.figures.sources.heatmap
import service.figures.sources.layers
import service.figures.sources.learning_curves
import service.figures.sources.outputs
import service.figures.sources.tuning
import service.presets.checking  # noqa: F401 - imported before the fork, used by name
from service.database.engine import create_database_engine, reading_factory
from service.settings import Settings

#: A process without work ends after this long, so that its memory comes back.
_IDLE_SECONDS = 30.0
#: A process that has needed more memory than this, in KiB, ends after its work.
_MOST_KIBIBYTES = 400 * 1024

#: An outcome: whether it is a result, then the result; or an error's type, arguments and members.
Outcome = tuple[bool, Any]


def serve(connection: Connection, settings: Settings) -> None:
    """Do one task after another until none comes, or the API is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the API, which ends its processes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    engine = create_database_engine(
        settings, pool_size=1, statement_seconds=settings.statement_seconds
    )
    sessions = reading_factory(engine)
    # Looking for cycles while objects are made is a third of a comparison's time.
    gc.freeze()
    gc.disable()
    try:
        while connection.poll(_IDLE_SECONDS):
            name, arguments, options = connection.recv()
            outcome = _outcome(sessions, name, arguments, options)
            try:
                connection.send(outcome)
            except OSError:
                raise
            except Exception as error:
                connection.send((False, (RuntimeError, (f"Not sent: {error!r}",), {})))
            gc.collect()
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > _MOST_KIBIBYTES:
                return
    except (EOFError, OSError):
        return  # nobody waits any more


def _outcome(
    sessions: sessionmaker[Session], name: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Outcome:
    try:
        with sessions() as session:
            return True, pkgutil.resolve_name(name)(session, *arguments, **options)
    except Exception as error:
        if (cause := traceback.format_exc()) and not hasattr(error, "status"):
            error.add_note(f"In a computing process:\n{cause}")
        return False, (type(error), error.args, error.__dict__)
