"""A test that fails shows what its processes have said, also where a fixture started them."""

import subprocess
import sys

from tests.support.paths import ROOT

FAILING = """
import pytest
from service.settings import Settings
from tests.support.processes import Processes

@pytest.fixture
def processes(tmp_path):
    with Processes(Settings(), tmp_path / "logs") as started:
        yield started

def test_fails(processes):
    ended = processes.start("first", "json.tool", "--help")
    assert ended.wait() == 0
    waits = processes.start("second", "json.tool", "--no-such-option")
    assert waits.wait() == 2
    waits.log.write_text("".join(f"line {each}\\n" for each in range(1000)))
    raise AssertionError("so it ends")

def test_holds(processes):
    pass

def test_fails_too(processes):
    raise AssertionError("nothing was started")
"""


def test_the_logs_of_a_failed_test_come_with_its_report(tmp_path):
    test = tmp_path / "test_failing.py"
    test.write_text(FAILING)
    plain = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c"]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, "/dev/null", str(test)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    assert "2 failed, 1 passed" in told, told
    assert told.count("log of first (process ") == 1, "of the test that started it alone"
    assert "exit status 0)" in told
    assert "usage: " in told
    assert "exit status 2), the last 150 of 1000 lines" in told
    assert "line 850\n" in told
    assert "line 849\n" not in told
