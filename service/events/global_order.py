"""The events of all experiments in one order, read so that none is missed.

Numbers are handed out before transactions commit. Inside an experiment a lock keeps them in order
(``events.publishing.lock_streams``); between two experiments a higher number may be seen first, a
reader that had gone past the lower one would never see it. So an event is given out once no number
below it can appear any more.
"""

import asyncio
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from service.events.reading import LiveEvent, StoredEvent
from service.events.recent import Tail, wake

#: Look again after this long where a number may still appear; most do within milliseconds.
INCOMPLETE_SECONDS = 0.05

_BATCH = 500

#: Events and transactions as of one moment; without events, one row of nulls beside ``after``.
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


class Horizon:
    """Says up to which number the events of all experiments are complete.

    A number that is missing can still appear only while some transaction is under way that was so
    when a higher one was seen: whoever takes a number has written, and so has begun, before.
    """

    def __init__(self) -> None:
        self._complete = 0
        self._candidate = 0
        self._limit: int | None = None

    def reach(self, newest: int, oldest_active: int, next_transaction: int) -> int:
        """Give the number at or below which no event can appear any more.

        Args:
            newest: the highest number that is seen.
            oldest_active: the first transaction under way at that moment.
            next_transaction: the first that had not begun.
        """
        if oldest_active == next_transaction:
            self._complete, self._limit = max(self._complete, newest), None
        elif self._limit is not None and oldest_active >= self._limit:
            self._complete, self._limit = self._candidate, None
        if self._limit is None and newest > self._complete:
            self._candidate, self._limit = newest, next_transaction
        return self._complete


class Chronicle:
    """The newest events of all experiments; read only while somebody follows them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Let go of everything; whoever follows next begins anew."""
        self.tail = Tail()
        self._horizon = Horizon()

    async def read(self, connection: AsyncConnection[Any], seconds: float) -> bool:
        """Read what is new, a batch within so many seconds.

        Returns:
            Whether all that is stored has been given out; else some of it is held back.
        """
        while (tail := self.tail).followers:
            async with asyncio.timeout(seconds):
                cursor = connection.cursor(row_factory=dict_row)
                await cursor.execute(NEW_EVENTS, (tail.head, _BATCH))
                rows = await cursor.fetchall()
            if tail is not self.tail:  # meanwhile forgotten, and perhaps begun anew
                continue
            if not self._take(rows):
                return False
            if len(rows) < _BATCH:
                break
        return True

    def _take(self, rows: list[dict[str, Any]]) -> bool:
        """Give out the events that nothing can precede any more; says whether those are all."""
        tail, seen = self.tail, rows[0]
        found = [row for row in rows if row["id"] is not None]
        newest = found[-1]["id"] if found else seen["after"]
        complete = self._horizon.reach(newest, seen["oldest_active"], seen["next_transaction"])
        if tail.head is None:
            if complete < newest:
                return False
            tail.start(complete)
        for row in found:
            if row["id"] > complete and row["id"] != (tail.head or 0) + 1:
                break
            tail.add(LiveEvent.stored(StoredEvent(**{name: row[name] for name in _COLUMNS})))
        wake(tail.followers)
        return bool(tail.head == newest)
