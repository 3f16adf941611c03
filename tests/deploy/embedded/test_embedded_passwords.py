"""What other users of the machine can do with the embedded servers: nothing without a password."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from deploy.embedded import EmbeddedServerError, EmbeddedServers, Endpoints
from deploy.embedded.account import unprivileged
from deploy.embedded.binaries import postgres_bin
from deploy.embedded.postgres import PostgresServer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine") / "home"


@pytest.fixture(scope="module")
def endpoints(home: Path) -> Iterator[Endpoints]:
    with EmbeddedServers(home) as endpoints:
        yield endpoints


@pytest.mark.parametrize("user", ["postgres", "actinium", "root", "nobody"])
@pytest.mark.parametrize("password", [None, "", "postgres", "actinium"])
def test_postgres_answers_nobody_without_its_password(
    endpoints: Endpoints, user: str, password: str | None
) -> None:
    port = urlsplit(endpoints.database_url).port
    for database in ("postgres", "actinium", "template1"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host="127.0.0.1", port=port, user=user, password=password, dbname=database
            )


def test_valkey_answers_nobody_without_its_password(endpoints: Endpoints) -> None:
    port = urlsplit(endpoints.redis_url).port
    with redis.Redis(port=port) as nobody, pytest.raises(redis.AuthenticationError):
        nobody.get("value")
    with redis.Redis(port=port, password="redis") as guessed, pytest.raises(redis.RedisError):
        guessed.lpush("actinium.cpu", "x")
    with redis.Redis.from_url(endpoints.redis_url) as ours:
        assert ours.ping()


def test_the_service_is_no_superuser(endpoints: Endpoints, tmp_path: Path) -> None:
    assert urlsplit(endpoints.database_url).username == "actinium"
    with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False,) * 5
        for statement in (
            f"COPY (SELECT 1) TO PROGRAM 'touch {tmp_path}/taken'",
            f"COPY (SELECT 1) TO '{tmp_path}/taken'",
            "SELECT pg_read_file('/etc/passwd')",
            "ALTER SYSTEM SET fsync = off",
            "ALTER ROLE actinium SUPERUSER",
            "CREATE DATABASE more",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        connection.execute("CREATE TABLE own (id int)")
        connection.execute("DROP TABLE own")
    assert not (tmp_path / "taken").exists()


def test_passwords_are_in_files_of_this_account_only(home: Path, endpoints: Endpoints) -> None:
    passwords = [
        urlsplit(url).password
        for url in (endpoints.database_url, endpoints.superuser_url, endpoints.redis_url)
    ]
    assert len(set(passwords)) == 3
    for password in passwords:
        assert password is not None
        assert len(password) == 64
    for folder in ("passwords", "logs", "postgres", "valkey"):
        assert stat.S_IMODE((home / folder).stat().st_mode) == 0o700, folder
    for file in (*(home / "passwords").iterdir(), home / "valkey" / "valkey.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        assert not any(str(password) in words for password in passwords)


def test_a_home_of_an_older_version_gets_passwords_and_keeps_its_data(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = home / "postgres"
    folder.mkdir(parents=True, mode=0o700)
    subprocess.run(
        [
            *(*unprivileged(), postgres_bin() / "initdb", "-D", folder, "-U", "postgres"),
            *("--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    script = """
        CREATE TABLE runs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
        CREATE INDEX ix_runs_name ON runs (name);
        INSERT INTO runs (name) VALUES ('kept');
    """
    for database, text in (("postgres", "CREATE DATABASE actinium;"), ("actinium", script)):
        single = [*unprivileged(), postgres_bin() / "postgres", "--single", "-j", "-D", folder]
        statements = ";\n\n".join(part.strip() for part in text.split(";") if part.strip())
        subprocess.run(
            [*single, database],
            input=f"{statements};\n\n",
            text=True,
            check=True,
            capture_output=True,
            cwd=folder,
        )
    for _ in range(2):
        server = PostgresServer(home)
        url = server.start()
        try:
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT name FROM runs").fetchone() == ("kept",)
                connection.execute("INSERT INTO runs (name) VALUES ('new')")
                connection.execute("ALTER TABLE runs ADD COLUMN IF NOT EXISTS more int")
                connection.execute("DROP INDEX IF EXISTS ix_runs_name")
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host="127.0.0.1", port=server.port, user="postgres")
        finally:
            server.stop()
    assert "trust" not in [
        line.split()[-1]
        for line in (folder / "pg_hba.conf").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]


def test_a_lost_password_is_told(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "home")
    server.start()
    server.stop()
    (tmp_path / "home" / "passwords" / "postgres-postgres").unlink()
    with pytest.raises(EmbeddedServerError, match="put the file back"):
        PostgresServer(tmp_path / "home").start()
