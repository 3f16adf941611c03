"""``make up``: the whole service in the foreground, until Ctrl-C."""

import signal
import sys

from rich.console import Console
from rich.text import Text

from deploy.embedded import EmbeddedServerError
from deploy.options import program
from deploy.stack import Stack, StackError
from service.settings import Settings, get_settings

_ABOUT = """Run the whole service in the foreground, with Postgres and Redis of its own, until
Ctrl-C. What can be set is set in the environment: docs/settings.md lists it."""

_STYLES = {"api": "cyan", "scheduler": "magenta", "stack": "bold"}


def main() -> int:
    """Run the service; return 0 when asked to stop, 1 when it cannot start."""
    program("deploy.up", _ABOUT).parse_args()
    console = Console(highlight=False, soft_wrap=True)
    settings = get_settings()
    # Both signals alike, also when a shell started this in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    def write(name: str, line: str) -> None:
        console.print(Text(f"{name:>9} ", style=_STYLES.get(name, "green")) + Text.from_ansi(line))

    stack = Stack(settings, write)
    try:
        with stack:
            stack.wait_until_ready()
            _say_where(console, stack, settings)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        console.print("Stopped. The data stays; `make up` goes on from here.")
        return 0
    except (StackError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _say_where(console: Console, stack: Stack, settings: Settings) -> None:
    console.rule("Actinium is ready")
    console.print(f"  API        {stack.url}   (documentation at {stack.url}/docs)")
    console.print(f"  Workers    {stack.workers} on the CPU")
    console.print(f"  Data, logs {settings.home.absolute()}")
    console.print(
        f"  Try        curl -s {stack.url}/v1/experiments -H 'Content-Type: application/json' "
        '-d \'{"activation": ["relu", "tanh"], "epochs": 1, "dataset": '
        '{"name": "mnist", "train_size": 2000, "test_size": 1000}}\''
    )
    console.print("  Ctrl-C stops everything; nothing is lost.")
    console.rule()


if __name__ == "__main__":
    sys.exit(main())
