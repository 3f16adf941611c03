"""The IDX format of MNIST and of data sets with the same files (LeCun et al. 1998)."""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

CLASSES = 10


def samples(read: Callable[[str], bytes], *, train_size: int, test_size: int) -> Samples:
    """Return the samples of a data set that has MNIST's four files.

    Args:
        read: from a file's uncompressed name (``train-images-idx3-ubyte``) to its content.
        train_size: number of training images, from the first on.
        test_size: number of test images, from the first on.

    Returns:
        Images uint8 (n, 1, height, width) from 0 to 255, labels uint8 (n,) from 0 to 9.
    """
    return Samples(
        classes=CLASSES,
        train_inputs=_values(read("train-images-idx3-ubyte"))[:train_size, np.newaxis],
        train_labels=_values(read("train-labels-idx1-ubyte"))[:train_size],
        test_inputs=_values(read("t10k-images-idx3-ubyte"))[:test_size, np.newaxis],
        test_labels=_values(read("t10k-labels-idx1-ubyte"))[:test_size],
    )


def _values(content: bytes) -> NDArray[np.uint8]:
    """Return the values of an IDX file of bytes: a magic number, the sizes, the bytes."""
    dimensions = content[3]
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
