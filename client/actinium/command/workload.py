"""Commands on the queue and the workers."""

from collections.abc import Iterable

import click
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from actinium.command import widgets
from actinium.command.context import Session, json_option
from actinium.types import Queue, Worker

_GIB = 2**30


@click.command("workers")
@json_option
@click.pass_obj
def workers(session: Session, *, as_json: bool) -> None:
    """List the workers, and what they train."""
    session.print(list(session.client.workers()), _workers, as_json=as_json)


@click.command("queue")
@json_option
@click.pass_obj
def queue(session: Session, *, as_json: bool) -> None:
    """Show what waits, per caller, and what no worker can take."""
    session.print(session.client.queue(), _queue, as_json=as_json)


def _workers(found: Iterable[Worker]) -> RenderableType:
    table = widgets.table(
        widgets.words("worker"),
        widgets.fixed("device"),
        widgets.words("processor"),
        widgets.numbers("memory"),
        widgets.numbers("runs"),
        widgets.fixed("since"),
    )
    for one in found:
        memory = one["memory_bytes"]
        table.add_row(
            escape(one["name"]),
            one["device"],
            escape(one["processor"] or ""),
            "" if memory is None else f"{memory / _GIB:.1f} GiB",
            str(one["runs"] or "idle"),
            _moment(one["busy_since"]),
        )
    return table if table.row_count else "No worker was seen lately."


def _queue(found: Queue) -> RenderableType:
    parts: list[RenderableType] = [
        f"{found['queued']:,} queued, {found['running']:,} running, workers: {found['workers']:,}."
    ]
    if found["callers"]:
        parts.append(_callers(found))
    parts.extend(escape(one["detail"]) for one in found["blocked"])
    return Group(*parts)


def _callers(found: Queue) -> Table:
    table = widgets.table(
        widgets.words("caller"),
        widgets.numbers("queued"),
        widgets.numbers("running"),
        widgets.fixed("waiting since"),
    )
    for one in found["callers"]:
        table.add_row(
            escape(one["caller"]),
            f"{one['queued']:,}",
            f"{one['running']:,}",
            _moment(one["waiting_since"]),
        )
    return table


def _moment(text: str | None) -> str:
    """Return a time in UTC to the second."""
    return "" if text is None else f"{text[:19].replace('T', ' ')} UTC"


COMMANDS = (workers, queue)
