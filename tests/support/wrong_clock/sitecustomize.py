"""Puts a Python process' wall clock wrong: imported by each that has this folder in its path.

The file that ``WALL_CLOCK`` names holds how many seconds the clock is ahead; it is looked at each
time somebody asks what time it is, so a clock can also step while a process runs. Monotonic
clocks go on as they are, as on a machine whose clock is set.
"""

import ctypes
import gc
import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

_FILE = Path(os.environ["WALL_CLOCK"])
_time, _time_ns, _now = time.time, time.time_ns, datetime.now


def _ahead() -> int:
    try:
        return int(_FILE.read_text())
    except FileNotFoundError:
        return 0


def _now_wrong(_: type[datetime], tz: tzinfo | None = None) -> datetime:
    return _now(tz) + timedelta(seconds=_ahead())


def _utcnow_wrong(_: type[datetime]) -> datetime:
    return _now_wrong(datetime, UTC).replace(tzinfo=None)


time.time = lambda: _time() + _ahead()
time.time_ns = lambda: _time_ns() + _ahead() * 1_000_000_000
# A class written in C lets none of its methods be replaced, but for one who holds its dictionary.
(_methods,) = gc.get_referents(datetime.__dict__)
_methods |= {"now": classmethod(_now_wrong), "utcnow": classmethod(_utcnow_wrong)}
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
