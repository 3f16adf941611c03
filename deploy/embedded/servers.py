"""PostgreSQL and Valkey in one home, started and stopped together."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from deploy.embedded.postgres import PostgresServer
from deploy.embedded.valkey import ValkeyServer


@dataclass(frozen=True)
class Endpoints:
    """The URLs of the running servers, and their log files.

    All three URLs hold passwords. ``superuser_url`` is for whoever administers PostgreSQL.
    """

    database_url: str
    superuser_url: str
    redis_url: str
    postgres_log: Path
    valkey_log: Path


class EmbeddedServers:
    """PostgreSQL and Valkey, which keep all their files in ``home`` and end with this process.

    Example:
        >>> with EmbeddedServers(Path(".actinium")) as endpoints:  # doctest: +SKIP
        ...     print(endpoints.database_url.partition("@")[2])
        127.0.0.1:20432/actinium
    """

    def __init__(self, home: Path) -> None:
        self.postgres = PostgresServer(home)
        self.valkey = ValkeyServer(home)

    def start(self) -> Endpoints:
        """Start the servers that do not run yet, wait until both answer and return their URLs.

        Raises:
            EmbeddedServerError: one of them cannot start; then neither runs.
        """
        try:
            return Endpoints(
                database_url=self.postgres.start(),
                superuser_url=self.postgres.superuser_url,
                redis_url=self.valkey.start(),
                postgres_log=self.postgres.log,
                valkey_log=self.valkey.log,
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both and wait until they have ended; does nothing to one that does not run."""
        with ExitStack() as both:
            both.callback(self.postgres.stop)
            both.callback(self.valkey.stop)

    def __enter__(self) -> Endpoints:
        """Start both."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop both."""
        self.stop()
