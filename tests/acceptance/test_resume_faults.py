"""Runs whose worker dies go on from a checkpoint and end with the bits of an unharmed twin.

Real worker processes, on real folders; the disk is full, the checkpoint damaged, the worker asleep.
"""

import os
import signal

import pytest
from safetensors.numpy import load

from service.statuses import ENDED
from service.weights.storage import CHECKPOINTS, open_storage, weights_name
from tests.support.processes import Processes, wait_for
from tests.support.run_rows import Looks
from tests.support.small_experiments import ring, submit

pytestmark = pytest.mark.slow

#: Epochs of some tenths of a second, so that a checkpoint falls into every few of them.
RUN = {
    "dataset": {"name": "mnist", "train_size": 512, "test_size": 128},
    "epochs": 30,
    "batch_size": 32,
    "model": {"name": "mnist_cnn", "channels": [8, 8], "units": [32]},
    "normalization": "batch",
    "optimizer": {"name": "adam", "schedule": "cosine"},
    "layer_statistics": {"every": 5, "samples": 100},
    "seeds": [7],
}

#: Epochs of a few milliseconds, which share transactions.
BRIEF = {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "epochs": 2000,
    "model": {"name": "mlp", "hidden_units": [16, 8]},
    "layer_statistics": {"every": 400, "samples": 32},
}


class Bench(Looks):
    """Submits runs, and sees their files and what becomes of them."""

    def __init__(self, sessions, settings):
        super().__init__(sessions)
        self.sessions, self.settings = sessions, settings
        self.storage = open_storage(settings)

    def submit(self, **fields):
        with self.sessions() as session:
            (run_id,) = submit(session, self.settings, **RUN | fields)
            ring(session, self.settings)
            return run_id

    def checkpoints(self, run_id):
        names = self.storage.names(CHECKPOINTS)
        return [name for name in names if str(run_id) in name and not name.endswith(".part")]

    def has_checkpoints(self, run_id, count=2, attempt=1):
        def there():
            mark = f"{run_id}-{attempt}-"
            return sum(mark in checkpoint for checkpoint in self.checkpoints(run_id)) >= count

        wait_for(there, what=f"{count} checkpoints", seconds=90)

    def ends(self, run_id):
        wait_for(lambda: self.run(run_id).status in ENDED, what=f"{run_id} ends", seconds=120)
        return self.run(run_id)

    def weights(self, run_id):
        """The final weights as bytes."""
        run = self.run(run_id)
        with self.storage.open(weights_name(run_id, run.attempt, "final")) as file:
            return {name: each.tobytes() for name, each in load(file.read()).items()}

    def are_twins(self, one, other, spec=RUN):
        assert self.history(one) == self.history(other)
        assert len(self.history(one)) == spec["epochs"]
        assert self.layers(one) == self.layers(other)
        every = spec["layer_statistics"]["every"]
        observed = [epoch for epoch, _ in self.layers(one)]
        assert observed == list(range(0, spec["epochs"] + 1, every))
        assert self.weights(one) == self.weights(other)
        first, second = self.run(one), self.run(other)
        assert (first.verdict, first.findings) == (second.verdict, second.findings)


@pytest.fixture
def brisk(settings):
    """Settings under which a failed worker's lease ends soon, and a busy one's does not."""
    return settings.model_copy(update={"lease_seconds": 8.0})


@pytest.fixture
def bench(sessions, brisk):
    return Bench(sessions, brisk)


@pytest.fixture
def processes(brisk, tmp_path):
    with Processes(brisk, tmp_path / "logs") as started:
        yield started


def kill(worker):
    for pid in (worker.pid, *worker.children()):
        os.kill(pid, signal.SIGKILL)


def went_on(worker):
    """The epoch a worker went on in, as it logged."""
    (line,) = [each for each in worker.output.splitlines() if "Went on from a checkpoint" in each]
    return int(line.partition("epoch=")[2].split()[0])


def test_a_killed_run_goes_on_where_it_was(processes, bench):
    processes.scheduler()
    one = processes.worker("one")
    run_id = bench.submit()
    bench.has_checkpoints(run_id)
    kill(one)
    recorded = bench.run(run_id).epoch
    two = processes.worker("two")
    run = bench.ends(run_id)
    assert (run.status, run.worker, run.failures) == ("completed", "two", 1)
    assert bench.outcomes(run_id) == ["lost", "completed"]
    assert 1 < went_on(two) <= recorded + 1
    assert bench.checkpoints(run_id) == []

    twin = bench.submit()
    assert bench.ends(twin).failures == 0
    bench.are_twins(run_id, twin)


@pytest.mark.longest
def test_a_run_killed_while_epochs_wait_to_be_recorded_loses_nothing(processes, bench):
    """A child is killed twice; whatever it had not yet recorded is lived again."""
    processes.scheduler()
    one = processes.worker("one")
    run_id = bench.submit(**BRIEF)
    for attempt in (1, 2):
        bench.has_checkpoints(run_id, count=1, attempt=attempt)
        (child,) = one.children()
        os.kill(child, signal.SIGKILL)
        begun = bench.history(run_id)
        wait_for(lambda n=attempt: bench.run(run_id).attempt > n, what="it is tried again")
        assert bench.history(run_id)[: len(begun)] == begun
    run = bench.ends(run_id)
    assert (run.status, run.failures) == ("completed", 2)
    assert one.output.count("Went on from a checkpoint") == 2
    told = bench.events(run_id)
    assert told.count("run.epoch") == BRIEF["epochs"]
    twin = bench.submit(**BRIEF)
    assert bench.ends(twin).failures == 0
    bench.are_twins(run_id, twin, BRIEF)


@pytest.mark.longest
def test_a_damaged_checkpoint_and_a_sleeping_worker(processes, bench, settings):
    """The sleeper wakes beside the new owner: it writes no row and touches no file."""
    processes.scheduler()
    one = processes.worker("one")
    run_id = bench.submit()
    bench.has_checkpoints(run_id)
    one.send_group(signal.SIGSTOP)
    folder = settings.home / "training"
    # It may sleep between a checkpoint and its epoch's row: that one is of no use to anybody.
    usable = bench.run(run_id).epoch + 1
    epochs = {int(name.split("-")[6]): name for name in bench.checkpoints(run_id)}
    newest = epochs[max(epoch for epoch in epochs if epoch <= usable)]
    content = bytearray((folder / newest).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / newest).write_bytes(content)
    two = processes.worker("two")
    bench.has_checkpoints(run_id, attempt=2, count=1)
    assert "Passed over a damaged checkpoint" in two.output
    assert went_on(two) > 1
    one.send_group(signal.SIGCONT)
    one.says("no longer this worker's")
    assert any(f"{run_id}-2-" in checkpoint for checkpoint in bench.checkpoints(run_id))
    assert bench.ends(run_id).worker == "two"
    assert bench.outcomes(run_id) == ["lost", "completed"]
    twin = bench.submit()
    bench.ends(twin)
    bench.are_twins(run_id, twin)


@pytest.mark.longest
def test_a_stopped_worker_leaves_a_checkpoint_and_any_number_of_threads_goes_on(
    processes, bench, brisk
):
    """The next worker is set to other threads; the run keeps the number that it began with."""
    one = processes.worker("one")
    run_id = bench.submit()
    wait_for(lambda: bench.run(run_id).epoch >= 2, what="two epochs", seconds=60)
    one.send(signal.SIGTERM)
    one.wait(20)
    recorded = bench.run(run_id).epoch
    assert bench.outcomes(run_id) == ["released"]
    processes.settings = brisk.model_copy(update={"training_threads": 2})
    two = processes.worker("two")
    run = bench.ends(run_id)
    assert went_on(two) == recorded + 1
    assert run.engine["threads"] == 1
    processes.settings = brisk
    two.send(signal.SIGTERM)
    two.wait(20)
    processes.worker("three")
    twin = bench.submit()
    bench.ends(twin)
    bench.are_twins(run_id, twin)


def test_a_place_that_cannot_be_written_costs_a_run_nothing(processes, bench, brisk, tmp_path):
    (tmp_path / "a file").write_text("in the way")
    processes.settings = brisk.model_copy(update={"checkpoint_dir": str(tmp_path / "a file")})
    processes.scheduler()
    one = processes.worker("one")
    run_id = bench.submit(epochs=8, layer_statistics="off")
    wait_for(lambda: bench.run(run_id).epoch >= 3, what="three epochs", seconds=60)
    kill(one)
    two = processes.worker("two")
    run = bench.ends(run_id)
    assert (run.status, run.failures, run.error) == ("completed", 1, None)
    assert "Could not keep the final weights" in two.output
    assert [row[0] for row in bench.history(run_id)] == [*range(1, 9)]
