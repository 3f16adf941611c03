"""Files of data sets, verified when they are read."""

import gzip
import hashlib
import zlib
from pathlib import Path

from workers.datasets.dataset import DatasetError


def verified(path: Path, checksum: str, remedy: str, *, compressed: bool = False) -> bytes:
    """Return the content of a file that has a known sha256.

    Args:
        path: of the file.
        checksum: the sha256 of its content, in hex.
        remedy: sentences for the error, which say what to do.
        compressed: the file is gzipped. The checksum is that of the uncompressed content, which is
            returned (compression differs from mirror to mirror).

    Raises:
        DatasetError: the file is missing, unreadable or not the one expected.
    """
    try:
        content = path.read_bytes()
        if compressed:
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. {remedy}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}). {remedy}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        whose = "uncompressed, its" if compressed else "its"
        raise DatasetError(
            f"{path} is damaged: {whose} sha256 is {found}, expected {checksum}. {remedy}"
        )
    return content
