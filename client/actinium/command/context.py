"""What every command works with: the client, the console, and how results are written."""

import os
import sys
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem
from rich.console import Console, RenderableType

from actinium.client import Client
from actinium.command import ids
from actinium.numbers import write_json
from actinium.retries import Retries

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

#: Wide enough for every table where no terminal sets a width.
_UNBOUNDED = 160

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Session:
    """One command's client and console."""

    def __init__(self, url: str | None, key: str | None) -> None:
        self._url = url
        self._key = key

    @cached_property
    def client(self) -> Client:
        """The client; made where a command first needs it.

        Raises:
            click.UsageError: the address or the key cannot be one.
        """
        return self._connect(Retries())

    def hasty_client(self) -> Client:
        """Give a client that asks once: nobody waits long for a shell's completion."""
        return self._connect(Retries(attempts=1))

    def _connect(self, retries: Retries) -> Client:
        try:
            return Client(self._url, self._key, retries=retries)
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    @cached_property
    def console(self) -> Console:
        """Where results go."""
        bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
        return Console(highlight=False, width=None if bounded else _UNBOUNDED)

    @cached_property
    def progress(self) -> Console:
        """Where progress goes: beside the results, so that those can be piped."""
        return Console(stderr=True, highlight=False)

    def tell(self, value: T, shown: Callable[[T], RenderableType], *, as_json: bool) -> None:
        """Write a result: as JSON, or as people read it."""
        if as_json:
            self.write(value)
        else:
            self.console.print(shown(value))

    def write(self, value: Any) -> None:
        """Write a result as JSON."""
        click.echo(write_json(value, indent=2))

    def experiment_id(self, given: str) -> str:
        """Give the id of the experiment that is meant, as ``ids.experiment_id`` does."""
        return ids.experiment_id(self.client, given)

    def run_id(self, given: str) -> str:
        """Give the id of the run that is meant, as ``ids.run_id`` does."""
        return ids.run_id(self.client, given)


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")(command)


class Read(click.ParamType[Any]):
    """What a function reads from the words of a command.

    Args:
        name: what to call it in the help.
        read: raises ValueError with a sentence where it cannot.
    """

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value; one that was read before stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def complete_experiment(
    context: click.Context, _: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the newest experiments."""
    return completions(
        context,
        begun,
        lambda client: [
            (each["id"], each["name"] or each["status"])
            for each in islice(client.experiments(page_size=20), 20)
        ],
    )


def completions(
    context: click.Context, begun: str, ask: Callable[[Client], list[tuple[str, str]]]
) -> list[CompletionItem]:
    """Complete from what the service knows; a service that is away completes nothing."""
    options = context.find_root().params
    session = Session(options.get("url"), options.get("key"))
    try:
        found = ask(session.hasty_client())
    except Exception:
        return []
    return [
        CompletionItem(value, help=meaning) for value, meaning in found if value.startswith(begun)
    ]
