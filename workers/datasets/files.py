"""Files of data sets: read, and verified before use."""

import gzip
import hashlib
import zlib
from pathlib import Path

from workers.datasets.dataset import DatasetError


def verified(path: Path, checksum: str, remedy: str, *, compressed: bool = False) -> bytes:
    """Read a file that has the given sha256.

    Args:
        path: where it is.
        checksum: the sha256 of its content, in hex.
        remedy: sentences that say what to do where it is not the file expected.
        compressed: the file is gzipped: the checksum is that of the uncompressed content
            (compression differs from mirror to mirror), and this is what is given back.

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
