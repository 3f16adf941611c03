"""Fashion-MNIST: four IDX files as MNIST's, from a folder or from a mirror."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.datasets import idx
from workers.datasets.mirrors import MirroredFiles, cache_folder
from workers.datasets.samples import Samples

#: The authors' repository, and the bucket it names.
MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
#: sha256 of the files as they are published, gzipped.
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}


def fashion_mnist(
    folder: Path,
    *,
    train_size: int,
    test_size: int,
    mirrors: Sequence[str] = MIRRORS,
    checksums: Mapping[str, str] = CHECKSUMS,
) -> Samples:
    """Return Fashion-MNIST: images uint8 (n, 1, 28, 28), labels uint8 (n,).

    The files are read from ``folder/fashion_mnist``, else from the user's cache, else from the
    first mirror that has them. Fetched files are kept in the first of the two folders that can be
    written.

    Raises:
        DatasetError: a file is damaged, or neither on this machine nor on any mirror.
    """
    files = MirroredFiles(
        "Fashion-MNIST",
        [folder / "fashion_mnist", cache_folder() / "fashion_mnist"],
        mirrors,
        checksums,
    )
    return idx.samples(
        lambda name: gzip.decompress(files.read(f"{name}.gz")),
        train_size=train_size,
        test_size=test_size,
    )
