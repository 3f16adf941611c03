"""Data sets of a fixed number of points in a shuffled order: hypercube and parabola.

Both are those of DeepReplay (Godoy 2018), point for point; with the seed 13, its default, in its
order. The training part is taken from the beginning of the order and the test part from its end, so
that they have no point in common as long as they are no more than all points together.
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

DIMENSIONS = 10

#: Points of each of the two parabolas, and how far the lower one is below the other.
CURVE_POINTS, SHIFT = 1_000, 0.5


def hypercube(_folder: Path, *, train_size: int, test_size: int, seed: int) -> Samples:
    """Return vertices (n, 10) of the hypercube [-1, 1]^10, with label 1 if five or more are 1.

    There are 1,024, each once.
    """
    vertices = np.array(list(itertools.product((-1.0, 1.0), repeat=DIMENSIONS)))
    labels = (vertices > 0).sum(axis=1) >= DIMENSIONS / 2
    return _parts(vertices, labels, train_size, test_size, seed)


def parabola(_folder: Path, *, train_size: int, test_size: int, seed: int) -> Samples:
    """Return points (n, 2) on two parabolas, with label 1 on the lower one.

    On each there are 1,000, evenly spaced from -1 to 1: x2 = x1^2, and x2 = x1^2 - 0.5.
    """
    x = np.linspace(-1, 1, CURVE_POINTS)
    upper, lower = np.column_stack([x, x**2]), np.column_stack([x, x**2 - SHIFT])
    labels = np.arange(2 * CURVE_POINTS) >= CURVE_POINTS
    return _parts(np.concatenate([upper, lower]), labels, train_size, test_size, seed)


def _parts(
    inputs: NDArray[Any], labels: NDArray[Any], train_size: int, test_size: int, seed: int
) -> Samples:
    # NumPy guarantees the numbers of a RandomState; those of a Generator may change.
    order = np.random.RandomState(seed).permutation(len(inputs))
    train, test = order[:train_size], order[::-1][:test_size]
    whole = labels.astype(np.int64)
    return Samples(2, inputs[train], whole[train], inputs[test], whole[test])
