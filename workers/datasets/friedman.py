"""A smooth function of five of ten coordinates (Friedman 1991, equation 61)."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

DIMENSIONS = 10

#: How many times larger the noise of an outlier is.
OUTLIER_SCALE = 10.0


def friedman(
    _folder: Path, *, train_size: int, test_size: int, noise: float, outliers: float, seed: int
) -> Samples:
    """Return points (n, 10), uniform in the unit cube, and their targets (n,), float64.

    ``noise`` is the standard deviation of the noise of a target. The share ``outliers`` of the
    training targets, drawn at random, has ten times that; it changes nothing else of any sample.
    """
    train = _points(train_size, noise, outliers, [seed, 0])
    test = _points(test_size, noise, 0.0, [seed, 1])
    return Samples(0, *train, *test)


def function(points: NDArray[Any]) -> NDArray[Any]:
    """Return the function of points (n, 10) without noise, (n,)."""
    x = points.T
    return np.asarray(
        10 * np.sin(np.pi * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4]
    )


def _points(
    size: int, noise: float, outliers: float, stream: list[int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    # RandomState's numbers are frozen by NumPy's policy; those of a Generator may change.
    points = np.random.RandomState(stream).random_sample((size, DIMENSIONS))
    errors = np.random.RandomState([*stream, 1]).standard_normal(size)
    outlying = np.random.RandomState([*stream, 2]).random_sample(size) < outliers
    return points, function(points) + noise * np.where(outlying, OUTLIER_SCALE, 1.0) * errors
