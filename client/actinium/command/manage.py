"""Commands that act: watch, cancel, retry, export, open."""

import webbrowser
from pathlib import Path

import click

from actinium.command import render
from actinium.command.context import Session, complete_experiment, json_option
from actinium.command.watching import exit_status, said_when_left, watch_all, watch_experiment
from actinium.numbers import write_json

_EXPERIMENT = click.argument("which", metavar="EXPERIMENT", shell_complete=complete_experiment)


@click.command("watch")
@click.argument("which", metavar="[EXPERIMENT]", required=False, shell_complete=complete_experiment)
@click.option(
    "--type", "types", multiple=True, help="Of all experiments, only such events; repeat."
)
@click.option(
    "--after",
    type=click.IntRange(min=0),
    help="Of all experiments, what came after the event of this id; 0 for all that is kept.",
)
@json_option
@click.pass_obj
def watch(
    session: Session,
    which: str | None,
    *,
    types: tuple[str, ...],
    after: int | None,
    as_json: bool,
) -> int:
    """Follow an experiment live until it has ended, or all experiments until Ctrl-C.

    Of all experiments each event is a line; with --json, each is one of JSON, whatever is followed.
    """
    if which is None:
        watch_all(session, types, after, as_json=as_json)
        return 0
    if types or after is not None:
        raise click.UsageError("--type and --after are for all experiments: name none.")
    experiment_id = session.experiment_id(which)
    if as_json:
        with said_when_left(session, experiment_id):
            for event in session.client.events(experiment_id):
                click.echo(write_json(event))
        return exit_status(session.client.experiment(experiment_id))
    experiment = watch_experiment(session, experiment_id)
    session.console.print(render.standing(experiment))
    return exit_status(experiment)


@click.command("cancel")
@_EXPERIMENT
@json_option
@click.pass_obj
def cancel(session: Session, which: str, *, as_json: bool) -> None:
    """Cancel an experiment: what waits at once, what trains within seconds."""
    experiment = session.client.cancel(session.experiment_id(which))
    session.tell(experiment, render.cancelled, as_json=as_json)


@click.command("retry")
@_EXPERIMENT
@json_option
@click.pass_obj
def retry(session: Session, which: str, *, as_json: bool) -> None:
    """Queue an experiment's failed and cancelled runs again."""
    experiment = session.client.retry(session.experiment_id(which))
    session.tell(experiment, render.retried, as_json=as_json)


@click.command("export")
@_EXPERIMENT
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "chosen",
    type=click.Choice(["csv", "parquet", "json"]),
    help="The path's ending where left out.",
)
@json_option
@click.pass_obj
def export(session: Session, which: str, path: Path, *, chosen: str | None, as_json: bool) -> None:
    """Write all histories of an experiment to a file, one line an epoch."""
    try:
        written = session.client.export(session.experiment_id(which), path, format=chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    size = written.stat().st_size
    if as_json:
        session.write({"path": str(written), "bytes": size})
    else:
        session.console.print(f"{written} ({size:,} bytes)")


@click.command("open")
@click.argument("which", metavar="[EXPERIMENT]", required=False, shell_complete=complete_experiment)
@json_option
@click.pass_obj
def open_page(session: Session, which: str | None, *, as_json: bool) -> None:
    """Open the page, or an experiment on it, in the browser, and print its address."""
    address = f"{session.client.url}/"
    if which is not None:
        experiment = session.client.experiment(session.experiment_id(which))
        address += f"#/experiments/{experiment['id']}"
    if as_json:
        session.write({"url": address})
        return
    session.console.print(address, soft_wrap=True)
    webbrowser.open(address)


COMMANDS = (watch, cancel, retry, export, open_page)
