"""The context of a command: the client, the consoles, the output of results, completion."""

import os
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType

from actinium.client import Client
from actinium.command import ids
from actinium.command.choices import read_tag
from actinium.command.metrics import Metrics
from actinium.json_numbers import write_json
from actinium.retries import Retries
from actinium.terminal import visible_console

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

#: Width of tables without a terminal: every table fits.
_WIDE_COLUMNS = 160

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Session:
    """The client and the consoles of one command."""

    def __init__(self, url: str | None, key: str | None) -> None:
        self._url = url
        self._key = key

    @cached_property
    def client(self) -> Client:
        """The client, created when a command first needs it.

        Raises:
            click.UsageError: the address or the key is not valid.
        """
        return self._connect(Retries())

    def impatient_client(self) -> Client:
        """Return a client that repeats no request, for the completion of a shell."""
        return self._connect(Retries(attempts=1))

    def _connect(self, retries: Retries) -> Client:
        try:
            return Client(self._url, self._key, retries=retries)
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    @cached_property
    def metrics(self) -> Metrics:
        """The service's metrics."""
        return Metrics(self.client)

    @cached_property
    def console(self) -> Console:
        """The console of results, on standard output."""
        has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
        return visible_console(width=None if has_width else _WIDE_COLUMNS)

    @cached_property
    def progress(self) -> Console:
        """The console of progress, on standard error, so that results can be piped."""
        return visible_console(stderr=True)

    def print(self, answer: T, render: Callable[[T], RenderableType], *, as_json: bool) -> None:
        """Write an answer: as JSON, or as ``render`` lays it out for people."""
        if as_json:
            self.print_json(answer)
        else:
            self.console.print(render(answer))

    def print_json(self, answer: Any) -> None:
        """Write an answer as JSON."""
        click.echo(write_json(answer, indent=2))

    def experiment_id(self, word: str) -> str:
        """Return the id of an experiment, as ``ids.experiment_id`` does."""
        return ids.experiment_id(self.client, word)

    def run_id(self, word: str) -> str:
        """Return the id of a run, as ``ids.run_id`` does."""
        return ids.run_id(self.client, word)


def json_option(command: F) -> F:
    """Return a command with the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")(command)


def tag_option(meaning: str, name: str = "tags") -> Callable[[F], F]:
    """Return the option ``--tag``, which may be repeated.

    Args:
        meaning: what it does, for the help.
        name: the argument that it fills with pairs of key and value.
    """
    return click.option("--tag", name, type=Read("tag", read_tag), multiple=True, help=meaning)


class Read(click.ParamType[Any]):
    """The type of a word that a function converts.

    Args:
        name: the type's name in the help.
        read: converts a word; raises ValueError, with a sentence, if it cannot.
    """

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the converted word; a value that was converted before stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
