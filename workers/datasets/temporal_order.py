"""Sequences whose class depends on the order of two letters far apart: temporal order.

As in the code of Pascanu, Mikolov & Bengio 2013, which has sequences of one length; in the original
(Hochreiter & Schmidhuber 1997, experiment 6a) they also begin and end with letters of their own.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

#: A and B, which decide the class, and the four others.
LETTERS, DECIDING = 6, 2


def temporal_order(
    _folder: Path, *, train_size: int, test_size: int, length: int, seed: int
) -> Samples:
    """Return sequences (n, length, 6) of one-hot letters, with labels from 0 to 3.

    Letters 0 and 1 are A and B, of which each sequence has one at a random place of its second
    tenth and one at a random place of its sixth tenth: the label is the first of them plus twice
    the second. Training and test part are drawn from separate streams.
    """
    parts = (
        _sequences(size, length, [seed, part]) for part, size in enumerate((train_size, test_size))
    )
    train, test = parts
    return Samples(DECIDING**2, *train, *test)


def _sequences(size: int, length: int, stream: list[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    # RandomState's numbers are frozen by NumPy's policy; those of a Generator may change. A row of
    # uniform numbers for each sequence, so that fewer sequences are the first of more.
    uniform = np.random.RandomState(stream).random_sample((size, length + 4))
    letters = DECIDING + (uniform[:, :length] * (LETTERS - DECIDING)).astype(np.int64)
    deciding = (uniform[:, length : length + 2] * DECIDING).astype(np.int64)
    tenth = length // 10
    offsets = (uniform[:, length + 2 :] * tenth).astype(np.int64)
    places = offsets + np.array([tenth, length // 2])
    np.put_along_axis(letters, places, deciding, axis=1)
    one_hot = np.eye(LETTERS, dtype=np.uint8)[letters]
    return one_hot, deciding[:, 0] + DECIDING * deciding[:, 1]
