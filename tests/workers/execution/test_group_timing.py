"""When epochs wait to share a transaction, and for how long."""

import math
from itertools import pairwise
from types import SimpleNamespace
from uuid import UUID

import pytest

from service.runs.fencing import Claim
from service.runs.recording import EpochRecord
from tests.support.layer_samples import insight
from workers.execution import group_commit
from workers.execution.group_commit import CommitGroup

CLAIM = Claim(UUID(int=1), UUID(int=2), 1, {}, 0, 100, 0, {})


class Clock:
    """Stands in for the process's clock."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(group_commit, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(group_commit, "GROUP_SECONDS", 0.2)
        self.group = CommitGroup()

    def transactions(self, epochs, seconds, commit=0.005):
        """Train some epochs; return after which there was a transaction, and when it ended."""
        found = []
        for epoch in range(1, epochs + 1):
            self.now += seconds
            self.group.add([EpochRecord(CLAIM, epoch, {})])
            if self.group.due:
                self.group.take()
                self.now += commit
                self.group.recorded()
                found.append((epoch, self.now))
        return found


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize("seconds", [0.2, 0.3, 5.0])
def test_an_epoch_that_takes_long_never_waits(clock, seconds):
    assert [epoch for epoch, _ in clock.transactions(5, seconds)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("commit", [0.005, 0.5])
@pytest.mark.parametrize("seconds", [0.001, 0.003, 0.03, 0.09])
def test_short_epochs_share_transactions_and_none_waits_long(clock, seconds, commit):
    """However long a transaction takes: then it matters most that there are few."""
    count = math.ceil(10 / seconds)
    found = clock.transactions(count, seconds, commit)
    assert found[0][0] == 1
    pauses = [after[1] - commit - before[1] for before, after in pairwise(found)]
    assert max(pauses) <= 0.2 + 1e-6
    assert min(pauses) >= 0.2 - seconds - 1e-6
    assert count - found[-1][0] <= 0.2 / seconds


def test_an_epoch_that_takes_longer_than_those_before_waits_no_more(clock):
    clock.transactions(3, 0.001)
    assert [epoch for epoch, _ in clock.transactions(3, 0.25)] == [1, 2, 3]


def test_what_waits_stays_small(clock):
    clock.transactions(1, 0.001)
    many = [EpochRecord(CLAIM, epoch, {}) for epoch in range(999)]
    clock.group.add(many)
    assert not clock.group.due
    clock.group.add(many[:1])
    assert clock.group.due
    assert len(clock.group.take()) == 1000
    clock.group.recorded()
    clock.group.add([EpochRecord(CLAIM, epoch, {}, insight=insight()) for epoch in range(50)])
    assert clock.group.due
