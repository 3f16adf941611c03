"""Two classes in the plane: circles and moons, as scikit-learn makes them.

Points are made in blocks of the default size, so that a smaller part is the beginning of a larger
one. The first block is scikit-learn's for one random state; each later block has a stream of its
own. Random states are 2 seed - 1 for the training part and 2 seed for the test part, so no two
parts of any two seeds share one. Seed 1 gives the circles of the Deep Learning Specialization's
exercise on initialization (random states 1 and 2).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

TRAIN_BLOCK = 300
TEST_BLOCK = 100

_Points = tuple[NDArray[Any], NDArray[Any]]


def circles(
    _folder: Path, *, train_size: int, test_size: int, noise: float, factor: float, seed: int
) -> Samples:
    """Return points (n, 2) on two circles: label 0 for radius 1, label 1 for radius ``factor``.

    ``noise`` is the standard deviation of the normal noise on each coordinate. Without noise every
    block has the same equally spaced points.
    """
    from sklearn.datasets import make_circles  # noqa: PLC0415 - takes a second to import

    return _samples(partial(make_circles, noise=noise, factor=factor), train_size, test_size, seed)


def moons(_folder: Path, *, train_size: int, test_size: int, noise: float, seed: int) -> Samples:
    """Return points (n, 2) on two interleaving half circles: label 0 for the upper one, else 1.

    ``noise`` is the standard deviation of the normal noise on each coordinate. Without noise every
    block has the same equally spaced points.
    """
    from sklearn.datasets import make_moons  # noqa: PLC0415 - takes a second to import

    return _samples(partial(make_moons, noise=noise), train_size, test_size, seed)


def _samples(make: Callable[..., _Points], train_size: int, test_size: int, seed: int) -> Samples:
    train = _points(make, train_size, TRAIN_BLOCK, (2 * seed - 1) % 2**32)
    test = _points(make, test_size, TEST_BLOCK, 2 * seed)
    return Samples(2, *train, *test)


def _points(make: Callable[..., _Points], size: int, block: int, state: int) -> _Points:
    streams = [
        np.random.RandomState([state, index] if index else state)
        for index in range(-(-size // block))
    ]
    blocks = [make(block, random_state=stream) for stream in streams]
    inputs, labels = (np.concatenate(parts)[:size] for parts in zip(*blocks, strict=True))
    return inputs, labels
