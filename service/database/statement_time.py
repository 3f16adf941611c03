"""How long the statements of an engine take, from sending one to having its answer."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

#: Kinds of statements; every other is ``other``.
KINDS = ("select", "insert", "update", "delete", "other")

_STARTED = "_actinium_started"


def time_statements(engine: Engine, observe: Callable[[str, float], None]) -> None:
    """Have a function called after each statement, one that fails too.

    Args:
        engine: whose statements.
        observe: gets the kind of the statement, one of ``KINDS``, and the seconds it took.
    """

    @event.listens_for(engine, "before_cursor_execute")
    def before(
        _connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _: Any
    ) -> None:
        setattr(context, _STARTED, time.perf_counter())

    def end(context: Any, statement: str | None) -> None:
        started = getattr(context, _STARTED, None)
        if started is not None:
            observe(_kind(statement or ""), time.perf_counter() - started)

    @event.listens_for(engine, "after_cursor_execute")
    def after(
        _connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _: Any
    ) -> None:
        end(context, statement)

    @event.listens_for(engine, "handle_error")
    def failed(error: ExceptionContext) -> None:
        end(error.execution_context, error.statement)


def _kind(statement: str) -> str:
    words = statement.split(maxsplit=1)
    word = words[0].lower() if words else ""
    return {"with": "select"}.get(word, word if word in KINDS else "other")
