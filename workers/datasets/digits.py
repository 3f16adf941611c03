"""The 1,797 small digits of scikit-learn (Alpaydin & Kaynak 1998)."""

from pathlib import Path

import numpy as np

from workers.datasets.samples import Samples

TRAIN_COUNT = 1437


def digits(_folder: Path, *, train_size: int, test_size: int) -> Samples:
    """Return scikit-learn's digits: images uint8 (n, 1, 8, 8) from 0 to 16, labels (n,).

    In the order of the file, the first 1,437 are the training part and the last 360 the test part.
    The file is part of scikit-learn.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415 - takes a second to import

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return Samples(
        classes=10,
        train_inputs=images[:TRAIN_COUNT][:train_size],
        train_labels=labels[:TRAIN_COUNT][:train_size],
        test_inputs=images[TRAIN_COUNT:][:test_size],
        test_labels=labels[TRAIN_COUNT:][:test_size],
    )
