"""How layer statistics lie in their table."""

import zlib
from typing import Any

import orjson


def decompressed(payload: bytes) -> dict[str, Any]:
    """Return the JSON of a row of ``Layers``."""
    content: dict[str, Any] = orjson.loads(zlib.decompress(payload))
    return content
