"""``make demo`` and ``make up``, as a user runs them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.embedded.process import Process
from tests.support.paths import ROOT
from tests.support.processes import wait_for

ACTIVATIONS = ("sigmoid", "relu", "elu", "leaky_relu(0.2)", "gelu(tanh)", "selu")


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


def test_the_demonstration_trains_ranks_draws_and_the_second_time_reuses(run, tmp_path):
    def demonstrate() -> str:
        told = run("deploy.demo", "--epochs", "1", "--train-size", "256", seconds=240)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    first = demonstrate()
    for activation in ACTIVATIONS:
        assert first.count(activation) >= 2, f"{activation} needs a bar and a place in the table"
    assert "already trained" not in first
    picture = tmp_path / "demo" / "learning_curves.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    second = demonstrate()
    assert "6 of them were already trained" in second
    ranking = [line for line in first.splitlines() if "glorot_uniform" in line]
    assert ranking == [line for line in second.splitlines() if "glorot_uniform" in line]


def test_a_bad_size_is_one_sentence(run):
    told = run("deploy.demo", "--train-size", "70000")
    assert told.returncode == 1
    assert "/dataset/train_size" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("name", ["up", "notebook", "page_pictures", "verdict_pictures"])
def test_who_asks_for_help_starts_nothing(run, tmp_path, name):
    told = run(f"deploy.{name}", "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: python -m deploy.{name} [-h]\n")
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
    text = (tmp_path / "up.log").read_text()
    for line in text.splitlines():
        if line.strip().startswith("API ") and "http" in line:
            return line.split()[1]
    return None


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
        mine = [each for each in _descendants(up.pid) if "-m workers" in _command(each)]
        return [each for each in mine if each.running]

    killed = workers()
    assert killed
    killed[0].send(signal.SIGKILL)
    wait_for(
        lambda: (
            not any(each.running for each in killed)
            and {each.pid for each in workers()} - {each.pid for each in killed}
        ),
        what="another worker is started",
        seconds=60,
    )
    everything = _descendants(up.pid)
    up.send_signal(signal.SIGINT)
    assert up.wait(40) == 0
    assert not [_command(each) for each in everything if each.running]
    assert "The data stays" in (tmp_path / "up.log").read_text()


def test_nothing_is_left_when_up_is_killed(up, tmp_path):
    wait_for(lambda: _ready(tmp_path), what="the service is ready", seconds=60)
    everything = _descendants(up.pid)
    assert len(everything) > 4
    up.kill()

    def left() -> list[str]:
        return [_command(each) for each in everything if each.running]

    wait_for(lambda: not left(), what=lambda: f"an end of {left()}", seconds=40)
