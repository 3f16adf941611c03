"""Uploaded data on workers: fetched, verified, kept; trained as built-in data are."""

import asyncio
import os

import pytest
import torch

from service.datasets import store
from service.datasets.isolation import parse_apart
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.store import DatasetLabels, facts_of
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from service.weights.storage import open_storage
from tests.support.paths import ROOT
from workers.datasets.dataset import DatasetError
from workers.datasets.loading import load
from workers.execution.uploads import fetched
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining

CPU = torch.device("cpu")
CHURN = (ROOT / "data" / "churn" / "churn_modelling.csv").read_text()
NETWORK = {
    "model": {"name": "mlp", "hidden_units": [8]},
    "activation": "relu",
    "batch_size": 100,
    "epochs": 2,
}
SIZES = {"train_size": 2000, "test_size": 500}


@pytest.fixture
def upload(sessions, settings, tmp_path):
    """Upload a CSV; return its row."""

    def upload(content, **meaning):
        file, output = tmp_path / "file", tmp_path / "output"
        file.write_text(content)
        understood = asyncio.run(parse_apart(file, FileMeaning(**meaning), FileLimits(), output))
        with sessions() as session:
            labels = DatasetLabels("table")
            made, _ = store.store(
                session, understood, output, labels, caller="test", settings=settings
            )
            return made

    return upload


@pytest.fixture
def churn(upload):
    return upload(CHURN, target="Exited", stratified=False)


@pytest.fixture
def runs_of(sessions, settings):
    """Return the runs of a spec on an uploaded data set, and its data on this worker."""

    def runs_of(dataset, spec=NETWORK, **sizes):
        named = {"name": "uploaded", "id": str(dataset.id), **SIZES, **sizes}
        with sessions.begin() as session:
            uploads = facts_of(session, {str(dataset.id)})
        runs = expand(ExperimentSpec.model_validate(spec | {"dataset": named}), Limits(), uploads)
        folder = fetched(dataset.sha256, settings)
        return [(run.config, run.seed) for run in runs], load(runs[0].config.dataset, folder)

    return runs_of


def bits(training):
    return [
        {name: value.hex() for name, value in result.metrics.items() if name != "epoch_seconds"}
        for result in training.run()
        if isinstance(result, EpochResult) and not isinstance(result, Pulse)
    ]


@pytest.mark.parametrize(
    "sizes", [{"validation_split": 0.0}, {"validation_split": 0.2}, {"folds": 5, "fold": 1}]
)
def test_the_uploaded_churn_table_gives_the_built_in_ones_bits(churn, runs_of, sizes):
    (ours,), data = runs_of(churn, **sizes)
    spec = NETWORK | {"dataset": {"name": "churn", **SIZES, **sizes}}
    (theirs,) = expand(ExperimentSpec.model_validate(spec), Limits())
    built_in = load(theirs.config.dataset)
    assert torch.equal(data.train.inputs, built_in.train.inputs)
    found = bits(SoloTraining(*ours, data, CPU))
    assert found == bits(SoloTraining(theirs.config, theirs.seed, built_in, CPU))
    assert len(found) == 2


def test_a_changed_test_row_changes_the_test_alone(upload, churn, runs_of):
    (run,), data = runs_of(churn)
    test_row = int(data_row(data))
    lines = CHURN.splitlines()
    cells = lines[test_row + 1].split(",")
    cells[0], cells[5] = "999", "1234567.0"
    lines[test_row + 1] = ",".join(cells)
    changed = upload("\n".join(lines), target="Exited", stratified=False)
    assert changed.sha256 != churn.sha256
    (other,), other_data = runs_of(changed)
    assert not torch.equal(data.test.inputs, other_data.test.inputs)
    before, after = bits(SoloTraining(*run, data, CPU)), bits(SoloTraining(*other, other_data, CPU))
    for one, two in zip(before, after, strict=True):
        for name in one.keys() - {"test_loss", "test_accuracy"}:
            assert one[name] == two[name], name
    assert before[-1]["test_loss"] != after[-1]["test_loss"]


def data_row(data):
    """Return the row of the table that is the first of the test part."""
    import numpy as np

    return np.random.RandomState(0).permutation(10_000)[0]


def test_a_pack_on_uploaded_data_gives_each_run_its_own_bits(churn, runs_of):
    spec = NETWORK | {"activation": ["relu", "tanh"], "seeds": [1, 2]}
    runs, data = runs_of(churn, spec)
    packed = {member: [] for member in range(len(runs))}
    for item in PackedTraining(runs, data, CPU).run():
        if isinstance(item, dict):
            for member, result in item.items():
                if isinstance(result, EpochResult):
                    packed[member].append(result.metrics["val_loss"].hex())
    for member, run in enumerate(runs):
        alone = [
            item[0].metrics["val_loss"].hex()
            for item in PackedTraining([run], data, CPU).run()
            if isinstance(item, dict) and isinstance(item[0], EpochResult)
        ]
        assert packed[member] == alone
        assert len(alone) == 2


def test_a_run_is_trained_on_uploaded_data_and_tested_once(churn, submitted, train, look):
    dataset = {"name": "uploaded", "id": str(churn.id), **SIZES}
    run_id = submitted(**NETWORK | {"dataset": dataset})
    assert train() == "completed"
    run = look.run(run_id)
    assert run.test_accuracy is not None
    assert run.val_accuracy * 400 == pytest.approx(round(run.val_accuracy * 400))
    assert len(look.history(run_id)) == 2


def test_a_run_whose_data_are_gone_fails_with_a_sentence(churn, submitted, train, look, settings):
    run_id = submitted(**NETWORK | {"dataset": {"name": "uploaded", "id": str(churn.id)}})
    open_storage(settings).remove(store.file_name(churn.sha256))
    assert train() == "error"
    assert "is not in the store" in look.attempts(run_id)[0].reason


def test_a_cached_file_is_read_again_only_if_it_is_damaged(churn, settings):
    path = fetched(churn.sha256, settings) / churn.sha256
    first = path.stat().st_ino
    fetched(churn.sha256, settings)
    assert path.stat().st_ino == first
    path.write_bytes(b"damaged")
    assert (fetched(churn.sha256, settings) / churn.sha256).stat().st_size > 1_000_000
    open_storage(settings).write(store.file_name(churn.sha256), [b"damaged too"])
    path.unlink()
    with pytest.raises(DatasetError, match="is damaged"):
        fetched(churn.sha256, settings)
    assert list(path.parent.iterdir()) == []


def test_the_cache_is_where_there_is_room(churn, settings, tmp_path):
    elsewhere = settings.model_copy(update={"scratch_dir": tmp_path / "large"})
    assert fetched(churn.sha256, elsewhere) == tmp_path / "large" / "datasets"
    assert not (settings.home / "datasets").exists()


def test_the_cache_is_bounded(upload, settings):
    rows = "".join(f"{row * 3},{row % 2}\n" for row in range(100))
    several = [upload("x,y\n" + rows, split_seed=seed) for seed in range(3)]
    size = several[0].bytes
    small = settings.model_copy(update={"upload_cache_bytes": 2 * size})
    for age, dataset in enumerate(several):
        folder = fetched(dataset.sha256, small)
        os.utime(folder / dataset.sha256, (age, age))
    assert {path.name for path in folder.iterdir()} == {one.sha256 for one in several[1:]}
    fetched(several[0].sha256, settings.model_copy(update={"upload_cache_bytes": 0}))
    assert {path.name for path in folder.iterdir()} == {several[0].sha256}


@pytest.fixture
def numbers(upload):
    """A table whose target is a number, a smooth one."""
    rows = "".join(f"{row % 31},{row % 17},{row % 31 - row % 17 / 3}\n" for row in range(300))
    return upload(f"a,b,y\n{rows}", shuffled=False)


def test_numbers_are_predicted_better_than_by_their_mean(numbers, runs_of):
    optimizer = {"name": "adam", "learning_rate": 0.01}
    spec = NETWORK | {"batch_size": 20, "epochs": 20, "optimizer": optimizer}
    runs, data = runs_of(numbers, spec, train_size=240, test_size=60)
    (config, seed), *_ = runs
    assert config.task == "regression"
    assert (len(data.train), len(data.validation), len(data.test)) == (192, 48, 60)
    results = [
        item
        for item in SoloTraining(config, seed, data, CPU).run()
        if isinstance(item, EpochResult)
    ]
    last = results[-1].metrics
    assert last["val_rmse"] < 0.5 * numbers.understood["targets"]["test_rmse"]
    assert last["test_rmse"] < 0.5 * numbers.understood["targets"]["test_rmse"]
    assert not [name for name in last if "accuracy" in name]
    assert ["test_rmse" in result.metrics for result in results] == [False] * 19 + [True]


def test_a_test_row_changes_nothing_of_the_training(upload, runs_of):
    rows = "".join(f"{row % 31},{row % 17},{row % 31 - row % 17 / 3}\n" for row in range(299))
    histories = []
    for last in ("1,2,3.5", "9,9,9000.5"):
        dataset = upload(f"a,b,y\n{rows}{last}\n", shuffled=False)
        runs, data = runs_of(dataset, NETWORK | {"batch_size": 20}, train_size=240, test_size=60)
        found = bits(SoloTraining(*runs[0], data, CPU))
        histories.append(
            [{k: v for k, v in epoch.items() if not k.startswith("test_")} for epoch in found]
        )
    assert histories[0] == histories[1]
