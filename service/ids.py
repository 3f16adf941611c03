"""UUIDv7: ids that sort by time (RFC 9562, section 5.7)."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Return an id that sorts after every one this process has returned before.

    48 bits of milliseconds, then 74 random bits of which the first 12 continue the clock below
    the millisecond (RFC 9562, section 6.2, method 3); the clock never steps back.
    """
    global _last  # noqa: PLW0603 - one clock for the whole process
    with _lock:
        _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        clock = _last
    milliseconds, fraction = clock >> 12, clock & 0xFFF
    random = int.from_bytes(os.urandom(8)) & (2**62 - 1)
    return uuid.UUID(
        int=(milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random
    )
