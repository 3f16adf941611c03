"""Content negotiation: which of the offered media types a client wants most."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """Choose a media type (RFC 9110, section 12.5.1); of equals the first offered.

    Raises:
        HTTPException: 406, naming what is offered.
    """
    ranges = [_read(each) for each in (accept or "*/*").split(",") if each.strip()]
    chosen = max(offered, key=lambda each: _quality(each, ranges))
    if _quality(chosen, ranges) <= 0:
        raise HTTPException(406, f"This is available as {', '.join(offered)}.")
    return chosen


def _read(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Give the quality of the most specific range that a type falls in, 0 where none does."""
    kind = media_type.partition("/")[0]
    for pattern in (media_type, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0
