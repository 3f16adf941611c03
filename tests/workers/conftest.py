import pytest
import torch

from service.runs import claims
from tests.support.run_rows import Looks
from tests.support.small_experiments import submit
from workers.execution.runner import train_runs
from workers.training import devices

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _threads():
    """Trainings set the process's number of threads; other tests want theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _each_epoch_by_itself(monkeypatch):
    """Tests steer by what is recorded, so nothing waits; groups have tests of their own."""
    monkeypatch.setattr("workers.execution.group_commit.GROUP_SECONDS", 0.0)


@pytest.fixture
def claim(sessions, settings):
    """Claim the next waiting run, and no more."""

    def claim(worker="one"):
        with sessions() as session:
            (claimed,) = claims.claim(
                session, worker=worker, engine=devices.describe(CPU), settings=settings, most=1
            )
            return claimed

    return claim


@pytest.fixture
def train(sessions, settings, claim):
    """Claim the next waiting run and train it; return the outcome."""

    def train(stopping=lambda: False, sessions=sessions, **changed):
        (outcome,) = train_runs(
            sessions,
            [claim()],
            settings.model_copy(update=changed),
            worker="one",
            device=CPU,
            stopping=stopping,
        )
        return outcome

    return train


@pytest.fixture
def submitted(session, settings):
    """Submit one run."""

    def submitted(**fields):
        (run_id,) = submit(session, settings, **fields)
        return run_id

    return submitted


@pytest.fixture
def look(sessions):
    """See how runs stand."""
    return Looks(sessions)
