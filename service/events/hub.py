"""Following experiments as they happen: one listening connection for all of a process.

Postgres is the truth here too. A NOTIFY is only a hint to look; the hub then reads the new
events of every followed experiment in one query and hands them to all who follow, so two
hundred listeners cost one query and not two hundred. Whoever is further behind than what the
hub remembers reads the table (``service.events.reading``), so a slow listener costs no memory.
"""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import structlog
from psycopg import AsyncConnection, Error, Notify
from psycopg.rows import class_row

from service.database.outages import Outage
from service.events.global_order import INCOMPLETE_SECONDS, Chronicle
from service.events.publishing import CHANNEL
from service.events.reading import LiveEvent, StoredEvent
from service.events.recent import Follower, Tail, wake
from service.settings import Settings

#: Look at the latest after this long, notified or not.
POLL_SECONDS = 2.0
#: A new follower is noticed at the latest after this long.
_NOTICE_SECONDS = 0.25

_BATCH = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
#: A query that takes longer is taken for a dead connection.
_DEAD_AFTER_SECONDS = 10.0

NEWEST_EVENTS = """
SELECT watched.experiment_id, coalesce(newest.id, 0) AS head
FROM unnest(%s::uuid[]) AS watched (experiment_id)
LEFT JOIN LATERAL (
    SELECT id FROM events WHERE events.experiment_id = watched.experiment_id
    ORDER BY id DESC LIMIT 1
) AS newest ON true
"""

NEW_EVENTS = """
SELECT new.id, new.experiment_id, new.run_id, new.type, new.data, new.created_at
FROM unnest(%s::uuid[], %s::bigint[]) AS watched (experiment_id, head)
CROSS JOIN LATERAL (
    SELECT * FROM events
    WHERE events.experiment_id = watched.experiment_id AND events.id > watched.head
    ORDER BY events.id LIMIT %s
) AS new
ORDER BY new.id
"""

_log = structlog.get_logger(__name__)


class EventHub:
    """Wakes whoever follows an experiment when something happens in it."""

    def __init__(self, settings: Settings) -> None:
        scheme, separator, rest = settings.database_url.partition("://")
        self._conninfo = f"{scheme.partition('+')[0]}{separator}{rest}"
        self._tails: dict[uuid.UUID, Tail] = {}
        self._chronicle = Chronicle()
        self._task: asyncio.Task[None] | None = None
        #: True once the process is stopping: streams and waits then end.
        self.closing = False

    def start(self) -> None:
        """Begin to listen, in the running event loop; Postgres may be away and come later."""
        self._task = asyncio.create_task(self._run())

    def close_streams(self) -> None:
        """Let every follower end, so that a stopping server need not wait for them."""
        self.closing = True
        for tail in (*self._tails.values(), self._chronicle.tail):
            wake(tail.followers)

    async def stop(self) -> None:
        """Stop listening."""
        self.close_streams()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def follow(self, experiment_id: uuid.UUID, *, progress: bool = False) -> Iterator[Follower]:
        """Follow an experiment; with ``progress`` also what is told and never stored.

        Follow first and read the table after, so that nothing falls in between.
        """
        tail = self._tails.setdefault(experiment_id, Tail())
        follower = Follower(tail)
        tail.followers.add(follower)
        if progress:
            tail.watchers.add(follower)
        try:
            yield follower
        finally:
            tail.followers.discard(follower)
            tail.watchers.discard(follower)
            if not tail.followers and self._tails.get(experiment_id) is tail:
                del self._tails[experiment_id]

    @contextlib.contextmanager
    def follow_all(self) -> Iterator[Follower]:
        """Follow all experiments: what is stored, in one order."""
        tail = self._chronicle.tail
        follower = Follower(tail)
        tail.followers.add(follower)
        try:
            yield follower
        finally:
            tail.followers.discard(follower)
            if not tail.followers and self._chronicle.tail is tail:
                self._chronicle.forget()

    def count_followers(self) -> int:
        """Count who follows: open streams and waiting requests."""
        tails = (*self._tails.values(), self._chronicle.tail)
        return sum(len(tail.followers) for tail in tails)

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        outage = Outage("The connection for live events")
        while True:
            try:
                async with await self._connect() as connection:
                    outage.ended()
                    pause = _FIRST_PAUSE
                    await self._listen(connection)
            except (Error, OSError) as error:  # a TimeoutError is an OSError
                outage.began(error)
            except Exception:
                # Whatever it is, a hub that died silently would leave every stream mute.
                _log.exception("Live events failed")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=5,
            options="-c timezone=utc",
            application_name="actinium-live",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
        )
        await connection.execute(f"LISTEN {CHANNEL}")
        return connection

    async def _listen(self, connection: AsyncConnection[Any]) -> None:
        clock = asyncio.get_running_loop().time
        touched, polled = set(self._tails), clock()
        while True:
            await self._read_new(connection, touched)
            complete = await self._chronicle.read(connection, _DEAD_AFTER_SECONDS)
            touched = {each for each, tail in self._tails.items() if tail.head is None}
            seconds = _NOTICE_SECONDS if complete else INCOMPLETE_SECONDS
            async for notify in connection.notifies(timeout=seconds, stop_after=1):
                self._hear(notify, touched)
            if clock() - polled >= POLL_SECONDS:
                touched, polled = set(self._tails), clock()

    def _hear(self, notify: Notify, touched: set[uuid.UUID]) -> None:
        """Pass progress on, and note which experiment has a new event."""
        payload = orjson.loads(notify.payload)
        experiment_id = uuid.UUID(payload["experiment_id"])
        tail = self._tails.get(experiment_id)
        if tail is None:
            return
        if "progress" not in payload:
            touched.add(experiment_id)
            return
        event = LiveEvent.progress(experiment_id, uuid.UUID(payload["run_id"]), payload["progress"])
        for each in tail.watchers:
            each.add_progress(event)

    async def _read_new(
        self, connection: AsyncConnection[Any], touched: Iterable[uuid.UUID]
    ) -> None:
        """Read what is new in experiments, until there is no more."""
        watched = set(touched)
        while watched:
            async with asyncio.timeout(_DEAD_AFTER_SECONDS):
                await self._start_tails(connection, watched)
                heads = {each: self._tails[each].head for each in watched if each in self._tails}
                cursor = connection.cursor(row_factory=class_row(StoredEvent))
                await cursor.execute(NEW_EVENTS, (list(heads), list(heads.values()), _BATCH))
                rows = await cursor.fetchall()
            watched = self._hand_out(rows)

    async def _start_tails(
        self, connection: AsyncConnection[Any], watched: Iterable[uuid.UUID]
    ) -> None:
        """Find where the streams of newly followed experiments stand."""
        new = [each for each in watched if each in self._tails and self._tails[each].head is None]
        if not new:
            return
        for experiment_id, head in await (
            await connection.execute(NEWEST_EVENTS, (new,))
        ).fetchall():
            tail = self._tails.get(experiment_id)
            if tail is not None and tail.head is None:
                tail.start(head)
                wake(tail.followers)

    def _hand_out(self, rows: list[StoredEvent]) -> set[uuid.UUID]:
        """Add events to their tails; returns the experiments that may have more."""
        counts: dict[uuid.UUID, int] = defaultdict(int)
        for row in rows:
            counts[row.experiment_id] += 1
            tail = self._tails.get(row.experiment_id)
            if tail is not None and tail.head is not None and row.id > tail.head:
                tail.add(LiveEvent.stored(row))
        for experiment_id in counts:
            if experiment_id in self._tails:
                wake(self._tails[experiment_id].followers)
        return {each for each, count in counts.items() if count == _BATCH}
