"""MNIST from its four IDX files (LeCun et al. 1998), verified before use."""

from pathlib import Path

from workers.datasets import idx
from workers.datasets.files import verified
from workers.datasets.samples import Samples

#: sha256 of the uncompressed files; data/mnist/SHA256SUMS repeats them for sha256sum.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def mnist(folder: Path, *, train_size: int, test_size: int) -> Samples:
    """Return MNIST from ``folder/mnist``: images uint8 (n, 1, 28, 28), labels uint8 (n,).

    Raises:
        DatasetError: a file is missing, unreadable or not the one expected.
    """

    def read(name: str) -> bytes:
        path = folder / "mnist" / f"{name}.gz"
        remedy = (
            f"Put the original {path.name} there (in a clone: git restore data/mnist), or set "
            "ACTINIUM_DATA_DIR to a folder that holds mnist/ with the original files."
        )
        return verified(path, CHECKSUMS[name], remedy, compressed=True)

    return idx.samples(read, train_size=train_size, test_size=test_size)
