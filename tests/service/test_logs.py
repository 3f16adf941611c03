"""Logs in JSON: each line is an object, whoever wrote it."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys, threading, warnings
from service.logs import configure_logging
from service.settings import Settings

configure_logging(Settings(log_json=True))
logging.getLogger("some.library").warning("a line of a library")
logging.getLogger("multiprocessing").error("a line of the pool")
warnings.warn("a warning")
thread = threading.Thread(target=lambda: 1 // 0)
thread.start()
thread.join()
raise ValueError("the last error")
"""


@pytest.fixture(scope="module")
def lines():
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_every_line_is_an_object_with_an_event_a_level_and_a_time(lines):
    for line in lines:
        assert line.keys() >= {"event", "level", "timestamp"}
    events = [line["event"] for line in lines]
    assert events[:2] == ["a line of a library", "a line of the pool"]
    assert "a warning" in events[2]


def test_an_error_that_nobody_catches_is_one_line_with_its_traceback(lines):
    of_thread, of_process = lines[-2:]
    assert "ZeroDivisionError" in of_thread["exception"]
    assert "ValueError: the last error" in of_process["exception"]
    assert {of_thread["level"], of_process["level"]} == {"critical"}
