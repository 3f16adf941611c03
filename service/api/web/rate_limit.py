"""How many requests a caller may make: a fixed window, kept in the memory of this process."""

import math
import time

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException


class RateLimit:
    """Counts requests per caller.

    The storage is the one for the event loop, at 0.03 ms per request. The storage for threads
    expires its entries in a new thread per request as long as requests are rare (0.4 ms).

    Args:
        limit: amount and period, as ``100000/minute``.

    Raises:
        ValueError: the limit is not of this form.
    """

    def __init__(self, limit: str) -> None:
        self._item = limits.parse(limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, caller: str) -> dict[str, str]:
        """Count one request and return the headers with the number that is left.

        Raises:
            HTTPException: 429, the caller has none left.
        """
        allowed = await self._limiter.hit(self._item, caller)
        ends, left = await self._limiter.get_window_stats(self._item, caller)
        seconds = str(max(1, math.ceil(ends - time.time())))
        headers = {
            "RateLimit-Policy": f"{self._item.amount};w={self._item.get_expiry()}",
            "RateLimit-Limit": str(self._item.amount),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": seconds,
        }
        if allowed:
            return headers
        raise HTTPException(
            429,
            f"The limit is {self._item}; wait {seconds} s.",
            headers={**headers, "Retry-After": seconds},
        )
