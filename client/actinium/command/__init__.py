"""The command ``actinium``."""

import os
import sys

import click
import httpx

from actinium.command import data, manage, model, read, reference, submit, workload
from actinium.command.context import CONTEXT, Session
from actinium.errors import ActiniumError, ApiError, UnreachableError
from actinium.terminal import prepare_terminal, visible

#: Exit statuses; 0 is success, and 2 a command that is not understood.
REFUSED, UNREACHABLE, RUNS_FAILED, INTERRUPTED = 1, 3, 4, 130


@click.group(
    context_settings=CONTEXT,
    epilog="Exit status: 0 success, 1 the service declined the request, 2 the command is not "
    "understood, 3 the service cannot be reached, 4 some runs failed or were cancelled.",
)
@click.option("--url", envvar="ACTINIUM_URL", help="Address of the service.  [env: ACTINIUM_URL]")
@click.option("--key", envvar="ACTINIUM_KEY", help="API key.  [env: ACTINIUM_KEY]")
@click.version_option(package_name="actinium")
@click.pass_context
def cli(context: click.Context, url: str | None, key: str | None) -> None:
    """Find which activation, initializer, normalization and clipping work for a network, and why.

    `actinium run` submits an experiment, `actinium compare` ranks its configurations.
    """
    context.obj = Session(url, key)


for room in (submit, model, read, manage, data, workload, reference):
    for command in room.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run one command and exit; an error is written as one sentence."""
    sys.exit(_run())


def _run() -> int:
    prepare_terminal()
    try:
        return int(cli.main(prog_name="actinium", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The program that read our output has closed it; nothing more may be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except (ActiniumError, OSError, ValueError) as error:
        click.echo(visible(_sentence(error)), err=True)
        return _status(error)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        why = error.strerror[0].lower() + error.strerror[1:]
        return f"{error.filename or 'The output'} cannot be read or written: {why}."
    return str(error)


def _status(error: Exception) -> int:
    away = isinstance(error, ApiError) and httpx.codes.is_server_error(error.status)
    return UNREACHABLE if away or isinstance(error, UnreachableError) else REFUSED
