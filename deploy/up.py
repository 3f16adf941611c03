"""``make up``: the whole service in the foreground, until Ctrl-C."""

import argparse
import signal
import sys
from contextlib import closing

from rich.console import Console
from rich.text import Text

from deploy.embedded import EmbeddedServerError
from deploy.service_log import ServiceLog, is_request
from deploy.stack import Stack, StackError
from service.settings import Settings, get_settings

_ABOUT = """Run the whole service in the foreground, with its own Postgres and Redis, until Ctrl-C.
Settings come from environment variables, which docs/settings.md lists."""

_STYLES = {"api": "cyan", "scheduler": "magenta", "stack": "bold"}


def main() -> int:
    """Run the service; return 0 when asked to stop, 1 when it cannot start."""
    argparse.ArgumentParser(prog="make up", description=_ABOUT).parse_args()
    console = Console(highlight=False, soft_wrap=True)
    settings = get_settings()
    # Both signals stop it, even if a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with closing(ServiceLog(settings.home)) as log:
            _run(settings, console, log)
    except KeyboardInterrupt:
        console.print("Stopped. The data stays; `make up` continues from here.")
        return 0
    except (StackError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(settings: Settings, console: Console, log: ServiceLog) -> None:
    """Run the service until a signal raises KeyboardInterrupt."""

    def write(name: str, line: str) -> None:
        log.write(name, line)
        if not is_request(line):
            style = _STYLES.get(name, "green")
            console.print(Text(f"{name:>9} ", style=style) + Text.from_ansi(line))

    with Stack(settings, write) as stack:
        stack.wait_until_ready()
        _print_addresses(console, stack, settings, log)
        while True:
            signal.pause()


def _print_addresses(console: Console, stack: Stack, settings: Settings, log: ServiceLog) -> None:
    console.print(f"[bold]Actinium is ready: {stack.url}[/]  (the page; Ctrl-C stops everything)")
    console.print(f"  API      {stack.url}/v1, described at {stack.url}/docs")
    console.print(f"  Workers  {stack.workers} on the CPU")
    console.print(f"  Data     {settings.home.absolute()}")
    console.print(f"  Log      {log.path.absolute()}, with every request")
    console.print(
        f"  Try      curl -s {stack.url}/v1/experiments -H 'Content-Type: application/json' "
        '-d \'{"activation": ["relu", "tanh"], "epochs": 1, "dataset": '
        '{"name": "mnist", "train_size": 2000, "test_size": 1000}}\''
    )


if __name__ == "__main__":
    sys.exit(main())
