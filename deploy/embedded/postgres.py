"""The embedded PostgreSQL."""

import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from deploy.embedded.account import unprivileged
from deploy.embedded.binaries import postgres_bin
from deploy.embedded.errors import EmbeddedServerError
from deploy.embedded.passwords import password
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.process import ends_with_launcher, processes_in
from deploy.embedded.server import LEFTOVER_SECONDS, Server
from service.database.engine import forget_libpq_environment

#: Owns the database, and is no superuser: no query of the service can run a program or read a file.
USER = "actinium"
SUPERUSER = "postgres"
DATABASE = "actinium"

_INITDB_NAMES = frozenset({"initdb", "postgres", "unshare"})

# Sized for two cores that also train. The settings of durability (fsync, synchronous_commit) stay
# at PostgreSQL's defaults: committed data is never lost.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a home's is not
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
}

#: A rule of pg_hba.conf that asks for no password: all but the method, and what follows it.
_ASKED = re.compile(r"^((?:local|host\w*)\s.*\s)trust(\s*)$")


def _discard(incomplete: Path) -> None:
    """Remove the files of an interrupted initdb, after its processes have ended."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while processes_in(incomplete, _INITDB_NAMES) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(incomplete, ignore_errors=True)


class PostgresServer(Server):
    """PostgreSQL with one database, ``actinium``, on the loopback only.

    Other users of the machine can connect, and need a password, which is in a file of this account
    (``deploy.embedded.passwords``). A home of an older version, without passwords, gets them when
    it is started.
    """

    title: ClassVar[str] = "PostgreSQL"
    name: ClassVar[str] = "postgres"
    process_names: ClassVar[frozenset[str]] = frozenset({"postgres", "unshare"})
    # A fast shutdown, then an immediate one, from which the next start recovers.
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)

    @property
    def url(self) -> str:
        """The URL for clients; known while the server is stopped, too."""
        return self._url(USER)

    @property
    def superuser_url(self) -> str:
        """The URL for whoever administers the server."""
        return self._url(SUPERUSER)

    def _url(self, user: str) -> str:
        return f"postgresql://{user}:{self._password(user)}@{LOOPBACK}:{self.port}/{DATABASE}"

    def _password(self, user: str) -> str:
        return password(self.home, f"postgres-{user}")

    @property
    def _pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def _prepare(self) -> None:
        forget_libpq_environment()
        if not (self.folder / "PG_VERSION").exists():
            self._initialize()
        # A crash leaves this file. PostgreSQL refuses to start if another program has the process
        # number in it by now. The lock and the list of processes show that no server runs here.
        self._pid_file.unlink(missing_ok=True)

    def _initialize(self) -> None:
        """Create the data folder under another name and rename it when it is complete."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise EmbeddedServerError(
                f"{self.folder} holds files but no PostgreSQL data: move them away, or choose "
                "another folder with ACTINIUM_HOME."
            )
        for incomplete in self.home.glob(f"{self.name}.new-*"):
            _discard(incomplete)
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}.new-", dir=self.home))
        try:
            self._run_initdb(folder)
            folder.rename(self.folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _run_initdb(self, folder: Path) -> None:
        result = subprocess.run(
            [
                *unprivileged(),
                postgres_bin() / "initdb",
                *("-D", folder, "-U", SUPERUSER, "--auth=scram-sha-256", "-E", "UTF8"),
                *("--pwfile=/dev/stdin", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=False,
            cwd=folder,
            input=f"{self._password(SUPERUSER)}\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # It names the folder, in letters that the locale may not have.
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            preexec_fn=ends_with_launcher(),
        )
        if result.returncode != 0:
            raise EmbeddedServerError(
                "initdb could not create PostgreSQL's data folder; it says: "
                + " | ".join(result.stdout.splitlines()[-3:])
            )

    def _command(self, port: int) -> list[str | Path]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        server = postgres_bin() / "postgres"
        return [*unprivileged(), server, "-D", self.folder, "-p", str(port), *settings]

    def _answering_pid(self, port: int) -> int | None:
        # Lines of postmaster.pid: process, folder, start, port, socket, address, memory, status.
        try:
            lines = self._pid_file.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return None
        if len(lines) < 8 or lines[3] != str(port) or lines[7].strip() != "ready":
            return None
        try:
            self._connect(port).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedServerError(
                    f"PostgreSQL in {self.folder} has another password than the one in "
                    f"{self.home / 'passwords'}: put the file back that was there."
                ) from error
            return None
        return int(lines[0])

    def _complete(self) -> None:
        with self._connect(self.port) as connection:
            self._ask_for_passwords(connection)
            self._create_user(connection)
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if found.rowcount == 0:
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {USER}")
            owner = connection.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            connection.execute(f"REVOKE CONNECT ON DATABASE {DATABASE} FROM public")
        if owner != (USER,):
            with self._connect(self.port, DATABASE) as connection:
                _hand_over(connection)

    def _ask_for_passwords(self, connection: psycopg.Connection[Any]) -> None:
        """Set the superuser's password where an older version trusted everyone on this machine."""
        rules = self.folder / "pg_hba.conf"
        lines = rules.read_text(encoding="utf-8").splitlines(keepends=True)
        asking = [_ASKED.sub(r"\1scram-sha-256\2", line) for line in lines]
        if asking == lines:
            return
        _set_password(connection, SUPERUSER, self._password(SUPERUSER))
        new = rules.with_suffix(".new")
        new.write_text("".join(asking), encoding="utf-8")
        new.chmod(0o600)
        new.rename(rules)
        connection.execute("SELECT pg_reload_conf()")

    def _create_user(self, connection: psycopg.Connection[Any]) -> None:
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (USER,))
        if found.rowcount == 0:
            connection.execute(f"CREATE ROLE {USER} LOGIN")
        _set_password(connection, USER, self._password(USER))

    def _connect(self, port: int, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=self._password(SUPERUSER),
            dbname=database,
            sslmode="disable",
            connect_timeout=5,
            autocommit=True,
        )


def _set_password(connection: psycopg.Connection[Any], user: str, secret: str) -> None:
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(secret))
    )


def _hand_over(connection: psycopg.Connection[Any]) -> None:
    """Give the service's user a database, and all in it, that an older version's superuser owns."""
    tables = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'v', 'm') AND pg_get_userbyid(relowner) <> %s",
        (USER,),
    ).fetchall()
    with connection.transaction():
        for (table,) in tables:  # their indexes and sequences follow them
            connection.execute(f"ALTER TABLE {table} OWNER TO {USER}".encode())
        connection.execute(f"ALTER DATABASE {DATABASE} OWNER TO {USER}")
