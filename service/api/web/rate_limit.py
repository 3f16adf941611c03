"""How often one caller may ask: a fixed window in this process' memory."""

import math
import time

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.exceptions import HTTPException


class RateLimit:
    """Counts requests by caller.

    On the event loop, where a request costs 0.03 ms: the storage for threads forgets what is over
    in a thread of its own, of which a calm service starts one for each request (0.4 ms).

    Args:
        limit: amount and period, as ``100000/minute``.

    Raises:
        ValueError: the limit cannot be read.
    """

    def __init__(self, limit: str) -> None:
        self._item = limits.parse(limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def count(self, caller: str) -> dict[str, str]:
        """Count one request; returns the headers that say how many are left.

        Raises:
            HTTPException: 429, the caller has used them up.
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
