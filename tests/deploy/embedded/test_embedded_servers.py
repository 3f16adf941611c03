"""The servers as objects of this process."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

import deploy.embedded.postgres as postgres_module
import deploy.embedded.server as server_module
from deploy.embedded import EmbeddedServerError, EmbeddedServers
from deploy.embedded.account import unprivileged
from deploy.embedded.binaries import postgres_bin, valkey_server
from deploy.embedded.ports import is_free
from deploy.embedded.postgres import PostgresServer
from deploy.embedded.server import Server
from deploy.embedded.valkey import ValkeyServer
from tests.support.stack_launchers import processes_of, wait_until

pytestmark = pytest.mark.slow

KINDS = pytest.mark.parametrize("kind", [PostgresServer, ValkeyServer])


def write(url: str, value: str) -> None:
    """Store a value durably in either server."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            client.set("value", value)
    else:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
            connection.execute("INSERT INTO kept VALUES (%s)", (value,))


def read(url: str) -> str | None:
    """The value last stored by :func:`write`."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url, decode_responses=True) as client:
            return client.get("value")
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT value FROM kept ORDER BY ctid DESC LIMIT 1").fetchone()
        return row[0] if row else None


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    for pid in processes_of(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_both_servers_start_durable_and_stop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = EmbeddedServers(home)
    endpoints = servers.start()
    pids = servers.postgres.pid, servers.valkey.pid
    for module in (server_module, postgres_module):
        monkeypatch.setattr(module, "LEFTOVER_SECONDS", 60.0)
    again = time.monotonic()
    assert servers.start() == endpoints, "a second start changes nothing"
    assert time.monotonic() - again < 30, "nor waits for what an earlier server left"
    monkeypatch.undo()
    assert pids == (servers.postgres.pid, servers.valkey.pid)
    with psycopg.connect(endpoints.superuser_url) as connection:
        show = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "listen_addresses",
                "unix_socket_directories",
            )
        }
        assert connection.info.dbname == "actinium"
    assert show == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    with redis.Redis.from_url(endpoints.redis_url, decode_responses=True) as client:
        config = client.config_get("appendonly", "appendfsync", "save", "maxmemory-policy", "bind")
    assert config == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }
    assert "ready to accept connections" in endpoints.postgres_log.read_text()
    assert "Ready to accept connections" in endpoints.valkey_log.read_text()
    for folder in (home, home / "postgres", home / "valkey", home / "logs"):
        assert folder.stat().st_mode & 0o777 == 0o700
    servers.stop()
    assert not servers.postgres.running
    assert not servers.valkey.running
    assert processes_of(home) == []
    servers.stop()


@KINDS
def test_data_and_port_survive_stop_and_kill(home: Path, kind: type[Server]) -> None:
    server = kind(home)
    url = server.start()
    write(url, "before the stop")
    server.stop()
    assert server.url == url
    assert server.start() == url
    assert read(url) == "before the stop"

    write(url, "before the kill")
    first = server.pid
    if kind is ValkeyServer:  # it promises a second, not every write
        with redis.Redis.from_url(url) as client:
            wait_until(
                lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, "written out"
            )
    server.kill()
    assert not server.running
    assert server.start() == url
    assert server.pid != first
    assert read(url) == "before the kill"
    server.stop()

    another = kind(home)
    assert another.start() == url, "a new launcher takes the last port"
    assert read(url) == "before the kill"
    another.stop()


@KINDS
def test_a_port_taken_meanwhile(home: Path, kind: type[Server]) -> None:
    server = kind(home)
    url = server.start()
    server.stop()
    with socket.create_server(("127.0.0.1", server.port)):
        with pytest.raises(EmbeddedServerError, match=f"Port {server.port} .* was taken"):
            server.start()
        another = kind(home)
        assert another.start() != url
        another.stop()
    assert server.start() == url
    server.stop()


@KINDS
def test_a_port_lost_between_the_look_and_the_start(
    home: Path, kind: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    winner, loser = kind(home / "winner"), kind(home / "loser")
    url = winner.start()
    write(url, "the winner's")
    (home / "loser").mkdir()
    (home / "loser" / f"{loser.name}.port").write_text(f"{winner.port}\n")
    looks = iter([True])  # the first look came too early
    monkeypatch.setattr(server_module, "is_free", lambda port: next(looks, None) or is_free(port))
    assert loser.start() != url
    assert loser.pid != winner.pid
    write(loser.url, "the loser's")
    assert read(url) == "the winner's"
    loser.stop()
    winner.stop()


def test_ports_lie_below_the_outgoing_range(home: Path) -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest_outgoing <= 16_000:
        pytest.skip("this machine uses nearly all ports for outgoing connections")
    server = ValkeyServer(home)
    server.start()
    assert server.port < lowest_outgoing
    server.stop()


def test_two_stacks_do_not_disturb_each_other(home: Path) -> None:
    one, two = EmbeddedServers(home / "one"), EmbeddedServers(home / "two")
    first, second = one.start(), two.start()
    urls = [first.database_url, first.redis_url, second.database_url, second.redis_url]
    assert len({urlsplit(url).port for url in urls}) == 4
    for url in urls:
        write(url, url)
    one.stop()
    assert read(second.database_url) == second.database_url
    assert read(second.redis_url) == second.redis_url
    assert one.start() == first
    assert [read(url) for url in urls] == urls
    one.stop()
    two.stop()


@KINDS
def test_a_second_launcher_is_refused(home: Path, kind: type[Server]) -> None:
    server = kind(home)
    url = server.start()
    with pytest.raises(EmbeddedServerError, match=f"another launcher, process {os.getpid()}"):
        kind(home).start()
    write(url, "undisturbed")
    assert read(url) == "undisturbed"
    server.stop()
    another = kind(home)
    another.start()
    another.stop()


def test_a_home_with_a_long_and_odd_name(home: Path) -> None:
    odd = home / 'it\'s a "long" $HOME \\ name' / ("x" * 120)
    with EmbeddedServers(odd) as endpoints:
        for url in (endpoints.database_url, endpoints.redis_url):
            write(url, "kept")
            assert read(url) == "kept"
        assert (odd / "valkey" / "appendonlydir").is_dir()
    assert processes_of(odd) == []


def test_the_context_stops_both_when_its_body_fails(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedServers(home):
        _ = 1 / 0
    assert processes_of(home) == []


def test_nothing_runs_when_one_of_the_two_cannot_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTINIUM_VALKEY_BIN", str(home))
    with pytest.raises(EmbeddedServerError, match="holds no valkey-server"):
        EmbeddedServers(home).start()
    assert processes_of(home) == []
    monkeypatch.delenv("ACTINIUM_VALKEY_BIN")
    with EmbeddedServers(home):
        pass


def test_a_server_outlives_the_thread_that_started_it(home: Path) -> None:
    server = ValkeyServer(home)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with redis.Redis.from_url(server.url) as client:
        # The death signal would be obeyed within one round of the server's timer.
        before = client.info("server")["lru_clock"]
        wait_until(lambda: client.info("server")["lru_clock"] > before + 1, "two seconds")
    assert server.running
    server.stop()


def test_a_server_that_ends_at_once_shows_its_log(home: Path) -> None:
    server = PostgresServer(home)
    server.start()
    server.stop()
    configuration = home / "postgres" / "postgresql.conf"
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServerError, match=r"postgres\.log says: .*no_such_setting"):
        server.start()
    assert processes_of(home) == []
    configuration.write_text("")
    another = PostgresServer(home)
    another.start()
    another.stop()


def test_a_stale_process_file_that_names_a_stranger(home: Path) -> None:
    server = PostgresServer(home)
    url = server.start()
    write(url, "kept")
    server.kill()
    wait_until(lambda: processes_of(home) == [], "its children end")
    file = home / "postgres" / "postmaster.pid"
    _, rest = file.read_text().split("\n", 1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        file.write_text(f"{stranger.pid}\n{rest}")
        assert server.start() == url
        stranger.communicate(b"\n")
    assert read(url) == "kept"
    server.stop()


def test_foreign_files_are_not_touched(home: Path) -> None:
    thesis = home / "postgres" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("ten years")
    with pytest.raises(EmbeddedServerError, match="holds files but no PostgreSQL data"):
        PostgresServer(home).start()
    assert thesis.read_text() == "ten years"


def orphan_of(server: Server) -> subprocess.Popen[bytes]:
    """Run the server's data without its launcher, on the port it had."""
    if isinstance(server, PostgresServer):
        postgres: list[str | Path] = [*unprivileged(), postgres_bin() / "postgres"]
        command = [*postgres, "-D", server.folder, "-k", "", "-p", str(server.port)]
    else:
        command = [valkey_server(), "--port", str(server.port), "--appendonly", "yes"]
    return subprocess.Popen(command, cwd=server.folder, stderr=subprocess.DEVNULL)


@KINDS
def test_a_live_orphan_is_adopted(
    home: Path, kind: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LEFTOVER_SECONDS", 1.0)
    first = kind(home)
    url = first.start()
    write(url, "kept")
    first.stop()
    with orphan_of(first) as orphan:
        adopter = kind(home)
        assert adopter.start() == url
        assert adopter.pid == orphan.pid
        assert read(url) == "kept"
        adopter.stop()
        assert orphan.wait(timeout=30) == 0
    assert processes_of(home) == []


def test_an_orphan_that_does_not_answer_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LEFTOVER_SECONDS", 1.0)
    server = ValkeyServer(home)
    url = server.start()
    server.stop()
    with orphan_of(server) as orphan:
        (home / "valkey.port").unlink()
        with pytest.raises(
            EmbeddedServerError, match=f"without answering, as process {orphan.pid}"
        ):
            ValkeyServer(home).start()
        orphan.kill()
    assert server.start() == url
    server.stop()


def test_a_leftover_that_is_ending_is_waited_for(home: Path) -> None:
    server = PostgresServer(home)
    server.start()
    server.stop()
    with orphan_of(server) as orphan:
        wait_until(lambda: len(processes_of(home)) > 1, "the orphan runs")
        orphan.send_signal(signal.SIGSTOP)  # its end is held up
        orphan.send_signal(signal.SIGINT)
        release = threading.Timer(1.0, orphan.send_signal, [signal.SIGCONT])
        release.start()
        server.start()
        release.join()
        assert orphan.wait(timeout=30) == 0
        assert server.pid != orphan.pid
    server.stop()
