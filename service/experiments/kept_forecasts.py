"""Kept forecasts: where the queue is long, simulating it once answers everybody for a moment."""

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy.orm import Session

from service.experiments.forecast import NO_FORECAST, Forecast, forecasts
from service.settings import Settings

#: What takes less processor time is made anew each time: 100 waiting runs or so.
_QUICK_SECONDS = 0.02
#: Other forecasts are kept so many times as long as they took: a tenth of a processor, at most.
_TIMES_AS_LONG = 10.0
#: Nothing is kept longer than this.
_LONGEST_SECONDS = 2.0


def seconds_to_keep(took: float) -> float:
    """Return how long forecasts are kept that took so many seconds of a processor."""
    return 0.0 if took < _QUICK_SECONDS else min(_LONGEST_SECONDS, _TIMES_AS_LONG * took)


@dataclass(frozen=True)
class _KeptUntil:
    forecasts: Mapping[uuid.UUID, Forecast]
    until: float


_NOTHING = _KeptUntil({}, 0.0)


class KeptForecasts:
    """The forecasts of unfinished experiments, for the threads of a process.

    Where the queue is so long that forecasts are kept, one thread makes them and the others wait
    for it. There is one set of them, with an entry per unfinished experiment.
    """

    def __init__(
        self, settings: Settings, seconds_to_keep: Callable[[float], float] = seconds_to_keep
    ) -> None:
        """Keep nothing yet.

        Args:
            settings: say how long a worker counts as seen, and how large packs are.
            seconds_to_keep: how long forecasts are kept that took so many seconds of a processor.
        """
        self._settings = settings
        self._seconds_to_keep = seconds_to_keep
        self._making = Lock()
        self._kept = _NOTHING
        self._slow = False

    def of(self, session: Session, wanted: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Forecast]:
        """Return forecasts of all unfinished experiments, among them those wanted.

        Args:
            session: outside any transaction, so that whoever waits here keeps no connection.
            wanted: experiments; one that was submitted since is never answered from what is kept.
        """
        if not self._slow:
            return self._make(session, wanted)
        if (found := self._still_kept(wanted)) is not None:
            return found
        with self._making:
            if (found := self._still_kept(wanted)) is not None:
                return found
            return self._make(session, wanted)

    def forget(self) -> None:
        """Make them anew next time: somebody has cancelled or queued runs."""
        self._kept = _NOTHING

    def _still_kept(self, wanted: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Forecast] | None:
        kept = self._kept
        fresh = time.monotonic() < kept.until and kept.forecasts.keys() >= set(wanted)
        return kept.forecasts if fresh else None

    def _make(
        self, session: Session, wanted: Collection[uuid.UUID]
    ) -> Mapping[uuid.UUID, Forecast]:
        began = time.thread_time()
        with session.begin():
            made = forecasts(session, self._settings)
        # Those whose last run ended in between have none.
        found = dict.fromkeys(wanted, NO_FORECAST) | made
        seconds = self._seconds_to_keep(time.thread_time() - began)
        self._slow = seconds > 0
        self._kept = _KeptUntil(found, time.monotonic() + seconds)
        return found
