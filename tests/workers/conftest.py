import pytest
import torch

from service import runs
from tests.looks import Looks
from tests.submissions import submit
from workers.runner import train_run
from workers.training import devices

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _threads():
    """Trainings set the process's number of threads; other tests want theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def claim(sessions, settings):
    """Claim the next waiting run."""

    def claim(worker="one"):
        devices.prepare(CPU, settings.training_threads)
        with sessions() as session:
            return runs.claim(
                session, worker=worker, engine=devices.describe(CPU), settings=settings
            )

    return claim


@pytest.fixture
def train(sessions, settings, claim):
    """Claim the next waiting run and train it; return the outcome."""

    def train(stopping=lambda: False, sessions=sessions, **changed):
        return train_run(
            sessions,
            claim(),
            settings.model_copy(update=changed),
            worker="one",
            device=CPU,
            stopping=stopping,
        )

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
