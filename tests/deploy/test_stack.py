"""The start of the whole service: it waits for a slow machine, and not for programs that fail."""

import pytest

from deploy.stack import Stack, StackError

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(settings, monkeypatch):
    """The service on the tests' servers, without workers; and the lines that it writes."""
    monkeypatch.setenv("ACTINIUM_HOME", str(settings.home))
    monkeypatch.setenv("ACTINIUM_HOST", "127.0.0.1")
    named = settings.model_copy(update={"port": 0, "workers": 0})
    lines: list[str] = []
    return Stack(named, lambda name, line: lines.append(f"{name} {line}")), lines


def test_a_start_that_takes_long_is_waited_for(stack):
    started, _ = stack
    with started:
        started.wait_until_ready(seconds=0, slow_seconds=120)


def test_programs_that_end_are_not_waited_for(stack, monkeypatch):
    monkeypatch.setenv("ACTINIUM_LOG_LEVEL", "verbose")
    started, lines = stack
    with started, pytest.raises(StackError, match="was not ready after"):
        started.wait_until_ready(seconds=0, slow_seconds=600)
    # Whichever program ended first has said why; the others may not have come to it.
    reason = "ACTINIUM_LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
    assert {"api " + reason, "scheduler " + reason} & set(lines)
