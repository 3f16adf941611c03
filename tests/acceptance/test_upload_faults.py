"""A worker that is killed in the middle of a training on uploaded data: its twin is unharmed."""

import asyncio
import os
import signal

import pytest

from service.datasets import store
from service.datasets.isolation import parse_apart
from service.datasets.meaning import FileLimits, FileMeaning
from service.statuses import ENDED
from tests.support.paths import ROOT
from tests.support.processes import Processes, wait_for
from tests.support.run_rows import Looks
from tests.support.small_experiments import ring, submit

pytestmark = pytest.mark.slow

CHURN = ROOT / "data" / "churn" / "churn_modelling.csv"


@pytest.fixture
def churn(sessions, settings, tmp_path):
    output = tmp_path / "canonical"
    meaning = FileMeaning(target="Exited")
    understood = asyncio.run(parse_apart(CHURN, meaning, FileLimits(), output))
    with sessions() as session:
        labels = store.DatasetLabels("churn")
        made, _ = store.store(session, understood, output, labels, caller="test", settings=settings)
        return made


@pytest.mark.longest
def test_a_killed_worker_on_uploaded_data_ends_with_the_bits_of_its_twin(
    sessions, settings, churn, tmp_path
):
    looks = Looks(sessions)
    spec = {
        "dataset": {"name": "uploaded", "id": str(churn.id), "train_size": 4000},
        "model": {"name": "mlp", "hidden_units": [32, 16]},
        "batch_size": 32,
        "epochs": 40,
        "seeds": [7],
    }

    def started():
        with sessions() as session:
            (run_id,) = submit(session, settings, **spec)
            ring(session, settings)
            return run_id

    def ended(run_id):
        wait_for(lambda: looks.run(run_id).status in ENDED, what=f"{run_id} ends", seconds=120)
        return looks.run(run_id)

    with Processes(settings, tmp_path) as processes:
        worker = processes.worker("one")
        harmed = started()
        wait_for(lambda: looks.run(harmed).epoch >= 3, what="three epochs", seconds=90)
        for pid in (worker.pid, *worker.children()):
            os.kill(pid, signal.SIGKILL)
        assert looks.run(harmed).epoch < 40
        processes.worker("two")
        processes.scheduler()
        run = ended(harmed)
        assert (run.status, run.attempt) == ("completed", 2)
        twin = started()
        assert ended(twin).attempt == 1
    assert looks.history(harmed) == looks.history(twin)
    assert len(looks.history(twin)) == 40
    assert (run.test_loss, run.test_accuracy) == (
        looks.run(twin).test_loss,
        looks.run(twin).test_accuracy,
    )
