"""``make up``: the whole service in the foreground, until Ctrl-C."""

import argparse
import signal
import sys
from contextlib import closing

from rich.text import Text

from deploy.embedded import EmbeddedServerError
from deploy.service_log import ServiceLog, is_request
from deploy.stack import Stack, StackError
from deploy.terminal import Terminal
from service.settings import Settings, SettingsError, get_settings

_ABOUT = """Run the whole service in the foreground, with its own Postgres and Redis, until Ctrl-C.
Settings come from environment variables, which docs/settings.md lists."""

_STYLES = {"api": "cyan", "scheduler": "magenta", "stack": "bold"}


def main() -> int:
    """Run the service; return 0 when asked to stop, 1 when it cannot start."""
    argparse.ArgumentParser(prog="make up", description=_ABOUT).parse_args()
    terminal = Terminal()
    # Both signals stop it, even if a shell started it in the background with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        settings = get_settings()
        with closing(ServiceLog(settings.home)) as log:
            _run(settings, terminal, log)
    except KeyboardInterrupt:
        terminal.print("Stopped. The data stays; `make up` continues from here.")
        return 0
    except (SettingsError, StackError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(settings: Settings, terminal: Terminal, log: ServiceLog) -> None:
    """Run the service until a signal raises KeyboardInterrupt."""

    def write(name: str, line: str) -> None:
        log.write(name, line)
        if not is_request(line):
            style = _STYLES.get(name, "green")
            terminal.print(Text(f"{name:>9} ", style=style) + Text.from_ansi(line))

    with Stack(settings, write) as stack:
        stack.wait_until_ready()
        for line in _addresses(stack, settings, log):
            terminal.print(line)
        while True:
            signal.pause()


def _addresses(stack: Stack, settings: Settings, log: ServiceLog) -> list[str]:
    return [
        f"[bold]Actinium is ready: {stack.url}[/]  (the page; Ctrl-C stops everything)",
        f"  API      {stack.url}/v1, described at {stack.url}/docs",
        f"  Workers  {stack.workers} on the CPU",
        f"  Data     {settings.home.absolute()}",
        f"  Log      {log.path.absolute()}, with every request",
        f"  Try      curl -s {stack.url}/v1/experiments -H 'Content-Type: application/json' "
        '-d \'{"activation": ["relu", "tanh"], "epochs": 1, "dataset": '
        '{"name": "mnist", "train_size": 2000, "test_size": 1000}}\'',
    ]


if __name__ == "__main__":
    sys.exit(main())
