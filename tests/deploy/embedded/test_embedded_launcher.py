"""``python -m deploy.embedded``: what it prints, how it ends, and what is left when it dies."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.support.paths import ROOT
from tests.support.stack_launchers import Launch, processes_of, wait_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_both_cleanly(tmp_path: Path, launch: Launch, ending: int) -> None:
    launcher = launch(tmp_path)
    database_url, redis_url = launcher.urls()
    with psycopg.connect(database_url), redis.Redis.from_url(redis_url) as client:
        assert client.ping()
        # Connected clients must not hold up the end.
        os.killpg(launcher.process.pid, ending)
        code, error = launcher.end()
    assert code == 0
    assert processes_of(tmp_path) == []
    assert error == f"Logs: {tmp_path / 'logs'}. Ctrl-C stops both.\n"
    postgres_log = (tmp_path / "logs" / "postgres.log").read_text()
    assert postgres_log.count("database system is shut down") == 1
    assert postgres_log.count("received fast shutdown request") == 1
    valkey_log = (tmp_path / "logs" / "valkey.log").read_text()
    assert valkey_log.count("Received SIG") == 1, "the terminal's signal does not reach it"
    assert "Received SIGTERM" in valkey_log


def test_a_folder_may_have_a_name_that_the_locale_cannot_write(
    tmp_path: Path, launch: Launch
) -> None:
    home = tmp_path / "50% 中文 dir"
    launcher = launch(home, prefix=("env", "LC_ALL=C", "PYTHONUTF8=0", "PYTHONCOERCECLOCALE=0"))
    database_url, _ = launcher.urls()
    psycopg.connect(database_url).close()
    launcher.ctrl_c()
    assert launcher.end()[0] == 0


def test_ctrl_c_works_in_the_background_of_a_script(tmp_path: Path, launch: Launch) -> None:
    launcher = launch(tmp_path, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    launcher.urls()
    launcher.ctrl_c()
    assert launcher.end()[0] == 0
    assert processes_of(tmp_path) == []


def test_ctrl_c_while_initdb_runs(tmp_path: Path, launch: Launch) -> None:
    launcher = launch(tmp_path)
    wait_until(lambda: any(tmp_path.glob("postgres.new-*/base")), "initdb works")
    launcher.ctrl_c()
    assert launcher.end() == (0, "")
    wait_until(lambda: processes_of(tmp_path) == [], "initdb ends")
    launcher = launch(tmp_path)
    launcher.urls()


def test_kill_9_leaves_no_process_and_no_committed_row_is_lost(
    tmp_path: Path, launch: Launch
) -> None:
    launcher = launch(tmp_path)
    database_url, redis_url = launcher.urls()
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        client.set("kept", "yes")
    with contextlib.closing(psycopg.connect(database_url)) as connection:
        connection.execute("INSERT INTO kept VALUES (-1)")  # never committed
        launcher.process.kill()
        wait_until(lambda: processes_of(tmp_path) == [], "both servers end", seconds=30)
    # A shutdown in order, not a crash.
    assert "database system is shut down" in (tmp_path / "logs" / "postgres.log").read_text()

    launcher = launch(tmp_path)
    assert launcher.urls() == (database_url, redis_url)
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        assert connection.execute("SELECT count(*), min(number) FROM kept").fetchone() == (1000, 1)
        assert client.get("kept") == b"yes"


def test_a_launcher_right_after_a_killed_one(tmp_path: Path, launch: Launch) -> None:
    launcher = launch(tmp_path)
    urls = launcher.urls()
    for _ in range(2):
        launcher.process.kill()
        launcher.process.wait()
        launcher = launch(tmp_path)
        assert launcher.urls() == urls
    launcher.ctrl_c()
    assert launcher.end()[0] == 0


def test_a_second_launcher_is_refused_with_a_sentence(tmp_path: Path, launch: Launch) -> None:
    first = launch(tmp_path)
    database_url, _ = first.urls()
    code, error = launch(tmp_path).end()
    assert code == 1
    assert error == (
        f"The embedded servers of {tmp_path} are run by another launcher, process "
        f"{first.process.pid}: stop that one, or choose another folder with ACTINIUM_HOME.\n"
    )
    psycopg.connect(database_url).close()


def test_a_half_made_initdb_is_done_again(tmp_path: Path, launch: Launch) -> None:
    launcher = launch(tmp_path)
    wait_until(lambda: any(tmp_path.glob("postgres.new-*/PG_VERSION")), "initdb works")
    launcher.process.kill()
    launcher.process.wait()
    assert not (tmp_path / "postgres").exists()
    unfinished = tmp_path / "postgres.new-killed"  # as kill -9 of initdb itself leaves it
    (unfinished / "base").mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    launcher = launch(tmp_path)
    database_url, _ = launcher.urls()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert list(tmp_path.glob("postgres.new-*")) == []


# Shows the interpreter at $1 below an open folder in place of the closed one at $2.
OPEN_VIEW = """
set -e
mount --bind "$1" "$3"; mount -t tmpfs -o mode=755 tmpfs "$2"; mkdir -p "$1"
mount --bind "$3" "$1"; shift 3; exec "$@"
"""


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A folder whose parents every user may pass, which pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="actinium-"))
    yield home
    shutil.rmtree(home)


@pytest.mark.parametrize("uid", [65534, 54321], ids=["nobody", "nameless"])
def test_as_an_ordinary_user(own_home: Path, tmp_path: Path, launch: Launch, uid: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root: every other test here runs as an ordinary user already")
    become = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    prefix = [*interpreter_in_view(tmp_path), *become]
    probe = [*prefix, sys.executable, "-c", "import deploy.embedded, service.settings"]
    tried = subprocess.run(probe, cwd=ROOT, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"user {uid} cannot run this Python: {tried.stderr.strip()[-200:]}")

    os.chown(own_home, uid, uid)
    launcher = launch(own_home, prefix)
    database_url, redis_url = launcher.urls()
    assert Path(f"/proc/{launcher.process.pid}").stat().st_uid == uid
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.commit()
        assert client.ping()
        servers = processes_of(own_home)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in servers} == {uid}
    assert {path.stat().st_uid for path in own_home.rglob("*")} == {uid}
    launcher.process.kill()
    wait_until(lambda: processes_of(own_home) == [], "both servers end", seconds=30)

    launcher = launch(own_home, prefix)
    assert launcher.urls() == (database_url, redis_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    launcher.ctrl_c()
    assert launcher.end()[0] == 0
    assert processes_of(own_home) == []


def interpreter_in_view(stage: Path) -> list[str | Path]:
    """Words before a command that let any user reach the interpreter, if it lies in root's own
    folder; the folder is shown open to that command alone."""
    interpreter = Path(sys.base_prefix)
    closed = [folder for folder in interpreter.parents if not folder.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return []
    view = ["unshare", "--mount", "--propagation", "private", "sh", "-c", OPEN_VIEW, "sh"]
    return [*view, interpreter, closed[-1], stage]
