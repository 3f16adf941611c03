"""The memory that the processes of an API hold, as Linux tells it, and what is given back of it."""

import asyncio
import ctypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

#: How often free memory is given back.
_PAUSE_SECONDS = 15.0

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

#: Where the id of the parent is in ``/proc/PID/stat``, counted behind the name of the program.
_PARENT = 1


def memory_by_process(computing: Iterable[int]) -> Mapping[str, int]:
    """Return the bytes that processes hold in memory, by name: ``api``, ``computing_1``, ...

    ``fork_server`` is the process that the computing ones are forked from; what they share with it
    is part of each. Nothing is known where there is no ``/proc``.

    Args:
        computing: ids of computing processes; those that have ended are left out.
    """
    own = os.getpid()
    pids = {"api": own}
    # The number of one that has ended may be another program's by now.
    ours = [pid for pid in sorted(computing) if (_parent_of(_parent_of(pid) or 0)) == own]
    if ours:
        pids["fork_server"] = _parent_of(ours[0]) or 0
    pids |= {f"computing_{number}": pid for number, pid in enumerate(ours, start=1)}
    found = {name: _resident_bytes(pid) for name, pid in pids.items()}
    return {name: size for name, size in found.items() if size is not None}


async def give_memory_back() -> None:
    """Return free memory to the kernel every 15 s, without end.

    By itself glibc keeps what is free between blocks that are used: after 700 bodies of a megabyte
    the API kept 160 MB for good. With another C library nothing happens.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.to_thread(library.malloc_trim, 0)


def _resident_bytes(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def _parent_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[_PARENT])
    except (OSError, ValueError, IndexError):
        return None
