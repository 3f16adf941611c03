"""MNIST from its four IDX files (LeCun et al. 1998), verified before use."""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.datasets.dataset import DatasetError
from workers.datasets.samples import Samples

#: sha256 of the uncompressed files; data/mnist/SHA256SUMS repeats them for sha256sum.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
CLASSES = 10


def mnist(folder: Path) -> Samples:
    """Read MNIST from ``folder/mnist``: images uint8 (n, 1, 28, 28), labels uint8 (n,).

    Raises:
        DatasetError: a file is missing, unreadable or not the one expected.
    """
    files = folder / "mnist"
    return Samples(
        classes=CLASSES,
        train_inputs=_images(files, "train-images-idx3-ubyte"),
        train_labels=_read(files, "train-labels-idx1-ubyte"),
        test_inputs=_images(files, "t10k-images-idx3-ubyte"),
        test_labels=_read(files, "t10k-labels-idx1-ubyte"),
    )


def _images(folder: Path, name: str) -> NDArray[np.uint8]:
    return _read(folder, name)[:, np.newaxis]


def _read(folder: Path, name: str) -> NDArray[np.uint8]:
    """Read one gzipped IDX file of bytes: a magic number, the sizes, the bytes."""
    content = _verified(folder / f"{name}.gz", CHECKSUMS[name])
    dimensions = content[3]
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _verified(path: Path, checksum: str) -> bytes:
    remedy = (
        f"Put the original {path.name} there (in a clone: git restore data/mnist), or set "
        "ACTINIUM_DATA_DIR to a folder that holds mnist/ with the original files."
    )
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {remedy}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}). {remedy}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        raise DatasetError(
            f"{path} is damaged: uncompressed, its sha256 is {found}, expected {checksum}. {remedy}"
        )
    return content
