"""Uploaded data sets, read from their canonical files, which are named by their sha256."""

from pathlib import Path

from service.datasets.canonical import CanonicalFileError, read
from workers.datasets.dataset import DatasetError
from workers.datasets.samples import Samples


def uploaded(folder: Path, *, sha256: str, train_size: int, test_size: int) -> Samples:
    """Return the first samples of both parts: images uint8 (n, c, h, w), tables float64 (n, d).

    The file is one that ``workers.execution.uploads`` has fetched and verified.

    Raises:
        DatasetError: the file is missing or unreadable.
    """
    path = folder / sha256
    try:
        data = read(path)
    except (OSError, CanonicalFileError) as error:
        raise DatasetError(f"The uploaded data set {path} cannot be read: {error}") from error
    return Samples(
        len(data.classes),
        data.train_inputs[:train_size],
        data.train_targets[:train_size],
        data.test_inputs[:test_size],
        data.test_targets[:test_size],
    )
