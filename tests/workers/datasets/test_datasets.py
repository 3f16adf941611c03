"""Loading MNIST: the real files, verified; the parts; refusals."""

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from service.specs.choices import choice
from service.specs.resolution import training_samples, validated_on
from tests.support.paths import ROOT
from workers.datasets.dataset import DatasetError
from workers.datasets.loading import data_folder, load
from workers.datasets.mnist import CHECKSUMS, mnist

DATA = ROOT / "data"


@pytest.fixture(scope="module")
def samples():
    return mnist(DATA, train_size=60_000, test_size=10_000)


@pytest.fixture
def folder(tmp_path):
    """A copy of the data folder that a test may damage."""
    shutil.copytree(DATA / "mnist", tmp_path / "mnist")
    return tmp_path


def selected(**parameters):
    return choice("dataset", {"name": "mnist", **parameters})


def test_the_real_data_set(samples):
    assert samples.train_inputs.shape == (60_000, 1, 28, 28)
    assert samples.test_inputs.shape == (10_000, 1, 28, 28)
    assert samples.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert samples.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(samples.train_labels).tolist() == counts
    # The mean and deviation every tutorial quotes.
    assert samples.train_inputs.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert samples.train_inputs.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_parts_are_taken_from_the_front_and_the_test_part_validates(samples):
    data = load(selected(train_size=700, test_size=30))
    assert data.test is None
    assert data.classes == 10
    assert data.input_shape == (1, 28, 28)
    for part, inputs, labels, count in [
        (data.train, samples.train_inputs, samples.train_labels, 700),
        (data.validation, samples.test_inputs, samples.test_labels, 30),
    ]:
        assert len(part) == count
        assert part.inputs.dtype == torch.float32
        assert part.labels.dtype == torch.int64
        np.testing.assert_array_equal(part.inputs, inputs[:count] / np.float32(255))
        np.testing.assert_array_equal(part.labels, labels[:count])


def test_a_validation_split_holds_out_the_last_samples(samples):
    data = load(selected(train_size=1001, test_size=20, validation_split=0.25))
    # Keras splits at int(n * (1 - share)) = int(750.75).
    np.testing.assert_array_equal(data.train.labels, samples.train_labels[:750])
    np.testing.assert_array_equal(data.validation.labels, samples.train_labels[750:1001])
    np.testing.assert_array_equal(
        data.validation.inputs, samples.train_inputs[750:1001] / np.float32(255)
    )
    np.testing.assert_array_equal(data.test.labels, samples.test_labels[:20])


@pytest.mark.parametrize(("train_size", "folds"), [(1_437, 5), (103, 4), (100, 10)])
def test_folds_are_held_out_in_turn(train_size, folds):
    digits = {"name": "digits", "train_size": train_size, "preprocessing": "none"}
    whole = load(choice("dataset", digits)).train
    shares = np.bincount(whole.labels, minlength=10) / train_size
    held_out = []
    for fold in range(folds):
        chosen = choice("dataset", {**digits, "folds": folds, "fold": fold})
        data = load(chosen)
        assert len(data.train) == training_samples(chosen)
        assert len(data.validation) == validated_on(chosen.parameters)
        assert len(data.test) == 360
        kept = {sample.tobytes() for sample in data.train.inputs.numpy()}
        fold_of = [sample.tobytes() for sample in data.validation.inputs.numpy()]
        assert not kept & set(fold_of)
        counts = np.bincount(data.validation.labels, minlength=10)
        assert np.all(np.abs(counts - shares * len(data.validation)) <= 1)
        held_out += fold_of
    assert sorted(held_out) == sorted(sample.tobytes() for sample in whole.inputs.numpy())


def test_folds_never_change():
    """The folds of scikit-learn's StratifiedKFold(5, shuffle=True, random_state=0)."""
    data = load(choice("dataset", {"name": "digits", "folds": 5, "fold": 3}))
    assert data.validation.labels[:12].tolist() == [1, 2, 4, 7, 3, 5, 9, 9, 8, 7, 3, 0]
    assert (len(data.validation), int(data.validation.labels.sum())) == (287, 1288)


def test_preprocessing_is_fitted_without_the_held_out_fold():
    fold = {"name": "churn", "train_size": 200, "folds": 4, "fold": 1}
    data = load(choice("dataset", fold))
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-6)
    assert np.abs(data.validation.inputs.numpy().mean(axis=0)).max() > 0.05


def test_preprocessing_none_keeps_pixels(samples):
    data = load(selected(train_size=50, test_size=5, preprocessing="none"))
    assert data.train.inputs.dtype == torch.float32
    np.testing.assert_array_equal(data.train.inputs, samples.train_inputs[:50])


def test_a_data_set_is_loaded_once():
    assert load(selected(train_size=60, test_size=5)) is load(selected(train_size=60, test_size=5))
    assert load(selected(train_size=60, test_size=5)) is not load(
        selected(train_size=61, test_size=5)
    )


@pytest.mark.parametrize("name", CHECKSUMS)
def test_one_changed_byte_is_refused(folder, name):
    path = folder / "mnist" / f"{name}.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content), compresslevel=1))
    with pytest.raises(DatasetError) as refusal:
        mnist(folder, train_size=10, test_size=5)
    for part in (str(path), "damaged", CHECKSUMS[name], "git restore data/mnist"):
        assert part in str(refusal.value)


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "garbled"])
def test_an_unreadable_file_is_refused(folder, damage):
    path = folder / "mnist" / "t10k-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[:1000],
            "not gzip": b"<html>Not found</html>",
            "garbled": content[:500] + bytes(500) + content[1000:],
        }[damage]
    )
    with pytest.raises(DatasetError, match=r"cannot be read.*Put the original.*there"):
        mnist(folder, train_size=10, test_size=5)


def test_a_missing_file_is_refused_and_can_be_put_back(folder):
    path = folder / "mnist" / "train-labels-idx1-ubyte.gz"
    path.unlink()
    with pytest.raises(DatasetError, match=f"{path} is missing. .*ACTINIUM_DATA_DIR"):
        load(selected(train_size=10, test_size=5), folder)
    shutil.copy(DATA / "mnist" / path.name, path)
    assert len(load(selected(train_size=10, test_size=5), folder).train) == 10


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("ACTINIUM_DATA_DIR", raising=False)
    assert data_folder() == DATA
    monkeypatch.setenv("ACTINIUM_DATA_DIR", str(tmp_path))
    assert data_folder() == tmp_path
    with pytest.raises(DatasetError, match=str(tmp_path)):
        load(selected(train_size=11, test_size=5))


def test_the_checksum_file_says_what_the_loader_checks():
    lines = (DATA / "mnist" / "SHA256SUMS").read_text().splitlines()
    assert dict(reversed(line.split()) for line in lines) == CHECKSUMS


def test_reading_needs_no_working_folder(tmp_path):
    code = "from workers.datasets.loading import data_folder; print(data_folder())"
    environment = {**os.environ, "PYTHONPATH": str(DATA.parent)}
    environment.pop("ACTINIUM_DATA_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == DATA
