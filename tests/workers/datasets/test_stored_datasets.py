"""Digits and churn: every row where it belongs, verified files."""

import csv
import hashlib
import shutil
from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from service.specs.choices import choice
from service.specs.resolution import input_shape
from tests.support.paths import ROOT
from workers.datasets.churn import CHECKSUM, churn
from workers.datasets.dataset import DatasetError
from workers.datasets.digits import digits
from workers.datasets.loading import load

DATA = ROOT / "data"
CHURN = DATA / "churn" / "churn_modelling.csv"


@pytest.fixture(scope="module")
def customers():
    return churn(DATA, train_size=8000, test_size=2000)


def test_digits_are_split_in_the_order_of_the_file():
    samples = digits(DATA, train_size=1437, test_size=360)
    images = np.concatenate([samples.train_inputs, samples.test_inputs])
    labels = np.concatenate([samples.train_labels, samples.test_labels])
    assert samples.train_inputs.shape == (1437, 1, 8, 8)
    assert samples.test_inputs.shape == (360, 1, 8, 8)
    bunch = load_digits()
    np.testing.assert_array_equal(images[:, 0], bunch.images)
    np.testing.assert_array_equal(labels, bunch.target)
    assert (images.min(), images.max()) == (0, 16)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_scaled_by_sixteen_unless_told_otherwise():
    data = load(choice("dataset", {"name": "digits", "train_size": 40, "test_size": 7}))
    bunch = load_digits()
    np.testing.assert_array_equal(data.train.inputs[:, 0], bunch.images[:40] / np.float32(16))
    np.testing.assert_array_equal(data.validation.labels, bunch.target[1437:1444])
    assert data.input_shape == (1, 8, 8)
    assert data.classes == 10


def test_churn_without_the_first_country_has_one_column_less(customers):
    fewer = churn(DATA, train_size=8000, test_size=2000, countries=2)
    assert np.array_equal(fewer.train_inputs, customers.train_inputs[:, 1:])
    assert np.array_equal(fewer.test_inputs, customers.test_inputs[:, 1:])
    asked = choice("dataset", {"name": "churn", "countries": 2})
    assert load(asked).input_shape == input_shape(asked) == (11,)
    assert input_shape(choice("dataset", "churn")) == (12,)


def test_churn_is_the_split_everyone_takes(customers):
    table = np.genfromtxt(CHURN, delimiter=",", names=True, dtype=None, encoding="utf-8")
    train, test = train_test_split(table, test_size=0.2, random_state=0)
    for inputs, labels, rows in [
        (customers.train_inputs, customers.train_labels, train),
        (customers.test_inputs, customers.test_labels, test),
    ]:
        np.testing.assert_array_equal(labels, rows["Exited"])
        for column, name in enumerate(["France", "Germany", "Spain"]):
            np.testing.assert_array_equal(inputs[:, column], rows["Geography"] == name)
        np.testing.assert_array_equal(inputs[:, 3], rows["Gender"] == "Male")
        for column, name in enumerate(
            ["CreditScore", "Age", "Tenure", "Balance", "NumOfProducts", "HasCrCard"], start=4
        ):
            np.testing.assert_array_equal(inputs[:, column], rows[name])
        np.testing.assert_array_equal(inputs[:, 10], rows["IsActiveMember"])
        np.testing.assert_array_equal(inputs[:, 11], rows["EstimatedSalary"])


def test_every_customer_is_there_once(customers):
    inputs = np.concatenate([customers.train_inputs, customers.test_inputs])
    assert customers.train_inputs.shape == (8000, 12)
    assert customers.test_inputs.shape == (2000, 12)
    assert inputs[:, :3].sum(axis=0).tolist() == [5014, 2509, 2477]
    assert (inputs[:, :3].sum(axis=1) == 1).all()
    assert inputs[:, 3].sum() == 5457
    assert customers.train_labels.sum() + customers.test_labels.sum() == 2037
    with CHURN.open(newline="") as file:
        salaries = Counter(float(row["EstimatedSalary"]) for row in csv.DictReader(file))
    assert Counter(inputs[:, 11].tolist()) == salaries


def test_the_first_row_of_the_table(customers):
    # 619,France,Female,42,2,0,1,1,1,101348.88,1
    (at,) = np.flatnonzero(customers.train_inputs[:, 11] == 101348.88)
    row = [1, 0, 0, 0, 619, 42, 2, 0, 1, 1, 1, 101348.88]
    assert customers.train_inputs[at].tolist() == row
    assert customers.train_labels[at] == 1


def test_churn_is_standardized_unless_told_otherwise(customers):
    data = load(choice("dataset", {"name": "churn", "train_size": 900, "test_size": 60}))
    expected = customers.train_inputs[:900]
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(data.train.inputs, expected, atol=1e-6)
    assert data.input_shape == (12,)
    assert data.classes == 2


@pytest.mark.parametrize("damage", ["one byte", "truncated", "missing"])
def test_a_damaged_table_is_refused(tmp_path, damage):
    shutil.copytree(DATA / "churn", tmp_path / "churn")
    path = tmp_path / "churn" / CHURN.name
    content = path.read_bytes()
    match damage:
        case "one byte":
            path.write_bytes(content.replace(b"101348.88", b"101348.89"))
        case "truncated":
            path.write_bytes(content[:-100])
        case "missing":
            path.unlink()
    with pytest.raises(DatasetError) as refusal:
        load(choice("dataset", "churn"), tmp_path)
    said = str(refusal.value)
    assert said.startswith(f"{path} is {'missing' if damage == 'missing' else 'damaged'}")
    assert "git restore data/churn" in said
    assert "ACTINIUM_DATA_DIR" in said


def test_the_checksum_file_says_what_the_loader_checks():
    (line,) = (DATA / "churn" / "SHA256SUMS").read_text().splitlines()
    assert line == f"{CHECKSUM}  {CHURN.name}"
    assert hashlib.sha256(CHURN.read_bytes()).hexdigest() == CHECKSUM
