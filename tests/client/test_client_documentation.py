"""The snippets of docs/client.md run as they stand."""

import importlib.util
import re
import shlex
import subprocess
import sys

import pytest

from tests.processes import ROOT

PAGE = (ROOT / "docs" / "client.md").read_text()
BLOCK = re.compile(
    r"(<!-- needs (?P<needs>\w+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.S
)
BLOCKS = [each.groupdict() for each in BLOCK.finditer(PAGE)]


@pytest.fixture
def here(served, worker, tmp_path, monkeypatch):
    """A user's folder, with the service named in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACTINIUM_URL", served.url)
    monkeypatch.delenv("ACTINIUM_KEY", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "client"))
    return tmp_path


def test_the_python_snippets_run_one_after_the_other(here, capsys):
    names: dict[str, object] = {"__name__": "snippets"}
    snippets = [each for each in BLOCKS if each["language"] == "python"]
    assert len(snippets) == 5
    for each in snippets:
        if each["needs"] is None or importlib.util.find_spec(each["needs"]):
            exec(compile(each["text"], "docs/client.md", "exec"), names)
    told = capsys.readouterr().out
    assert "leaky_relu(0.2)" in told
    assert "run.finished" in told
    assert "did you mean 'relu'" in told
    assert (here / "histories.csv").stat().st_size > 0
    assert b"<svg" in (here / "curves.svg").read_bytes()
    names["client"].close()


def test_the_commands_run_as_they_stand(here):
    written = [each["text"] for each in BLOCKS if each["language"] == "console"]
    lines = [line for text in written for line in text.splitlines()]
    commands = [line for line in lines if line.startswith("actinium ")]
    assert len(commands) == 4
    for line in commands:
        told = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert told.returncode == 0, f"{line}\n{told.stderr}"
    assert (here / "histories.csv").stat().st_size > 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_each_shell_is_there(here, monkeypatch, shell):
    monkeypatch.setenv("_ACTINIUM_COMPLETE", f"{shell}_source")
    told = subprocess.run(
        [sys.executable, "-m", "actinium"], capture_output=True, text=True, check=True
    )
    assert "_ACTINIUM_COMPLETE" in told.stdout
