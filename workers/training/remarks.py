"""Remarks: what is only said about a run can fail without failing the run.

Layer statistics, decision boundaries and update ratios change nothing in a training. Where one
cannot be taken, the log has the reason, and the run goes on without it.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog

_log = structlog.get_logger(__name__)

T = TypeVar("T")


def or_none(what: str, take: Callable[[], T]) -> T | None:
    """Return what ``take`` returns; None, with a log line that names ``what``, where it fails."""
    try:
        return take()
    except Exception:
        _log.exception("A remark on a run could not be made", what=what)
        return None
