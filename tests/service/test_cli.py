"""``actinium-admin`` as an operator runs it: real processes on a real database."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg
import pytest

from service.api.openapi.document import served_description
from service.settings import Settings
from tests.support.paths import ROOT
from tests.support.processes import Processes, environment, wait_for

pytestmark = pytest.mark.slow

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def _admin(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def processes(settings: Settings, tmp_path: Path, port: int) -> Processes:
    """Return processes whose API listens on a free port."""
    return Processes(settings.model_copy(update={"port": port}), tmp_path / "logs")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def test_a_key_is_created_listed_and_revoked(settings: Settings) -> None:
    created = _admin(
        settings, "keys", "create", "--name", "lab", "--scope", "read", "--scope", "submit"
    )
    assert created.returncode == 0
    token = created.stdout.strip()
    assert re.fullmatch(r"act_[\w-]{43}", token)
    listed = _admin(settings, "keys", "list").stdout
    assert token not in listed
    row = next(line for line in listed.splitlines() if "lab" in line)
    assert "read,submit" in row
    key_id = row.split()[0]
    assert key_id in created.stderr
    assert _admin(settings, "keys", "revoke", key_id).returncode == 0
    revoked = _admin(settings, "keys", "list").stdout
    assert not next(line for line in revoked.splitlines() if "lab" in line).endswith("-")


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "revoke", "019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e"),
        ("keys", "create", "--name", " ", "--scope", "read"),
    ],
)
def test_an_impossible_request_ends_in_a_sentence(
    settings: Settings, arguments: tuple[str, ...]
) -> None:
    done = _admin(settings, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith(".\n")


@pytest.mark.parametrize("arguments", [("keys", "list"), ("migrate",)])
def test_a_database_that_is_away_is_reported_in_a_sentence(
    settings: Settings, arguments: tuple[str, ...]
) -> None:
    done = _admin(settings.model_copy(update={"database_url": NOWHERE}), *arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "The database at 127.0.0.1:1 does not answer" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "changed", "sentence"),
    [
        (("migrate",), {}, "The database's schema is up to date."),
        (("migrate",), {"log_level": "LOUD"}, "ACTINIUM_LOG_LEVEL must be one of"),
        (("api",), {"log_level": "LOUD"}, "ACTINIUM_LOG_LEVEL must be one of"),
        (("scheduler",), {"log_level": "LOUD"}, "ACTINIUM_LOG_LEVEL must be one of"),
    ],
)
def test_the_last_words_of_a_service_are_json_where_its_log_is(
    settings: Settings, arguments: tuple[str, ...], changed: dict[str, object], sentence: str
) -> None:
    done = _admin(settings.model_copy(update={"log_json": True, **changed}), *arguments)
    assert done.stdout == ""
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["event"].startswith(sentence)
    assert (last["level"], done.returncode) in {("info", 0), ("critical", 1)}
    assert [line for line in done.stderr.splitlines() if not line.startswith("{")] == []


def test_migrate_makes_an_empty_database_ready(settings: Settings) -> None:
    base, _, name = settings.database_url.rpartition("/")
    empty = settings.model_copy(update={"database_url": f"{base}/{name}_empty"})
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_empty".encode())
        try:
            before = _admin(empty, "keys", "list")
            assert before.returncode == 1
            assert "actinium-admin migrate" in before.stderr
            assert _admin(empty, "api").returncode == 1
            assert _admin(empty, "migrate").returncode == 0
            assert _admin(empty, "migrate").returncode == 0
            assert _admin(empty, "keys", "list").returncode == 0
        finally:
            connection.execute(f"DROP DATABASE {name}_empty WITH (FORCE)".encode())


def test_the_api_ends_promptly_on_sigterm_with_a_stream_open(
    processes: Processes, port: int
) -> None:
    url = f"http://127.0.0.1:{port}"
    with processes, httpx.Client(base_url=url, timeout=30) as client:
        api = processes.start("api", "service.cli", "api")
        wait_for(lambda: _answers(url), what="the API answers")
        assert "No API key exists" in api.output
        created = client.post("/v1/experiments", json={"activation": "relu", "epochs": 1}).json()
        with client.stream("GET", f"/v1/experiments/{created['id']}/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            api.send(signal.SIGTERM)
            assert list(lines)[-1] == ""  # ended by the server, and not cut after its grace
            assert api.wait(10) in {0, -signal.SIGTERM}
        assert "Traceback" not in api.output
        assert f"/v1/experiments/{created['id']}/events" in api.output


def test_a_huge_upload_is_refused_and_not_stored(processes: Processes, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    piece = b" " * 1_000_000
    with processes:
        api = processes.start("api", "service.cli", "api")
        wait_for(lambda: _answers(url), what="the API answers")
        before = _peak_megabytes(api.pid)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/v1/experiments")
        connection.putheader("Content-Length", str(10**8))
        connection.endheaders()
        assert connection.getresponse().status == 413  # before a byte of it was sent
        connection.close()
        for body in (piece * 100, (piece for _ in range(100))):
            response = httpx.post(
                f"{url}/v1/experiments",
                content=body,
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            assert response.status_code == 413
            assert response.headers["content-type"] == "application/problem+json"
            assert "max_body_bytes = 1,000,000" in response.json()["detail"]
        # Less than a single upload, whatever the allocator keeps.
        assert _peak_megabytes(api.pid) - before < 100


def test_the_scheduler_runs(processes: Processes) -> None:
    with processes:
        scheduler = processes.start("scheduler", "service.cli", "scheduler")
        scheduler.says("The scheduler runs")
        scheduler.send(signal.SIGTERM)
        assert scheduler.wait() == 0


def test_the_api_s_description_is_printed_or_written_to_a_file(
    settings: Settings, tmp_path: Path
) -> None:
    file, served = tmp_path / "openapi.yaml", tmp_path / "openapi.json"
    written = _admin(settings, "openapi", "--output", str(file), "--output", str(served))
    assert written.returncode == 0
    assert served.read_bytes() == served_description()
    printed = _admin(settings, "openapi").stdout
    assert file.read_text() == printed
    assert printed.startswith("openapi: 3.1.0\n")
