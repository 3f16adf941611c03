"""The processes that compute for the API, and how a request uses one.

What is computed in Python holds the interpreter, so it is computed in another one: the API's goes
on answering, and the memory of a large comparison is another process' and ends with it.
"""

import asyncio
import contextlib
import multiprocessing
import threading
import weakref
from collections.abc import Coroutine
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import anyio
import structlog
from fastapi import Request
from starlette.exceptions import HTTPException

from service.api.web.gate import BusyError, Gate
from service.api.web.scopes import caller_of
from service.api.web.turns import away
from service.settings import Settings

#: How long an ended process has to be gone.
_LAST_SECONDS = 5.0
#: The status that proxies log for a client that did not wait for its answer.
_CLIENT_GONE = 499

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_context = multiprocessing.get_context("forkserver")


class ProcessEndedError(Exception):
    """A computing process ended without an answer."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"exit status {status}")
        self.wanted = status == 0


class ComputingProcess:
    """One process that computes; it is started by its first task."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._ended = False
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, also when it has ended; None where it has not started."""
        return self._process.pid if self._process is not None else None

    def ask(self, task: tuple[Any, ...]) -> Any:
        """Return the outcome of a task; blocks meanwhile.

        Raises:
            ProcessEndedError: the process ended, by itself or by ``end``.
        """
        try:
            connection = self._connection or self._start()
            connection.send(task)
            return connection.recv()
        except (EOFError, OSError) as error:
            self.end(gently=True)
            status = self._process.exitcode if self._process is not None else None
            raise ProcessEndedError(status) from error

    def end(self, *, gently: bool = False) -> None:
        """End the process, whatever it does; ``gently``: it is about to end by itself."""
        with self._lock:
            self._ended = True
            process, connection = self._process, self._connection
        if process is None or connection is None:
            return
        if gently:
            process.join(_LAST_SECONDS)
        process.kill()
        process.join(_LAST_SECONDS)
        if not gently:
            return  # a thread may still read from the connection; it closes it
        connection.close()

    def _start(self) -> Connection:
        ours, theirs = _context.Pipe()
        process = _context.Process(
            target=_serve, args=(theirs, self._settings), name="computing", daemon=True
        )
        with self._lock:
            if self._ended:
                raise EOFError
            process.start()
            self._process, self._connection = process, ours
        theirs.close()
        return ours


class ComputingProcesses:
    """Some processes that compute, started when they are needed.

    Args:
        settings: those of the service; they say how many, and for how long one may compute.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gate = Gate(
            at_once=settings.computing_processes,
            waiting=settings.computing_queue,
            seconds=settings.computing_seconds,
        )
        self._idle: list[ComputingProcess] = []
        #: All that somebody still uses or ends, the idle ones too.
        self._all: weakref.WeakSet[ComputingProcess] = weakref.WeakSet()
        #: Threads that wait for processes, those that are being ended as well.
        self._readers = anyio.CapacityLimiter(4 * settings.computing_processes)

    def prepare(self) -> None:
        """Start the process that the others are forked from, which then imports what they need."""
        _context.set_forkserver_preload(["service.api.computing.child"])
        forkserver.ensure_running()

    def pids(self) -> list[int]:
        """Return the ids of the processes, of some that have ended too."""
        return [pid for process in list(self._all) if (pid := process.pid) is not None]

    def close(self) -> None:
        """End the processes."""
        for process in self._idle:
            process.end()
        self._idle.clear()

    async def run(self, caller: str, name: str, *arguments: Any, **options: Any) -> Any:
        """Compute in a process; cancelling this ends the process.

        Args:
            caller: whose work it is; callers take turns.
            name: a function, as ``package.module:function``. It gets a session that only reads.
            arguments: what it gets beside.
            options: what it gets by name.

        Raises:
            BusyError: too many wait, it takes too long, or the process was ended.
            Exception: what the function raises.
        """
        async with away(), self._gate.turn(caller):
            try:
                async with asyncio.timeout(self._settings.computing_seconds):
                    succeeded, outcome = await self._ask((name, arguments, options))
            except TimeoutError as error:
                _log.warning("A computation took too long and was ended", task=name)
                raise BusyError(
                    f"This takes longer than {self._settings.computing_seconds:g} s, and was given "
                    "up. Ask for less."
                ) from error
            except ProcessEndedError as error:
                _log.error("A computing process was ended", task=name, reason=str(error))
                raise BusyError(
                    "The process that computed this was ended. Ask for less, or try again."
                ) from error
        if succeeded:
            return outcome
        raise _revived(*outcome)

    async def _ask(self, task: tuple[Any, ...]) -> Any:
        """Have a process do a task; one that ended for want of work is replaced."""
        while True:
            used = bool(self._idle)
            process = self._idle.pop() if used else ComputingProcess(self._settings)
            self._all.add(process)
            try:
                answer = await anyio.to_thread.run_sync(
                    process.ask, task, abandon_on_cancel=True, limiter=self._readers
                )
            except ProcessEndedError as error:
                if used and error.wanted:
                    continue
                raise
            except BaseException:
                process.end()
                raise
            self._idle.append(process)
            return answer


async def compute(request: Request, name: str, *arguments: Any, **options: Any) -> Any:
    """Compute something for a request, and give it up when the client has gone.

    Args:
        request: the request; its body was read.
        name: a function, as in ``ComputingProcesses.run``.
        arguments: what it gets.
        options: what it gets by name.

    Raises:
        HTTPException: 499, to nobody.
        BusyError: too many wait, or it takes too long.
    """
    processes: ComputingProcesses = request.app.state.computing
    return await unless_gone(
        request, processes.run(caller_of(request.scope), name, *arguments, **options)
    )


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of some work; cancel it when the client has gone.

    Raises:
        HTTPException: 499, to nobody.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(_CLIENT_GONE, "The client did not wait for the answer.")
        return task.result()
    finally:
        for pending in (task, gone):
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await pending


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _serve(connection: Connection, settings: Settings) -> None:
    from service.api.computing import child  # noqa: PLC0415 - this process does not import it

    child.serve(connection, settings)


def _revived(
    kind: type[Exception], arguments: tuple[Any, ...], members: dict[str, Any]
) -> Exception:
    """Return an exception as it was; its constructor may take other arguments."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(members)
    return error
