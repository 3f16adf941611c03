"""Checksums of safetensors files: a sha256 over the whole content, kept in the metadata.

A file with a checksum is an ordinary safetensors file: the length of its header in 8 bytes, the
header as JSON, the bytes of the tensors. The checksum is over the canonical header without the
checksum, and over the bytes of the tensors.
"""

import hashlib
import json
from typing import Any, BinaryIO

_METADATA = "__metadata__"
_CHECKSUM = "sha256"

#: The header of a model of 200 layers has some 60 kilobytes; the format would allow 100 MB, which
#: take seconds to parse.
_LONGEST_HEADER_BYTES = 2_000_000
_PIECE_BYTES = 1 << 20


class DamagedFileError(Exception):
    """A file does not have the content that was written."""


def with_checksum(raw: bytes) -> list[bytes]:
    """Return a safetensors file with its checksum, in parts."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tensors = raw[8 + length :]
    metadata = header.setdefault(_METADATA, {})
    digest = hashlib.sha256(_canonical(header))
    digest.update(tensors)
    metadata[_CHECKSUM] = digest.hexdigest()
    text = _canonical(header)
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return [len(text).to_bytes(8, "little"), text, tensors]


def check(file: BinaryIO) -> dict[str, str]:
    """Read a file to its end, compare its checksum and return its metadata.

    Raises:
        DamagedFileError: the checksum differs, or the header cannot be read.
    """
    header = _read_header(file)
    metadata: dict[str, str] = dict(header[_METADATA])
    expected = header[_METADATA].pop(_CHECKSUM, None)
    digest = hashlib.sha256(_canonical(header))
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    if digest.hexdigest() != expected:
        raise DamagedFileError("Its content does not match its sha256.")
    return metadata


def _read_header(file: BinaryIO) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER_BYTES:
        raise DamagedFileError("Its header is longer than that of any model.")
    text = file.read(length)
    if len(text) < length:
        raise DamagedFileError("It ends within its header.")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError("Its header cannot be read.") from error
    if not isinstance(header, dict) or not isinstance(header.get(_METADATA), dict):
        raise DamagedFileError("Its header has no metadata.")
    if not all(isinstance(value, str) for value in header[_METADATA].values()):
        raise DamagedFileError("Its metadata are not texts.")
    return header


def _canonical(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
