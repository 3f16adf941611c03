"""The sender of webhooks: posts signed messages to subscribers, beside the scheduler's sweep.

Every receiver has a lane of its own, so a receiver that hangs delays no other. Connections go to
the address that was checked: the name is resolved once, before the check, and not again before the
connection. No redirect is followed, and no body of an answer is read.
"""

import asyncio
import email.utils
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpcore
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.database.engine import create_database_engine, session_factory
from service.database.outages import Outage, is_outage
from service.events.outbox import expand_batch
from service.settings import Settings
from service.webhooks import dispatch
from service.webhooks.dispatch import DeliveryOutcome, Message
from service.webhooks.signatures import headers
from service.webhooks.targets import RefusedTargetError, addresses_in, refuse_private

#: How often a sender looks for due deliveries.
POLL_SECONDS = 0.5
#: Messages that are sent to one receiver at the same time.
AT_ONCE = 4
_DATABASE_THREADS = 2
#: Threads for resolving names beside one per webhook, which a silent name server can block.
_SPARE_RESOLVERS = 4
_CONNECT_SECONDS = 5.0
#: Time that messages in progress have when the process is told to stop.
_LAST_SECONDS = 3.0
_LONGEST_ERROR_CHARACTERS = 300

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, unless private ones are allowed.

    TLS and the Host header use the name in the URL; they are set above this layer.
    """

    def __init__(self, *, private_allowed: bool) -> None:
        self._private_allowed = private_allowed
        self._network = httpcore.AnyIOBackend()
        #: Look-ups in progress by host: a name server that is silent holds a thread per host.
        self._looking_up: dict[str, asyncio.Future[Any]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the first of a host's addresses that answers.

        Raises:
            RefusedTargetError: the host has no address, or one that is not public.
            OSError: the name cannot be resolved, where private addresses are allowed.
            httpcore.ConnectError: no address answers.
        """
        addresses = await self._resolved(host, port)
        if not self._private_allowed:
            refuse_private(addresses)
        share = timeout and timeout / len(addresses)
        failed: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = failed or error
        raise failed or httpcore.ConnectError(f"{host} has no address.")

    async def _resolved(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; messages to one host share one look-up, and its thread.

        Raises:
            OSError: the name cannot be resolved, where private addresses are allowed.
        """
        if host not in self._looking_up:
            look_up = asyncio.ensure_future(asyncio.get_running_loop().getaddrinfo(host, port))
            look_up.add_done_callback(lambda _: self._looking_up.pop(host, None))
            look_up.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._looking_up[host] = look_up
        try:
            return addresses_in(await asyncio.shield(self._looking_up[host]))
        except (OSError, UnicodeError):
            if self._private_allowed:
                raise
            return []


class WebhookSender:
    """Sends due deliveries until it is stopped, through outages of Postgres.

    Any number of senders can run at once: each leases what it sends.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = create_database_engine(settings, pool_size=_DATABASE_THREADS)
        self._sessions = session_factory(self._engine)
        self._database = ThreadPoolExecutor(_DATABASE_THREADS, "webhooks-database")
        self._postgres = Outage("Postgres")
        self._agent = f"Actinium/{version('actinium-service')}"

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set, in an event loop of its own."""
        try:
            asyncio.run(self._run(stop))
        finally:
            self._database.shutdown()
            self._engine.dispose()

    async def _run(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        resolvers = self._settings.max_webhooks + _SPARE_RESOLVERS
        loop.set_default_executor(ThreadPoolExecutor(resolvers, "webhooks-resolver"))
        lanes: dict[uuid.UUID, asyncio.Task[None]] = {}
        network = CheckedNetwork(private_allowed=self._settings.webhook_private_addresses)
        async with httpcore.AsyncConnectionPool(
            # The authorities that this machine trusts (SSL_CERT_FILE names more), and public ones.
            ssl_context=httpcore.default_ssl_context(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=network,
        ) as pool:
            expanding = asyncio.create_task(self._expand(stop))
            while not stop.is_set():
                for webhook_id in await self._ask(dispatch.due_webhooks) or ():
                    if webhook_id not in lanes:
                        lanes[webhook_id] = asyncio.create_task(self._lane(pool, webhook_id, stop))
                await asyncio.sleep(POLL_SECONDS)
                for webhook_id in [key for key, lane in lanes.items() if lane.done()]:
                    lanes.pop(webhook_id).result()
            await self._stop([*lanes.values(), expanding])

    async def _stop(self, lanes: Iterable["asyncio.Task[None]"]) -> None:
        """Wait a little for messages in progress; one that is cut off is sent again later."""
        if running := list(lanes):
            _, late = await asyncio.wait(running, timeout=_LAST_SECONDS)
            for lane in late:
                lane.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _expand(self, stop: threading.Event) -> None:
        """Make the deliveries that were too many for the transactions of their events."""
        while not stop.is_set():
            if not await self._ask(expand_batch):
                await asyncio.sleep(POLL_SECONDS)

    async def _lane(
        self, pool: httpcore.AsyncConnectionPool, webhook_id: uuid.UUID, stop: threading.Event
    ) -> None:
        """Send to one receiver until it has no due delivery."""

        def claim(session: Session) -> list[Message]:
            return dispatch.claim(session, webhook_id, self._settings, limit=AT_ONCE)

        while not stop.is_set() and (messages := await self._ask(claim)):
            await asyncio.gather(*(self._deliver(pool, message) for message in messages))

    async def _deliver(self, pool: httpcore.AsyncConnectionPool, message: Message) -> None:
        outcome = await self._attempt(pool, message)

        def record(session: Session) -> str | None:
            return dispatch.record(session, message, outcome, self._settings)

        status = await self._ask(record)
        if outcome.error is not None:
            _log.warning(
                "A webhook was not delivered",
                webhook_id=str(message.webhook_id),
                delivery_id=str(message.id),
                attempt=message.attempt,
                status=status,
                reason=outcome.error,
            )

    async def _attempt(
        self, pool: httpcore.AsyncConnectionPool, message: Message
    ) -> DeliveryOutcome:
        started = time.monotonic()
        patience = self._settings.webhook_timeout_seconds
        status_code, error, retry_after = None, None, 0.0
        try:
            async with asyncio.timeout(patience):
                status_code, retry_after = await self._post(pool, message)
        except (TimeoutError, httpcore.TimeoutException):
            error = f"No answer within {patience:g} s."
        except RefusedTargetError as refused:
            error = str(refused)
        except Exception as failure:  # whatever a receiver causes fails this attempt only
            error = f"No answer: {str(failure) or type(failure).__name__}."[
                :_LONGEST_ERROR_CHARACTERS
            ]
        else:
            error = _status_error(status_code)
        return DeliveryOutcome(
            seconds=time.monotonic() - started,
            status_code=status_code,
            error=error,
            retry_after=retry_after,
            gone=status_code == 410,
        )

    async def _post(
        self, pool: httpcore.AsyncConnectionPool, message: Message
    ) -> tuple[int, float]:
        """Post a message once; return the status of the answer, and its Retry-After in seconds."""
        patience = self._settings.webhook_timeout_seconds
        stamp = int(message.claimed_at.timestamp())
        fields = {
            "host": urlsplit(message.url).netloc,
            "user-agent": self._agent,
            "content-type": "application/json",
            **headers(message.secrets, str(message.id), stamp, message.body),
        }
        timeouts = {"connect": min(_CONNECT_SECONDS, patience), "read": patience, "write": patience}
        async with pool.stream(
            "POST",
            message.url,
            headers=[*fields.items()],
            content=message.body,
            extensions={"timeout": timeouts},
        ) as answer:
            answered = {name.lower(): value for name, value in answer.headers}
            retry_after = answered.get(b"retry-after", b"")
            return answer.status, _seconds_until(retry_after, message.claimed_at)

    async def _ask(self, work: Callable[[Session], T]) -> T | None:
        """Return the result of work in the database; None while the database is away."""

        def with_session() -> T:
            with self._sessions() as session:
                return work(session)

        try:
            done = await asyncio.get_running_loop().run_in_executor(self._database, with_session)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._postgres.began(error.orig)
            return None
        self._postgres.ended()
        return done


def _status_error(status_code: int) -> str | None:
    """Return why a status is a failure; None where the message was accepted."""
    if 200 <= status_code < 300:
        return None
    if 300 <= status_code < 400:
        return f"It answered {status_code}. Redirects are not followed; subscribe their target."
    return f"It answered {status_code}."


def _seconds_until(value: bytes, now: datetime) -> float:
    """Return the seconds that a Retry-After (seconds or a date) names; 0 where it is neither."""
    text = value.decode("ascii", "replace").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
