"""Wall clocks of processes that tests start: each can be put wrong, before or while it runs.

Nobody may set a machine's clock without privileges, and Postgres and the test share it. So what
differs from it is what Python tells in one process: see ``tests/support/wrong_clock``.
"""

import os
from pathlib import Path

from tests.support.paths import ROOT

HOUR = 3600


class WallClocks:
    """A clock for each process, by its name; all go right until one is put wrong."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, seconds: int) -> None:
        """Put the clock of a process so many seconds ahead, or back; 0 puts it right."""
        written = self._file(name).with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self._file(name))

    def environment(self, name: str) -> dict[str, str]:
        """What a process needs in its environment to go by its clock."""
        path = [
            str(ROOT / "tests" / "support" / "wrong_clock"),
            *filter(None, [os.environ.get("PYTHONPATH")]),
        ]
        return {"PYTHONPATH": os.pathsep.join(path), "WALL_CLOCK": str(self._file(name))}

    def _file(self, name: str) -> Path:
        return self._folder / name.replace(" ", "-")
