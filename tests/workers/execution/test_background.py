"""Waiting in the background: results, errors, and signs of life meanwhile."""

import threading

import pytest

from workers.execution import background
from workers.execution.background import wait_for


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(background, "PULSE_SECONDS", 0.01)


def test_a_result_or_an_error_is_handed_on():
    assert wait_for(lambda: 7, lambda: None) == 7
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 // 0, lambda: None)


def test_pulses_come_until_it_is_done():
    done, pulses = threading.Event(), []

    def pulse():
        pulses.append(threading.current_thread())
        if len(pulses) == 5:
            done.set()

    assert wait_for(lambda: done.wait(20), pulse) is True
    assert len(pulses) >= 5
    assert set(pulses) == {threading.current_thread()}


def test_a_pulse_can_end_the_wait():
    never = threading.Event()

    def pulse():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        wait_for(never.wait, pulse)
    never.set()
