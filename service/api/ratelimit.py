"""How often one caller may ask: a fixed window in this process' memory."""

import math
import time
from collections import Counter

import limits
from starlette.exceptions import HTTPException


class RateLimit:
    """Counts requests by caller; for the event loop alone.

    The windows of all callers begin together, so what was counted in one is forgotten at once.
    The counters that ``limits`` has forget by a timer, which is a thread for each request of a
    calm service: 0.4 ms.

    Args:
        limit: amount and period, as ``100000/minute``.

    Raises:
        ValueError: the limit cannot be read.
    """

    def __init__(self, limit: str) -> None:
        self._item = limits.parse(limit)
        self._counts: Counter[str] = Counter()
        self._ends = 0.0

    def count(self, caller: str) -> dict[str, str]:
        """Count one request; returns the headers that say how many are left.

        Raises:
            HTTPException: 429, the caller has used them up.
        """
        now = time.monotonic()
        if now >= self._ends:
            self._counts.clear()
            self._ends = now + self._item.get_expiry()
        self._counts[caller] += 1
        amount = self._item.amount
        seconds = str(max(1, math.ceil(self._ends - now)))
        headers = {
            "RateLimit-Policy": f"{amount};w={self._item.get_expiry()}",
            "RateLimit-Limit": str(amount),
            "RateLimit-Remaining": str(max(0, amount - self._counts[caller])),
            "RateLimit-Reset": seconds,
        }
        if self._counts[caller] <= amount:
            return headers
        raise HTTPException(
            429,
            f"The limit is {self._item}; wait {seconds} s.",
            headers={**headers, "Retry-After": seconds},
        )
