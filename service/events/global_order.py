"""The events of all experiments in one order, read so that none is missed.

Postgres assigns numbers before transactions commit. Inside an experiment a lock keeps them in order
(``service.events.publishing``). Between two experiments a reader may see a higher number first; had
it gone past the lower number, it would never see that event. So an event is passed on once no lower
number can appear any more.
"""

import asyncio
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from service.events.live_event import LiveEvent, StoredEvent
from service.events.recent import RecentEvents

#: Look again after this long where a lower number may still appear; most do in milliseconds.
INCOMPLETE_SECONDS = 0.05

_BATCH = 500

#: Events and transactions at one moment; without new events, one row of nulls beside ``after``.
NEW_EVENTS = """
SELECT seen.oldest_active, seen.next_transaction, seen.after,
       new.id, new.experiment_id, new.run_id, new.type, new.data, new.created_at
FROM (
    SELECT pg_snapshot_xmin(snapshot)::text::bigint AS oldest_active,
           pg_snapshot_xmax(snapshot)::text::bigint AS next_transaction,
           coalesce(%s, (SELECT max(id) FROM events), 0) AS after
    FROM pg_current_snapshot() AS snapshot
) AS seen
LEFT JOIN LATERAL (
    SELECT * FROM events WHERE events.id > seen.after ORDER BY events.id LIMIT %s
) AS new ON true
ORDER BY new.id
"""
_COLUMNS = tuple(StoredEvent.__dataclass_fields__)


class Watermark:
    """The number up to which the events of all experiments are complete.

    A missing number can still appear only while a transaction is in progress that was already in
    progress when a higher number was seen: a transaction begins before it takes a number.
    """

    def __init__(self) -> None:
        self._complete = 0
        self._candidate = 0
        #: The candidate is complete once all transactions before this one have ended.
        self._limit: int | None = None

    @property
    def candidate(self) -> int | None:
        """The number that waits for transactions to end; None where none waits."""
        return None if self._limit is None else self._candidate

    def advance(self, newest: int, oldest_active: int, next_transaction: int) -> int:
        """Return the number up to which no event can appear any more.

        Args:
            newest: the highest number that is seen.
            oldest_active: the oldest transaction in progress at that moment.
            next_transaction: the first transaction that had not begun.
        """
        if oldest_active == next_transaction:
            self._complete, self._limit = max(self._complete, newest), None
        elif self._limit is not None and oldest_active >= self._limit:
            self._complete, self._limit = self._candidate, None
        if self._limit is None and newest > self._complete:
            self._candidate, self._limit = newest, next_transaction
        return self._complete


class GlobalOrder:
    """The newest events of all experiments; they are read only while somebody follows them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; the next follower begins anew."""
        self.recent = RecentEvents()
        self.watermark = Watermark()

    async def read(self, connection: AsyncConnection[Any], seconds: float) -> bool:
        """Read the new events, each batch within this many seconds.

        Returns:
            Whether all stored events have been passed on; if not, some are held back.
        """
        while (recent := self.recent).followers:
            async with asyncio.timeout(seconds):
                cursor = connection.cursor(row_factory=dict_row)
                await cursor.execute(NEW_EVENTS, (recent.head, _BATCH))
                rows = await cursor.fetchall()
            if recent is not self.recent:  # reset meanwhile, and perhaps followed again
                continue
            if not self._add(rows):
                return False
            if len(rows) < _BATCH:
                break
        return True

    def _add(self, rows: list[dict[str, Any]]) -> bool:
        """Pass on the events that none can precede any more, and return whether these are all."""
        recent, seen = self.recent, rows[0]
        found = [row for row in rows if row["id"] is not None]
        newest = found[-1]["id"] if found else seen["after"]
        complete = self.watermark.advance(newest, seen["oldest_active"], seen["next_transaction"])
        if recent.head is None:
            if complete < newest:
                return False
            recent.start(complete)
        for row in found:
            if row["id"] > complete and row["id"] != (recent.head or 0) + 1:
                break
            recent.add(LiveEvent.stored(StoredEvent(**{name: row[name] for name in _COLUMNS})))
        recent.wake_followers()
        return bool(recent.head == newest)
