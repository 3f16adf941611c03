"""442 patients with diabetes, as they come with scikit-learn (Efron et al. 2004)."""

from pathlib import Path

from workers.datasets.samples import Samples

TRAIN_COUNT = 353


def diabetes(_folder: Path, *, train_size: int, test_size: int) -> Samples:
    """Return scikit-learn's diabetes data: 10 features as measured, float64, and a number (n,).

    In the order of the file, the first 353 are the training part and the last 89 the test part. The
    file is part of scikit-learn.
    """
    from sklearn.datasets import load_diabetes  # noqa: PLC0415 - takes a second to import

    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    return Samples(
        classes=0,
        train_inputs=inputs[:TRAIN_COUNT][:train_size],
        train_labels=targets[:TRAIN_COUNT][:train_size],
        test_inputs=inputs[TRAIN_COUNT:][:test_size],
        test_labels=targets[TRAIN_COUNT:][:test_size],
    )
