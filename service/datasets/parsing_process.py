"""The process that parses one upload: ``python -m service.datasets.parsing_process``.

It reads a request as JSON from its standard input and writes an answer as JSON to its output. What
it may use is limited by the system; of its environment it has nothing that is secret.
"""

import json
import resource
import sys
from pathlib import Path

from pydantic import BaseModel

from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError

#: Files that a parse has open at most, those of its libraries among them.
_OPEN_FILES = 64
_WRITTEN_TIMES = 10


class ParseRequest(BaseModel):
    """What is to be parsed."""

    path: Path
    output: Path
    meaning: FileMeaning
    limits: FileLimits


def main() -> None:
    """Parse one file, and answer with what was understood or with what is wrong."""
    request = ParseRequest.model_validate_json(sys.stdin.buffer.read())
    _limit(request.limits)
    json.dump(_answer(request), sys.stdout)


def _limit(limits: FileLimits) -> None:
    """Let the system end whatever takes more memory, time, disk or files."""
    seconds = int(limits.upload_seconds) + 1
    written = _WRITTEN_TIMES * limits.max_upload_bytes
    for kind, most in (
        (resource.RLIMIT_AS, limits.upload_memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, written),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _answer(request: ParseRequest) -> dict[str, object]:
    try:
        from service.datasets.parsing import parse  # noqa: PLC0415 - within the limits

        found = parse(request.path, request.meaning, request.limits, request.output)
    except FileError as error:
        return {
            "detail": error.detail,
            "parameter": error.location[1] if error.location else None,
            "too_large": error.too_large,
        }
    except (MemoryError, RecursionError):
        most = request.limits.upload_memory_bytes
        return {
            "detail": f"Reading the file takes more memory than upload_memory_bytes = {most:,}.",
            "parameter": None,
            "too_large": True,
        }
    return {"understood": found.model_dump(mode="json")}


if __name__ == "__main__":
    main()
