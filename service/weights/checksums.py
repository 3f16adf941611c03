"""Safetensors files with a seal: a sha256 over all of their content, kept in their metadata.

A sealed file is a plain safetensors file: the length of its header in 8 bytes, the header as
JSON, the tensors' bytes. The seal is over the canonical header without the seal, and the tensors'
bytes; nothing here needs to know what a tensor is.
"""

import hashlib
import json
from typing import Any, BinaryIO

_METADATA = "__metadata__"
_SEAL = "sha256"

#: Of the largest model a header takes some kilobytes; the format itself allows so much.
_LONGEST_HEADER = 100_000_000
_PIECE = 1 << 20


class DamagedFileError(Exception):
    """A file is not what was once written."""


def seal(raw: bytes) -> list[bytes]:
    """Seal a safetensors file; give the sealed one in parts."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tensors = raw[8 + length :]
    metadata = header.setdefault(_METADATA, {})
    digest = hashlib.sha256(_canonical(header))
    digest.update(tensors)
    metadata[_SEAL] = digest.hexdigest()
    text = _canonical(header)
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return [len(text).to_bytes(8, "little"), text, tensors]


def check(file: BinaryIO) -> dict[str, str]:
    """Read a sealed file to its end and give its metadata.

    Raises:
        DamagedFileError: the seal is not right.
    """
    header = _read_header(file)
    metadata: dict[str, str] = dict(header[_METADATA])
    told = header[_METADATA].pop(_SEAL, None)
    digest = hashlib.sha256(_canonical(header))
    while piece := file.read(_PIECE):
        digest.update(piece)
    if digest.hexdigest() != told:
        raise DamagedFileError("Its content does not have the sha256 that it names.")
    return metadata


def _read_header(file: BinaryIO) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        raise DamagedFileError("Its header has no length that could be.")
    text = file.read(length)
    try:
        header = json.loads(text)
    except ValueError as error:
        raise DamagedFileError("Its header cannot be read.") from error
    if not isinstance(header, dict) or not isinstance(header.get(_METADATA), dict):
        raise DamagedFileError("Its header has no metadata.")
    return header


def _canonical(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
