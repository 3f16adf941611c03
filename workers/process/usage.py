"""What a worker's processes use: memory and processor time, as Linux tells it in /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")

#: Where things are in ``/proc/PID/stat``, counted behind the process' state: ticks in user and
#: kernel mode, of the process and of its children that have ended, and pages that it holds.
_OWN = slice(10, 12)
_ENDED_CHILDREN = slice(12, 14)
_PAGES = 20


@dataclass(frozen=True)
class Usage:
    """What a worker uses.

    Attributes:
        resident_bytes: memory that its processes hold now; what they share counts for each.
        processor_seconds: that they have taken since its start.
    """

    resident_bytes: int
    processor_seconds: float


def usage_of(pid: int, proc: Path = Path("/proc")) -> Usage | None:
    """Return what a process and its children use; None where the kernel does not tell."""
    own = _numbers(proc / str(pid))
    if own is None:
        return None
    children = [_numbers(proc / child) for child in _children(proc / str(pid))]
    family = [own, *(numbers for numbers in children if numbers is not None)]
    ticks = sum(sum(numbers[_OWN]) for numbers in family) + sum(own[_ENDED_CHILDREN])
    return Usage(
        resident_bytes=sum(numbers[_PAGES] for numbers in family) * _PAGE_BYTES,
        processor_seconds=ticks / _TICKS,
    )


def _numbers(process: Path) -> list[int] | None:
    """Return the numbers behind a process' state; None of one that has ended."""
    try:
        text = (process / "stat").read_text()
    except OSError:
        return None
    return [int(number) for number in text.rpartition(")")[2].split()[1:]]


def _children(process: Path) -> list[str]:
    """Return the ids of a process' children, whichever of its threads has made them."""
    found = []
    for file in process.glob("task/*/children"):
        try:
            found += file.read_text().split()
        except OSError:  # its thread has just ended
            continue
    return found
