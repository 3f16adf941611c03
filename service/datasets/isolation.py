"""Parsing in a process of its own, which is killed when it takes too long or nobody waits."""

import asyncio
import json
import os
import sys
from pathlib import Path

import structlog

from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.parsing_process import ParseRequest
from service.datasets.problems import FileError, TooLargeError
from service.datasets.understood import Understood

#: What the process gets of our environment; no address and no key.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
#: One thread, and memory from the system: other allocators reserve more than the limit at once.
_OWN_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
}

_log = structlog.get_logger(__name__)


async def parse_apart(
    path: Path, meaning: FileMeaning, limits: FileLimits, output: Path
) -> Understood:
    """Parse a file in a process of its own; ``service.datasets.parsing`` says how.

    Cancelling this kills the process.

    Raises:
        FileError: the file cannot become a data set.
        TooLargeError: reading it passes a limit, of memory and time among others.
    """
    request = ParseRequest(path=path, output=output, meaning=meaning, limits=limits)
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.datasets.parsing_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=kept | _OWN_ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limits.upload_seconds):
            answer, errors = await process.communicate(request.model_dump_json().encode())
    except TimeoutError:
        raise TooLargeError(
            f"Reading the file takes longer than upload_seconds = {limits.upload_seconds:g}."
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _ended(process.returncode, errors, limits)
    found = json.loads(answer)
    if "understood" in found:
        return Understood.model_validate(found["understood"])
    if found["too_large"]:
        raise TooLargeError(found["detail"])
    raise FileError(found["detail"], found["parameter"])


def _ended(status: int | None, errors: bytes, limits: FileLimits) -> FileError:
    """Return the error of a process that ended without an answer."""
    last = (errors.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
    _log.warning("A process that parsed an upload ended", status=status, last_line=last[:300])
    if (status is not None and status < 0) or "memory" in last.lower():
        return TooLargeError(
            "Reading the file takes more than it may: memory (upload_memory_bytes = "
            f"{limits.upload_memory_bytes:,}), time (upload_seconds = {limits.upload_seconds:g}) "
            "or disk."
        )
    return FileError("The file cannot be read: it is damaged, or in none of the formats.")
