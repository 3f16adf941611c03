"""docs/howto/postgres-and-redis.md, followed with servers behind TLS."""

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from actinium import Client
from deploy.embedded import EmbeddedServers, Endpoints
from deploy.embedded.binaries import postgres_bin
from deploy.embedded.ports import free_port
from service.settings import Settings
from tests.support.doc_snippets import blocks_of
from tests.support.paths import ROOT
from tests.support.processes import Processes, environment

PAGE = ROOT / "docs" / "howto" / "postgres-and-redis.md"
BLOCKS = blocks_of(PAGE)
SQL = [each.text for each in BLOCKS if each.language == "sql"]
_SSL_REQUEST = (80877103).to_bytes(4, "big")

pytestmark = pytest.mark.longest


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate of localhost that vouches for itself, and its key."""
    subject = "/CN=localhost -addext subjectAltName=DNS:localhost"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out ca.pem -subj"
    subprocess.run(f"{made} {subject}", shell=True, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "ca.pem"


class Secured:
    """A way to a server that speaks TLS alone."""

    def __init__(self, url: str, authority: Path, greet: Callable[[socket.socket], None]) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority, authority.with_name("key.pem"))
        self._greet = greet
        self._listener = socket.create_server(("localhost", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                outside, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(outside,), daemon=True).start()

    def _connect(self, outside: socket.socket) -> None:
        try:
            self._greet(outside)
            secured = self._context.wrap_socket(outside, server_side=True)
            inside = socket.create_connection(self._target)
        except OSError:
            outside.close()
            return
        for source, sink in ((secured, inside), (inside, secured)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        sink.close()


def _nothing(_: socket.socket) -> None:
    """Redis speaks TLS from the first byte."""


def _agree(outside: socket.socket) -> None:
    """PostgreSQL is asked for TLS in the open."""
    asked = outside.recv(8)
    if asked[4:] != _SSL_REQUEST:
        raise OSError("The client does not want TLS.")
    outside.sendall(b"S")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Endpoints]:
    """Servers that know nothing of Actinium yet."""
    with EmbeddedServers(tmp_path / "servers") as endpoints:
        _execute(_beside(endpoints, "postgres"), "DROP DATABASE actinium; DROP ROLE actinium")
        yield endpoints


@pytest.fixture
def written(own: Endpoints, authority: Path) -> Iterator[str]:
    """The page, with the hosts and files of this test in it."""
    postgres = Secured(own.database_url, authority, _agree)
    valkey = Secured(own.redis_url, authority, _nothing)
    account = urlsplit(own.redis_url).netloc.rpartition("@")[0]
    yield (
        PAGE.read_text()
        .replace("db.example.org:5432", f"localhost:{postgres.port}")
        .replace(":SECRET@redis.example.org:6379", f"{account}@localhost:{valkey.port}")
        .replace("/etc/ssl/actinium-ca.pem", str(authority))
    )
    postgres.close()
    valkey.close()


def _beside(own: Endpoints, name: str) -> str:
    return f"{own.superuser_url.rpartition('/')[0]}/{name}"


def _as(url: str, account: str) -> str:
    """Give the URL for another account."""
    return f"postgresql://{account}@{url.rpartition('@')[2]}"


def _execute(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, statements.split(";")):
            connection.execute(statement.encode())


def _set(written: str, name: str) -> list[str]:
    """Give what the page sets a variable to, in its order."""
    return re.findall(rf'^(?:export )?{name}="(.*?)"', written, re.M)


def test_a_service_on_servers_of_ones_own(own, written, tmp_path) -> None:
    _execute(_beside(own, "postgres"), SQL[0])
    _execute(_beside(own, "actinium"), SQL[1])
    owner, user = _set(written, "DATABASE_URL")
    (redis_url,) = _set(written, "REDIS_URL")
    settings = Settings(
        database_url=user, redis_url=redis_url, home=tmp_path / "home", port=free_port()
    )
    migrating = settings.model_copy(update={"database_url": owner})
    subprocess.run(
        [sys.executable, "-m", "service.cli", "migrate"],
        env=environment(migrating),
        cwd=ROOT,
        check=True,
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(user) as connection:
        connection.execute("DROP TABLE runs")
    with psycopg.connect(user) as connection:
        assert connection.pgconn.ssl_in_use

    with Processes(settings, tmp_path / "logs") as processes:
        processes.start("api", "service.cli", "api").says("running on")
        processes.scheduler()
        processes.worker("one")
        with Client(f"http://127.0.0.1:{settings.port}") as client:
            experiment = client.submit(activation="relu", model="mlp", dataset="digits", epochs=2)
            assert client.wait(experiment, timeout=60)["status"] == "completed"
        with psycopg.connect(_beside(own, "actinium")) as connection:
            opened = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'actinium'"
            ).fetchone()
        assert opened is not None
        assert 4 <= opened[0] <= 10 + 10 + 1 + 3 + 2
    _dump_and_restore(own, tmp_path)


def _dump_and_restore(own: Endpoints, folder: Path) -> None:
    """As the page does, into a database beside it; the wheels' programs know no TLS."""
    _execute(_beside(own, "postgres"), "CREATE DATABASE restored OWNER actinium_owner")
    commands = next(each.text for each in BLOCKS if "pg_dump" in each.text)
    subprocess.run(
        ["bash", "-euc", commands],
        env={
            "PATH": f"{postgres_bin()}:{os.environ['PATH']}",
            "DATABASE_URL": _as(_beside(own, "actinium"), "actinium:SECRET"),
            "OTHER_DATABASE_URL": _as(
                _beside(own, "restored"), "actinium_owner:SECRET-OF-THE-OWNER"
            ),
        },
        cwd=folder,
        check=True,
    )
    with psycopg.connect(_beside(own, "restored")) as connection:
        held = connection.execute("SELECT count(*) FROM epochs").fetchone()
    assert held == (2,)
