"""A watch over the event loop: a process whose loop hangs ends, and is started again.

Whoever holds the interpreter holds every thread of it, so no thread of Python could notice.
``faulthandler`` waits in a thread that needs no interpreter: unless the loop puts it off in time,
it writes where every thread is, and ends the process.
"""

import asyncio
import contextlib
import faulthandler
from collections.abc import AsyncIterator

from service.api.web.beside import beside

#: The loop puts the end off this many times in the longest silence.
_LOOKS = 5


@contextlib.asynccontextmanager
async def watched_loop(seconds: float) -> AsyncIterator[None]:
    """End this process, with status 1, where its event loop hangs for so long during the block."""
    try:
        async with beside(_put_off(seconds)):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


async def _put_off(seconds: float) -> None:
    while True:
        faulthandler.dump_traceback_later(seconds, exit=True)
        await asyncio.sleep(seconds / _LOOKS)
