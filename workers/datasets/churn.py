"""The bank churn table: 10,000 customers and whether they left (data/churn/README.md)."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workers.datasets.files import verified
from workers.datasets.samples import Samples

#: sha256 of the file; data/churn/SHA256SUMS repeats it for sha256sum.
CHECKSUM = "99ad69bebcb968fabf4748e173229b743494d321d1aaf604c2c55f71290b4fc8"
FILE = "churn_modelling.csv"
COUNTRIES = ("France", "Germany", "Spain")
NUMBERS = (
    "CreditScore",
    "Age",
    "Tenure",
    "Balance",
    "NumOfProducts",
    "HasCrCard",
    "IsActiveMember",
    "EstimatedSalary",
)
TEST_COUNT = 2_000


def churn(folder: Path, *, train_size: int, test_size: int, countries: int = 3) -> Samples:
    """Return the table in ``folder/churn``: inputs float64 (n, 12), labels (n,), 1 for who left.

    The features are France, Germany and Spain (one of them 1, the others 0; with 2 ``countries``
    Germany and Spain alone, so that there are 11 features), gender (Female 0,
    Male 1), then the columns of ``NUMBERS`` as in the table. Rows are shuffled by NumPy's
    ``RandomState(0).permutation(10000)``: the first 2,000 are the test part, the others the
    training part, both in this order. That is the split of scikit-learn's
    ``train_test_split(test_size=0.2, random_state=0)``.

    Raises:
        DatasetError: the file is missing, unreadable or not the one expected.
    """
    path = folder / "churn" / FILE
    remedy = (
        f"Put the original {FILE} there (in a clone: git restore data/churn), or set "
        "ACTINIUM_DATA_DIR to a folder that holds churn/ with the original file."
    )
    rows = list(csv.DictReader(verified(path, CHECKSUM, remedy).decode().splitlines()))
    inputs = np.array([_features(row, COUNTRIES[-countries:]) for row in rows])
    labels = np.array([int(row["Exited"]) for row in rows])
    order = np.random.RandomState(0).permutation(len(rows))
    test, train = order[:TEST_COUNT][:test_size], order[TEST_COUNT:][:train_size]
    return Samples(2, inputs[train], labels[train], inputs[test], labels[test])


def _features(row: dict[str, str], countries: Sequence[str]) -> list[float]:
    return [
        *(float(row["Geography"] == country) for country in countries),
        float(row["Gender"] == "Male"),
        *(float(row[name]) for name in NUMBERS),
    ]
