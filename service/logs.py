"""Logging: one readable line per event, ours and the libraries' alike, or JSON."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.types import Processor

from service.settings import Settings, SettingsError, get_settings

#: Loggers that log every message or request, whose outcome this code logs itself.
_VERBOSE = ("alembic.runtime.migration", "celery.worker.strategy", "celery.app.trace", "httpx")


def configure_logging(settings: Settings) -> None:
    """Send every log line of the process to standard error, in the form the settings choose."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _without_colour_twin,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(settings),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _VERBOSE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery's process pool hands nothing on to the root.
    of_pool = logging.getLogger("multiprocessing")
    of_pool.handlers, of_pool.propagate = [handler], False
    logging.captureWarnings(True)
    if settings.log_json:
        _log_what_ends_a_thread()


def _log_what_ends_a_thread() -> None:
    """Log an error that nobody catches as one line, instead of printing its traceback in many."""

    def of_process(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        logging.getLogger("process").critical("Ended by an error", exc_info=(kind, error, trace))

    def of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            of_process(ended.exc_type, ended.exc_value, ended.exc_traceback)

    sys.excepthook = of_process
    threading.excepthook = of_thread


def write_line(level: str, event: str) -> None:
    """Write a line as JSON with one call of the system, as a handler of a signal may."""
    time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    line = json.dumps({"event": event, "level": level, "timestamp": time})
    os.write(sys.stderr.fileno(), f"{line}\n".encode())


@contextmanager
def last_words() -> Iterator[None]:
    """Write the sentence that the process ends with as a line of the log, where logs are JSON."""
    try:
        yield
    except SystemExit as ended:
        if not isinstance(ended.code, str) or not _in_json():
            raise
        write_line("critical", ended.code)
        sys.exit(1)


def _in_json() -> bool:
    """Whether logs are JSON; the sentence may be about settings that cannot be read."""
    try:
        return get_settings().log_json
    except SettingsError:
        wanted = os.environ.get("ACTINIUM_LOG_JSON", "").strip().lower()
        return wanted in {"1", "on", "t", "true", "y", "yes"}


def _without_colour_twin(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop the copy of a message with terminal colours, which uvicorn adds."""
    event.pop("color_message", None)
    return event


def _renderers(settings: Settings) -> list[Processor]:
    if settings.log_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    colours = sys.stderr.isatty()
    return [
        structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    ]
