"""Follow experiments as events happen: one listening connection per process.

Postgres is the truth here too: a NOTIFY only says that there may be new events. The hub then reads
the new events of every followed experiment in one query and passes them to all followers, so two
hundred listeners cost one query, not two hundred. A listener that is further behind than the hub
remembers reads the table (``service.events.reading``), so a slow listener costs no memory.
"""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import structlog
from psycopg import AsyncConnection, Error, Notify
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads

from service.database.outages import Outage
from service.events.global_order import INCOMPLETE_SECONDS, GlobalOrder
from service.events.live_event import LiveEvent, StoredEvent
from service.events.publishing import CHANNEL
from service.events.recent import Follower, RecentEvents
from service.settings import Settings

#: Look for new events at least this often, notified or not.
POLL_SECONDS = 2.0
#: A new follower is noticed within this time.
_NOTICE_SECONDS = 0.25

_BATCH = 500
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0
#: After this long without a result the connection is treated as dead.
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
    """Wakes the followers of an experiment when something happens in it."""

    def __init__(self, settings: Settings) -> None:
        scheme, separator, rest = settings.database_url.partition("://")
        self._conninfo = f"{scheme.partition('+')[0]}{separator}{rest}"
        self._followed: dict[uuid.UUID, RecentEvents] = {}
        #: The events of all experiments.
        self.global_order = GlobalOrder()
        self._task: asyncio.Task[None] | None = None
        #: True once the process is stopping: streams and waits then end.
        self.closing = False

    def start(self) -> None:
        """Begin to listen, in the running event loop; Postgres may start later."""
        self._task = asyncio.create_task(self._run())

    def close_streams(self) -> None:
        """End every stream, so that a stopping server need not wait for them."""
        self.closing = True
        for recent in self._all_recent():
            recent.wake_followers()

    async def stop(self) -> None:
        """Stop listening."""
        self.close_streams()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @contextlib.contextmanager
    def follow(self, experiment_id: uuid.UUID, *, progress: bool = False) -> Iterator[Follower]:
        """Follow an experiment, with ``progress`` also what is never stored.

        Follow first and read the table afterwards, so that no event falls in between.
        """
        recent = self._followed.setdefault(experiment_id, RecentEvents())
        follower = Follower(recent)
        recent.followers.add(follower)
        if progress:
            recent.progress_followers.add(follower)
        try:
            yield follower
        finally:
            recent.followers.discard(follower)
            recent.progress_followers.discard(follower)
            if not recent.followers and self._followed.get(experiment_id) is recent:
                del self._followed[experiment_id]

    @contextlib.contextmanager
    def follow_all(self) -> Iterator[Follower]:
        """Follow the stored events of all experiments, in one order."""
        recent = self.global_order.recent
        follower = Follower(recent)
        recent.followers.add(follower)
        try:
            yield follower
        finally:
            recent.followers.discard(follower)
            if not recent.followers and self.global_order.recent is recent:
                self.global_order.reset()

    def count_followers(self) -> int:
        """Return the number of followers: open streams and waiting requests."""
        return sum(len(recent.followers) for recent in self._all_recent())

    def _all_recent(self) -> list[RecentEvents]:
        return [*self._followed.values(), self.global_order.recent]

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        outage = Outage("The connection for live events")
        while True:
            try:
                async with await self._connect() as connection:
                    outage.ended()
                    pause = _FIRST_PAUSE_SECONDS
                    await self._listen(connection)
            except (Error, OSError) as error:  # a TimeoutError is an OSError
                outage.began(error)
            except Exception:
                # A hub that ended here would leave every stream without events, and no error.
                _log.exception("Live events failed")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

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
        # As the engine reads it: Postgres gives back 3.27e24 as an integer, whose digits psycopg's
        # own reader keeps, and which could not be written again.
        set_json_loads(orjson.loads, connection)
        await connection.execute(f"LISTEN {CHANNEL}")
        return connection

    async def _listen(self, connection: AsyncConnection[Any]) -> None:
        clock = asyncio.get_running_loop().time
        touched, polled = set(self._followed), clock()
        while True:
            await self._read_new(connection, touched)
            complete = await self.global_order.read(connection, _DEAD_AFTER_SECONDS)
            touched = self._not_started()
            seconds = _NOTICE_SECONDS if complete else INCOMPLETE_SECONDS
            async for notify in connection.notifies(timeout=seconds, stop_after=1):
                self._receive(notify, touched)
            if clock() - polled >= POLL_SECONDS:
                touched, polled = set(self._followed), clock()

    def _receive(self, notify: Notify, touched: set[uuid.UUID]) -> None:
        """Pass progress on, or add an experiment with a new event to those ``touched``."""
        payload = orjson.loads(notify.payload)
        experiment_id = uuid.UUID(payload["experiment_id"])
        recent = self._followed.get(experiment_id)
        if recent is None:
            return
        if "progress" not in payload:
            touched.add(experiment_id)
            return
        event = LiveEvent.progress(experiment_id, uuid.UUID(payload["run_id"]), payload["progress"])
        for follower in recent.progress_followers:
            follower.add_progress(event)

    async def _read_new(
        self, connection: AsyncConnection[Any], touched: Iterable[uuid.UUID]
    ) -> None:
        """Read the new events of experiments until there are no more."""
        watched = set(touched)
        while watched:
            async with asyncio.timeout(_DEAD_AFTER_SECONDS):
                await self._start(connection, watched & self._not_started())
                heads = {
                    experiment_id: self._followed[experiment_id].head
                    for experiment_id in watched
                    if experiment_id in self._followed
                }
                cursor = connection.cursor(row_factory=class_row(StoredEvent))
                await cursor.execute(NEW_EVENTS, (list(heads), list(heads.values()), _BATCH))
                rows = await cursor.fetchall()
            watched = self._add(rows)

    def _not_started(self) -> set[uuid.UUID]:
        """Return the followed experiments whose newest event is not known yet."""
        return {
            experiment_id for experiment_id, recent in self._followed.items() if recent.head is None
        }

    async def _start(
        self, connection: AsyncConnection[Any], experiment_ids: Iterable[uuid.UUID]
    ) -> None:
        """Find the newest event of newly followed experiments."""
        if not (new := list(experiment_ids)):
            return
        for experiment_id, head in await (
            await connection.execute(NEWEST_EVENTS, (new,))
        ).fetchall():
            recent = self._followed.get(experiment_id)
            if recent is not None and recent.head is None:
                recent.start(head)
                recent.wake_followers()

    def _add(self, rows: list[StoredEvent]) -> set[uuid.UUID]:
        """Pass events on to their followers, and return the experiments that may have more."""
        counts = Counter(row.experiment_id for row in rows)
        for row in rows:
            recent = self._followed.get(row.experiment_id)
            if recent is not None and recent.head is not None and row.id > recent.head:
                recent.add(LiveEvent.stored(row))
        for experiment_id in counts.keys() & self._followed.keys():
            self._followed[experiment_id].wake_followers()
        return {experiment_id for experiment_id, count in counts.items() if count == _BATCH}
