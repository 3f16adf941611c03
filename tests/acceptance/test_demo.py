"""``make demo`` and ``make up``, as a user runs them."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo import why_sigmoid_fails
from deploy.embedded.process import Process
from deploy.service_log import is_request
from tests.support.paths import ROOT
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

ACTIVATIONS = (
    "sigmoid",
    "relu",
    "elu",
    "leaky_relu(negative_slope=0.2)",
    "gelu(approximate=tanh)",
    "selu",
)


@pytest.fixture
def environment(tmp_path):
    """A user's environment, with a home of its own and no servers named."""
    named = ("DATABASE_URL", "REDIS_URL", "ACTINIUM_DATABASE_URL", "ACTINIUM_REDIS_URL")
    kept = {name: value for name, value in os.environ.items() if name not in named}
    # Wide enough for every line; PYTHONPATH as `make` runs it from the repository.
    return {
        **kept,
        "ACTINIUM_HOME": str(tmp_path / "a home"),
        "ACTINIUM_PORT": "0",
        "ACTINIUM_WORKERS": "1",
        "COLUMNS": "120",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def run(tmp_path, environment):
    """Run a program of ``deploy`` to its end."""

    def to_its_end(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return to_its_end


def test_the_demonstration_trains_ranks_draws_and_the_second_time_reuses(
    run, tmp_path, environment
):
    environment["ACTINIUM_PORT"] = "8123"  # of the page that it names; it listens on a free one

    def demonstrate() -> str:
        result = run("deploy.demo", "--epochs", "1", "--train-size", "256", seconds=240)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    first = demonstrate()
    for activation in ACTIVATIONS:
        assert first.count(activation) >= 2, f"{activation} needs a bar and a place in the table"
    assert "already trained" not in first
    assert re.search(r"^Validation accuracy at the last epoch, highest first\.", first, re.M)
    last = first.splitlines()[-1]
    assert re.fullmatch(r"http://127\.0\.0\.1:8123/#/experiments/[0-9a-f-]{36}", last)
    assert last.rpartition("/")[2] in first.splitlines()[1]
    picture = tmp_path / "demo" / "learning_curves.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    second = demonstrate()
    assert "6 of them were already trained" in second
    ranking = [line for line in first.splitlines() if "glorot_uniform" in line]
    assert ranking == [line for line in second.splitlines() if "glorot_uniform" in line]


def _run_of_sigmoid(accuracy: float, findings: list[str]) -> dict[str, Any]:
    explained = [{"kind": kind, "explanation": f"It is {kind}."} for kind in findings]
    diagnosis = {"verdict": "saturated", "findings": explained}
    return {"final": {"val_accuracy": accuracy}, "diagnosis": diagnosis}


def test_the_reason_is_given_only_where_sigmoid_did_not_learn():
    learned = _run_of_sigmoid(0.97, ["plateau"])
    failed = _run_of_sigmoid(0.0975, ["plateau", "saturated"])
    reason = "Why sigmoid stays at 10% (saturated): It is saturated."
    assert why_sigmoid_fails([learned, failed]) == reason
    assert why_sigmoid_fails([learned]) is None
    unexplained = _run_of_sigmoid(0.1, ["plateau"])
    unexplained["diagnosis"]["verdict"] = "no_cause_found"
    reason = "Why sigmoid stays at 10% (no cause found): It is plateau."
    assert why_sigmoid_fails([unexplained]) == reason
    assert why_sigmoid_fails([_run_of_sigmoid(0.1, [])]) is None
    assert why_sigmoid_fails([failed | {"final": None}, failed | {"diagnosis": None}]) is None


@pytest.mark.longest
def test_a_bad_size_is_one_sentence(run):
    result = run("deploy.demo", "--train-size", "70000")
    assert result.returncode == 1
    assert "/dataset/train_size" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("module", "usage"),
    [
        ("deploy.demo", "make demo"),
        ("deploy.up", "make up"),
        *(
            (f"docs.generate.{name}", f"python -m docs.generate.{name}")
            for name in ("figure_pictures", "notebook", "page_pictures", "verdict_pictures")
        ),
    ],
)
def test_help_starts_nothing(run, tmp_path, module, usage):
    result = run(module, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"usage: {usage} [-h]")
    assert not any(tmp_path.iterdir())


@pytest.fixture
def up(tmp_path, environment):
    started = subprocess.Popen(
        [sys.executable, "-m", "deploy.up"],
        cwd=tmp_path,
        env=environment,
        stdout=(tmp_path / "up.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    yield started
    if started.poll() is None:
        started.send_signal(signal.SIGINT)
        started.wait(40)


def _ready(tmp_path: Path) -> str | None:
    found = re.search(r"^Actinium is ready: (\S+)", (tmp_path / "up.log").read_text(), re.M)
    return found and found[1]


def test_up_names_the_page_first_and_logs_requests_in_a_file_only(up, tmp_path):
    url = wait_for(lambda: _ready(tmp_path), what="the service is ready", seconds=60)
    assert '<html lang="' in httpx.get(f"{url}/").text
    assert httpx.get(f"{url}/v1/catalog/activation").status_code == 200
    log = tmp_path / "a home" / "logs" / "service.log"
    wait_for(lambda: "GET /v1/catalog/activation" in log.read_text(), what="a request is logged")
    shown = (tmp_path / "up.log").read_text()
    assert not any(is_request(line) for line in shown.splitlines())
    assert "Application startup complete" in shown


@pytest.mark.longest
def test_up_runs_in_an_odd_environment(tmp_path, environment):
    """Another address of the loopback, proxies, libpq's variables, no workers, a closed pipe."""
    odd = {
        "ACTINIUM_HOST": "::1",
        "ACTINIUM_WORKERS": "0",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "PGSSLMODE": "require",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGSERVICE": "none",
        "PYTHONIOENCODING": "ascii",
        "COLUMNS": "0",
    }
    started = subprocess.Popen(
        [sys.executable, "-m", "deploy.up"],
        cwd=tmp_path,
        env=environment | odd,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "errors.log").open("w"),
        text=True,
    )
    try:
        assert started.stdout is not None
        shown = iter(started.stdout.readline, "")
        ready = next(line for line in shown if line.startswith("Actinium is ready"))
        url = ready.split()[3]
        assert url.startswith("http://[::1]:")
        started.stdout.close()  # as `make up | head -3` does
        sign = tmp_path / "a home" / "alive" / "scheduler"
        for _ in range(2):
            seen = sign.stat().st_mtime
            wait_for(lambda seen=seen: sign.stat().st_mtime > seen, what="the scheduler turns")
        made = subprocess.run(
            [sys.executable, "-m", "service.cli", "keys", "create", "--name=n", "--scope=read"],
            cwd=tmp_path,
            env=environment | odd,
            capture_output=True,
            text=True,
            check=True,
        )
        key = {"Authorization": f"Bearer {made.stdout.strip()}"}
        assert httpx.get(f"{url}/v1/runs", headers=key, trust_env=False).status_code == 200
        assert httpx.get(f"{url}/v1/runs", trust_env=False).status_code == 401
    finally:
        started.send_signal(signal.SIGINT)
        assert started.wait(40) == 0
    assert (tmp_path / "errors.log").read_text() == ""


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ACTINIUM_WORKERS", "two", "ACTINIUM_WORKERS must be a whole number.\n"),
        (
            "ACTINIUM_HOST",
            "203.0.113.7",
            "The API cannot listen on 203.0.113.7, port 8124: Cannot assign requested address. "
            "Set ACTINIUM_HOST or ACTINIUM_PORT.\n",
        ),
    ],
)
def test_up_with_a_bad_setting_is_one_sentence(run, environment, variable, value, sentence):
    environment |= {"ACTINIUM_PORT": "8124", variable: value}
    result = run("deploy.up")
    assert (result.returncode, result.stderr) == (1, sentence)


@pytest.mark.parametrize(
    ("line", "request_line"),
    [
        ("2026-11-28T11:25:18Z [info     ] GET /v1/runs caller=local status=200", True),
        ('{"status": 200, "event": "DELETE /v1/runs/x", "level": "info"}', True),
        ("2026-11-28T11:25:18Z [error    ] A request failed path=/v1/runs", False),
        ("2026-11-28T11:25:18Z [info     ] Training runs=3", False),
        ("Traceback (most recent call last):", False),
    ],
)
def test_only_requests_are_kept_from_the_terminal(line, request_line):
    assert is_request(line) is request_line


def _descendants(pid: int) -> list[Process]:
    """Everything below a process, as handles that outlive it."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below, found = {pid}, []
    while fresh := {child for child, parent in parents if parent in below} - below:
        below |= fresh
        for child in fresh:
            try:
                found.append(Process(child))
            except ProcessLookupError:
                continue
    return found


def _command(process: Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def test_up_restarts_a_killed_worker_and_stops_everything_on_interrupt(up, tmp_path):
    wait_for(lambda: _ready(tmp_path), what="the service is ready", seconds=60)
    url = _ready(tmp_path)
    assert httpx.get(f"{url}/readyz").status_code == 200

    def workers() -> list[Process]:
        started = [child for child in _descendants(up.pid) if "-m workers" in _command(child)]
        return [worker for worker in started if worker.running]

    killed = workers()
    assert killed
    killed[0].send(signal.SIGKILL)
    wait_for(
        lambda: (
            not any(worker.running for worker in killed)
            and {worker.pid for worker in workers()} - {worker.pid for worker in killed}
        ),
        what="another worker is started",
        seconds=60,
    )
    everything = _descendants(up.pid)
    up.send_signal(signal.SIGINT)
    assert up.wait(40) == 0
    assert not [_command(process) for process in everything if process.running]
    assert "The data stays" in (tmp_path / "up.log").read_text()


def test_nothing_is_left_when_up_is_killed(up, tmp_path):
    wait_for(lambda: _ready(tmp_path), what="the service is ready", seconds=60)
    everything = _descendants(up.pid)
    assert len(everything) > 4
    up.kill()

    def left() -> list[str]:
        return [_command(process) for process in everything if process.running]

    wait_for(lambda: not left(), what=lambda: f"an end of {left()}", seconds=40)
