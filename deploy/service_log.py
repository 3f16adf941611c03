"""The log file of a service that runs on this machine, and which of its lines are requests."""

import logging
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

#: The file keeps at least this many of the newest bytes, and never grows to twice as many.
_MOST_BYTES = 10_000_000

#: A line the API logs for each request, as text or as JSON (ACTINIUM_LOG_JSON).
_REQUEST = re.compile(
    r'(?:\[(?:info|debug) *\] |"event": ?")(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /'
)


class ServiceLog:
    """The file ``logs/service.log`` in a home, with every line of every program."""

    def __init__(self, home: Path) -> None:
        self.path = home / "logs" / "service.log"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self._file = RotatingFileHandler(
            self.path, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", errors="replace"
        )

    def write(self, name: str, line: str) -> None:
        """Add a program's line; any thread may call this."""
        self._file.handle(logging.makeLogRecord({"msg": f"{name:>9} {line}"}))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def is_request(line: str) -> bool:
    """Whether a program's line is the API's record of one request, and not an error."""
    return _REQUEST.search(line) is not None
