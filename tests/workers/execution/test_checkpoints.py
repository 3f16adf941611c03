"""Checkpoints and weights of real trainings, on real folders and through fsspec."""

import errno
import itertools
import json
import threading
import uuid
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load
from structlog.testing import capture_logs

from service.specs.expansion import config_hash, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from service.weights.checksums import DamagedFileError, check
from service.weights.storage import CHECKPOINTS, WEIGHTS, Folder, Remote, open_storage, weights_name
from workers.datasets import loading
from workers.execution import checkpoints as module
from workers.execution.checkpoints import CheckpointOwner, Checkpoints
from workers.execution.recorder import WorkerStoppingError
from workers.training import solo
from workers.training.results import EpochResult
from workers.training.solo import SoloTraining

CPU = torch.device("cpu")
ENGINE = {"device": "cpu", "threads": 1}
SPEC = {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [8]},
    "activation": "relu",
    "batch_size": 32,
    "epochs": 6,
}
numbers = itertools.count()


@pytest.fixture(params=["folder", "file://", "memory://"])
def storage(request, tmp_path, settings):
    location = {
        "folder": str(tmp_path / "deep" / "down"),
        "file://": (tmp_path / "a space").as_uri(),
        "memory://": f"memory://test-{next(numbers)}/deep/down",
    }[request.param]
    opened = open_storage(settings.model_copy(update={"checkpoint_dir": location}))
    assert isinstance(opened, Remote if request.param == "memory://" else Folder)
    return opened


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Every epoch is saved, and every step is followed by a pulse."""
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "SHORTEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "TIME_SHARE", 1e9)


class Attempts:
    """Attempts at one run."""

    def __init__(self, storage, settings):
        (planned,) = expand(ExperimentSpec.model_validate(SPEC), Limits())
        self.storage, self.settings = storage, settings
        self.config, self.run_id = planned.config, uuid.uuid4()
        self.data = loading.load(self.config.dataset)

    def training(self):
        return SoloTraining(self.config, 3, self.data, CPU)

    def checkpoints(self, attempt, pulse=lambda: None, engine=ENGINE, seed=3):
        owner = CheckpointOwner(self.run_id, attempt, self.config, seed, engine)
        return Checkpoints(self.storage, owner, self.settings, pulse)

    def train(self, attempt, epochs):
        """Train so many epochs, saving each; return where that leads."""
        training, checkpoints = self.training(), self.checkpoints(attempt)
        for result in training.run():
            if isinstance(result, EpochResult):
                checkpoints.after_epoch(training)
                if result.epoch == epochs:
                    return training, checkpoints
        raise AssertionError

    def resumed(self, attempt, recorded_epochs, **owner):
        """Where the next attempt begins: epoch and step."""
        training = self.training()
        found = self.checkpoints(attempt, **owner).resume(training, recorded_epochs)
        assert found or (training.epoch, training.step) == (1, 0)
        return (training.epoch, training.step) if found else None

    def files(self):
        """What there is: attempt, epoch, step."""
        prefix = f"{CHECKPOINTS}/{self.run_id}-"
        names = self.storage.names(CHECKPOINTS)
        return sorted(
            tuple(map(int, name.removeprefix(prefix).removesuffix(".safetensors").split("-")))
            for name in names
        )


@pytest.fixture
def attempts(storage, settings):
    return Attempts(storage, settings)


@pytest.fixture
def local(folder, settings):
    return Attempts(folder, settings)


def damage(root, name, at=-3):
    """Flip one bit of a file."""
    (path,) = root.glob(f"{CHECKPOINTS}/{name}")
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def test_the_last_two_are_kept_until_the_run_is_over(attempts):
    _, checkpoints = attempts.train(1, 4)
    assert attempts.files() == [(1, 4, 0), (1, 5, 0)]
    other = Attempts(attempts.storage, attempts.settings)
    other.train(1, 1)
    checkpoints.forget()
    assert [str(other.run_id) in name for name in other.storage.names(CHECKPOINTS)] == [True]


def test_a_checkpoint_ahead_of_the_rows_is_not_used(attempts):
    """Killed between the checkpoint and the row's commit: that epoch is retrained."""
    attempts.train(1, 4)
    assert attempts.resumed(2, recorded_epochs=3) == (4, 0)
    assert attempts.files() == [(1, 4, 0)]  # what led too far is gone


def test_the_newest_usable_one_is_taken_and_the_one_before_kept(attempts):
    attempts.train(1, 4)
    assert attempts.resumed(2, recorded_epochs=4) == (5, 0)
    assert attempts.files() == [(1, 4, 0), (1, 5, 0)]
    assert attempts.resumed(3, recorded_epochs=1) is None
    assert attempts.files() == []


@pytest.mark.parametrize("at", [3, 12, 300, -3], ids=["length", "header", "tensors", "end"])
def test_a_damaged_checkpoint_is_passed_over(local, tmp_path, at):
    local.train(1, 4)
    damage(tmp_path, "*-1-5-0.safetensors", at)
    with capture_logs() as logs:
        assert local.resumed(2, recorded_epochs=4) == (4, 0)
    (warning,) = [log for log in logs if log["log_level"] == "warning"]
    assert "damaged" in warning["event"]
    assert local.files() == [(1, 4, 0)]


def test_a_torn_checkpoint_is_passed_over_and_without_any_it_starts_over(local, tmp_path):
    local.train(1, 4)
    newest, before = sorted(tmp_path.glob(f"{CHECKPOINTS}/*"), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-100])
    assert local.resumed(2, recorded_epochs=4) == (4, 0)
    before.write_bytes(b"")
    assert local.resumed(3, recorded_epochs=4) is None


@pytest.mark.parametrize(
    "other",
    [{"engine": ENGINE | {"device": "cuda"}}, {"engine": ENGINE | {"threads": 2}}, {"seed": 4}],
    ids=str,
)
def test_a_checkpoint_of_another_make_is_not_used(attempts, other):
    attempts.train(1, 2)
    assert attempts.resumed(2, recorded_epochs=2, **other) is None


def test_an_older_form_of_state_is_not_used(attempts, monkeypatch):
    attempts.train(1, 2)
    monkeypatch.setattr(module, "STATE_VERSION", module.STATE_VERSION + 1)
    assert attempts.resumed(2, recorded_epochs=2) is None


def test_the_form_of_a_state_has_a_version(attempts):
    """Where this fails, raise STATE_VERSION, unless a checkpoint of the older form can be used.

    One without ``largest_updates`` can.
    """
    training, _ = attempts.train(1, 1)
    parameters = {"dense_1.weight", "dense_1.bias", "output.weight", "output.bias"}
    moments = {f"optimizer.{n}.{k}" for n in parameters for k in ("step", "exp_avg", "exp_avg_sq")}
    expected = {f"network.{n}" for n in parameters} | moments
    assert module.STATE_VERSION == 2
    progress = {"epoch", "step", "seconds", "sums", "updates", "largest_updates"}
    assert set(training.state()) == expected | progress


def test_an_attempt_never_touches_the_files_of_a_later_one(attempts):
    """A worker slept past its lease; meanwhile the next one has gone on."""
    attempts.train(1, 2)
    stale = attempts.checkpoints(2)
    sleeper = attempts.training()
    assert stale.resume(sleeper, recorded_epochs=2)
    for attempt in (3, 4):
        attempts.train(attempt, 5)
    mine = [file for file in attempts.files() if file[0] > 2]
    assert len(mine) == 4
    contents = {name: attempts.storage.open(name).read() for name in named(attempts, mine)}
    late = attempts.checkpoints(2)
    assert late.resume(attempts.training(), recorded_epochs=2)
    for result in sleeper.run():
        if isinstance(result, EpochResult) and result.epoch < 6:
            stale.after_epoch(sleeper)
    stale.keep_weights(sleeper, "final")
    assert [file for file in attempts.files() if file[0] > 2] == mine
    assert {content: attempts.storage.open(content).read() for content in contents} == contents
    assert attempts.storage.names(WEIGHTS) == [weights_name(attempts.run_id, 2, "final")]


def named(attempts, files):
    return [
        f"{CHECKPOINTS}/{attempts.run_id}-{attempt}-{epoch}-{step}.safetensors"
        for attempt, epoch, step in files
    ]


class Full(Folder):
    """A folder on a full disk."""

    def write(self, name, parts, *, durable=True):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_the_checkpoint_and_nothing_else(tmp_path, settings):
    full = Attempts(Full(tmp_path), settings)
    with capture_logs() as logs:
        training, checkpoints = full.train(1, 3)
        checkpoints.keep_weights(training, "initial")
    assert checkpoints.failures == 4
    assert [log["failures"] for log in logs] == [1, 2, 3, 4]
    assert all("No space left" in line["reason"] for line in logs)
    assert full.resumed(2, recorded_epochs=3) is None


def test_a_disk_is_never_filled_to_the_last_byte(tmp_path, folder, monkeypatch):
    nearly_full = SimpleNamespace(f_blocks=1000, f_bavail=60, f_frsize=4096)
    monkeypatch.setattr("service.weights.storage.os.statvfs", lambda _: nearly_full)
    folder.write("checkpoints/fits", [b"0" * 10 * 4096])
    with pytest.raises(OSError, match="Too little room") as refused:
        folder.write("checkpoints/more", [b"0" * 10 * 4096, b"1"])
    assert refused.value.errno == errno.ENOSPC
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["fits"]


@pytest.mark.parametrize("url", ["nonsense://there", "memory://"])
def test_a_location_that_cannot_be_used_costs_nothing_else(url, settings, monkeypatch):
    def refuse(*_):
        raise RuntimeError("Access denied.")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refuse)
    denied = Attempts(Remote(url), settings)
    _, checkpoints = denied.train(1, 2)
    assert checkpoints.failures == 2
    denied.checkpoints(2).forget()


def test_a_slow_location_is_waited_for_with_signs_of_life(local, monkeypatch):
    """And where these say that the run is to end, it ends."""
    monkeypatch.setattr("workers.execution.background.PULSE_SECONDS", 0.01)
    answer, pulses = threading.Event(), []
    write = local.storage.write

    def slow(*arguments, **named):
        answer.wait(20)
        write(*arguments, **named)

    monkeypatch.setattr(local.storage, "write", slow)

    def pulse():
        pulses.append(1)
        if len(pulses) == 3:
            answer.set()

    training = local.training()
    local.checkpoints(1, pulse).after_epoch(training)
    assert len(pulses) >= 3
    assert local.files() == [(1, 1, 0)]

    def stop():
        raise WorkerStoppingError

    answer.clear()
    with pytest.raises(WorkerStoppingError):
        local.checkpoints(2, stop).after_epoch(training)
    hurried = local.settings.model_copy(update={"soft_shutdown_seconds": 0.1})
    owner = CheckpointOwner(local.run_id, 3, local.config, 3, ENGINE)
    leaving = Checkpoints(local.storage, owner, hurried, stop)
    leaving.before_leaving(training, module.last_checkpoint_deadline(hurried))
    assert leaving.failures == 1
    answer.set()


def test_checkpoints_take_a_small_share_of_the_time(local, monkeypatch):
    """By a clock of the test: 0.1 s an epoch, and 0.4 s a checkpoint."""
    now = [100.0]
    monkeypatch.setattr(module, "TIME_SHARE", 0.02)
    monkeypatch.setattr(module, "SHORTEST_PAUSE_SECONDS", 1.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    saved = []

    def write(name, parts, *, durable=True):
        saved.append(round(now[0] - 100.0, 3))
        now[0] += 0.4

    monkeypatch.setattr(local.storage, "write", write)
    checkpoints, training = local.checkpoints(1), local.training()
    for _ in range(500):
        now[0] += 0.1
        checkpoints.after_epoch(training)
    assert 0.99 < saved[0] < 1.11
    assert 0.4 * (len(saved) - 1) <= 0.02 * (saved[-1] - saved[0])
    assert len(saved) == 3


def test_a_long_epoch_is_saved_within(attempts):
    attempts.settings = attempts.settings.model_copy(update={"checkpoint_seconds": 1e-6})
    training, checkpoints = attempts.training(), attempts.checkpoints(1)
    for item in training.run():
        if not isinstance(item, EpochResult):
            checkpoints.within_epoch(training)
        if training.epoch == 2 and training.step == 1:
            break
    assert attempts.files()[-1] == (1, 2, 1)
    assert attempts.resumed(2, recorded_epochs=1) == (2, 1)


def test_weights_rebuild_the_network(attempts, tmp_path):
    training, checkpoints = attempts.training(), attempts.checkpoints(1)
    first = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    checkpoints.keep_weights(training, "initial")
    list(training.run())
    checkpoints.keep_weights(training, "final")
    for moment, epoch, expected in (
        ("initial", 0, first),
        ("final", 6, training.network.state_dict()),
    ):
        with attempts.storage.open(weights_name(attempts.run_id, 1, moment)) as file:
            check(file)
            file.seek(0)
            content = file.read()
        found = load(content)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        (tmp_path / "weights").write_bytes(content)
        with safe_open(tmp_path / "weights", "pt") as opened:  # as any other reader does
            metadata = opened.metadata()
        assert (metadata["epoch"], metadata["run_id"]) == (str(epoch), str(attempts.run_id))
        assert (metadata["seed"], json.loads(metadata["engine"])) == ("3", ENGINE)
        config = RunConfig.model_validate_json(metadata["config"])
        assert config_hash(config) == metadata["config_hash"]
        rebuilt = SoloTraining(config, 99, attempts.data, CPU).network
        rebuilt.load_state_dict(found)


def test_no_weights_are_kept_where_none_are_wanted(attempts):
    attempts.settings = attempts.settings.model_copy(update={"weights_retention_days": 0.0})
    attempts.checkpoints(1).keep_weights(attempts.training(), "initial")
    assert attempts.storage.names(WEIGHTS) == []


def test_a_later_attempts_initial_weights_take_the_place_of_the_first(attempts):
    for attempt in (1, 2, 3):
        attempts.checkpoints(attempt).keep_weights(attempts.training(), "initial")
    assert attempts.storage.names(WEIGHTS) == [weights_name(attempts.run_id, 3, "initial")]


def test_the_checksum_covers_every_byte(local, tmp_path):
    """A small file is refused if any of its bits is flipped."""
    local.train(1, 1)
    (name,) = local.storage.names(CHECKPOINTS)
    path = tmp_path / name
    content = path.read_bytes()
    with path.open("rb") as file:
        metadata = check(file)
    for at in range(0, len(content), 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with path.open("rb") as file, pytest.raises(DamagedFileError):
            check(file)
    assert metadata["epoch"] == "2"
