"""By how much totals grew since they were last looked at."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Growth(Generic[K]):
    """Remembers totals that somebody else keeps."""

    def __init__(self) -> None:
        self._before: Mapping[K, float] | None = None

    def grow(self, totals: Mapping[K, float]) -> dict[K, float]:
        """Return by how much each total is larger than at the call before, 0 at the first.

        A total that is new, or smaller than before, began anew: all of it counts.
        """
        before, self._before = self._before, dict(totals)
        if before is None:
            return dict.fromkeys(totals, 0.0)
        return {
            key: total - before[key] if before.get(key, total + 1) <= total else total
            for key, total in totals.items()
        }
