"""Content negotiation: which of the offered media types a client prefers."""

import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException

_WEIGHT = re.compile(r"0(?:\.[0-9]*)?|1(?:\.0*)?")


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """Return the preferred media type (RFC 9110, section 12.5.1); of equals the first offered.

    Raises:
        HTTPException: 406, with the media types offered.
    """
    ranges = [_read(media) for media in (accept or "*/*").split(",") if media.strip()]
    chosen = max(offered, key=lambda media_type: _quality(media_type, ranges))
    if _quality(chosen, ranges) <= 0:
        raise HTTPException(406, f"This is available as {', '.join(offered)}.")
    return chosen


def names(accept: str, media_type: str) -> bool:
    """Whether a client accepts a media type by its name, and not only whatever there is."""
    ranges = [_read(media) for media in accept.split(",")]
    return any(name == media_type and quality > 0 for name, quality in ranges)


def _read(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            weight = value.strip()
            return name, float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    return name, 1.0


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the quality of the most specific range with this type, 0 without one."""
    kind = media_type.partition("/")[0]
    for pattern in (media_type, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0
