"""What is shown on standard output: a terminal, a pipe that closes, an old encoding."""

import os
import sys

from rich.console import Console, RenderableType

from actinium.terminal import prepare_terminal


class Terminal:
    """Standard output. Characters that its encoding does not have are shown as ``?``.

    Once nobody reads it (``make up | head -3``), what is shown goes nowhere, and whatever runs
    here continues: a service must not depend on who looks at it.
    """

    def __init__(self) -> None:
        prepare_terminal()
        self.console: Console = _Console(highlight=False, soft_wrap=True)

    def print(self, shown: RenderableType) -> None:
        """Show text or a table, if anybody reads it."""
        self.console.print(shown)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Write to nowhere from now on; the base ends the thread that happened to write."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
