"""Commands that manage experiments: watch, edit, cancel, retry, delete, export, open."""

import webbrowser
from pathlib import Path

import click
from rich.text import Text

from actinium.command import completion, ids, render
from actinium.command.context import Session, json_option, tag_option
from actinium.command.watching import exit_status, hint_after_interrupt, watch_all, watch_experiment
from actinium.json_numbers import write_json
from actinium.terminal import visible
from actinium.types import Changes

_ANY_EXPERIMENT = click.argument(
    "which", metavar="[EXPERIMENT]", required=False, shell_complete=completion.experiment
)
_EXPERIMENT = click.argument("which", metavar="EXPERIMENT", shell_complete=completion.experiment)


@click.command("watch")
@_ANY_EXPERIMENT
@click.option(
    "--type",
    "types",
    multiple=True,
    help="Only events of this type, without EXPERIMENT (repeatable).",
)
@click.option(
    "--after",
    type=click.IntRange(min=0),
    help="Only events after this id, without EXPERIMENT; 0 for all stored ones.",
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
    """Follow one or all experiments live.

    EXPERIMENT is an id, its last 8 digits, or `last` for the newest. It is followed
    until it has ended. Without it, all experiments are followed until Ctrl-C, one event per line.
    With --json, each line is an event in JSON.
    """
    if which is None:
        watch_all(session, types, after, as_json=as_json)
        return 0
    if types or after is not None:
        raise click.UsageError("--type and --after are for all experiments: give no EXPERIMENT.")
    experiment_id = session.experiment_id(which)
    if as_json:
        with hint_after_interrupt(session, experiment_id):
            for event in session.client.events(experiment_id):
                click.echo(write_json(event))
        return exit_status(session.client.experiment(experiment_id))
    experiment = watch_experiment(session, experiment_id)
    session.console.print(render.overview(experiment))
    return exit_status(experiment)


@click.command("edit")
@_EXPERIMENT
@click.option("--name", help='The new name; "" removes it.')
@click.option("--description", help='The new description; "" removes it.')
@click.option("--note", help='What to write down about it; "" removes it.')
@tag_option("Set this tag, key:value (repeatable).")
@click.option("--untag", multiple=True, metavar="KEY", help="Remove this tag (repeatable).")
@click.option(
    "--archive/--unarchive",
    "archived",
    default=None,
    help="Leave it out of lists, or list it again.",
)
@json_option
@click.pass_obj
def edit(
    session: Session,
    /,
    which: str,
    *,
    tags: tuple[tuple[str, str], ...],
    untag: tuple[str, ...],
    archived: bool | None,
    as_json: bool,
    **texts: str | None,
) -> None:
    """Rename, tag, annotate or archive an experiment.

    What is not named stays. EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    changes: Changes = {}
    for field, text in texts.items():
        if text is not None:
            changes[field] = text or None  # type: ignore[literal-required]
    if tags or untag:
        changes["tags"] = dict.fromkeys(untag) | dict(tags)
    if archived is not None:
        changes["archived"] = archived
    if not changes:
        raise click.UsageError("Say what to change: --name, --tag, --note, --archive, ...")
    changed = session.client.update(session.experiment_id(which), **changes)
    session.print(changed, render.overview, as_json=as_json)


@click.command("cancel")
@click.argument("which", metavar="ID", shell_complete=completion.experiment_or_run)
@json_option
@click.pass_obj
def cancel(session: Session, which: str, *, as_json: bool) -> None:
    """Cancel an experiment or a run.

    What waits is cancelled at once, what is trained within seconds.
    ID is an id, its last 8 digits, or `last` for the newest experiment.
    """
    experiment, run = ids.experiment_or_run(session.client, which)
    if experiment is not None:
        stopped = session.client.cancel(experiment["id"])
        session.print(stopped, render.cancelled, as_json=as_json)
    elif run is not None:
        before, after = run, session.client.cancel_run(run["id"])
        session.print(after, lambda it: render.cancelled_run(before, it), as_json=as_json)


@click.command("delete")
@_EXPERIMENT
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def delete(session: Session, which: str, *, yes: bool, as_json: bool) -> None:
    """Delete an experiment with its runs, for good.

    It must have ended; `actinium cancel` ends it.
    EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    experiment = session.client.experiment(session.experiment_id(which))
    runs = experiment["runs"]["total"]
    named = visible(experiment["name"] or experiment["id"])
    told = f"{named} with {runs:,} run{'' if runs == 1 else 's'}"
    if not yes:
        click.confirm(f"Delete {told} and all that they recorded?", abort=True, err=True)
    session.client.delete(experiment["id"])
    session.print(
        {"deleted": experiment["id"]}, lambda _: Text(f"Deleted {told}."), as_json=as_json
    )


@click.command("retry")
@_EXPERIMENT
@json_option
@click.pass_obj
def retry(session: Session, which: str, *, as_json: bool) -> None:
    """Requeue the failed and cancelled runs.

    EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    experiment = session.client.retry(session.experiment_id(which))
    session.print(experiment, render.retried, as_json=as_json)


@click.command("export")
@_EXPERIMENT
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "chosen",
    type=click.Choice(["csv", "parquet", "json", "h5"]),
    help="Format; if not given, the ending of PATH. json has histories only, h5 layers only.",
)
@click.option("--layers", is_flag=True, help="Write layer statistics, one row per layer.")
@json_option
@click.pass_obj
def export(
    session: Session, which: str, path: Path, *, chosen: str | None, layers: bool, as_json: bool
) -> None:
    """Write all histories, or all layer statistics, to a file.

    It has one row per epoch. EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    write = session.client.export_layers if layers else session.client.export
    try:
        written = write(session.experiment_id(which), path, format=chosen)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    size = written.stat().st_size
    if as_json:
        session.print_json({"path": str(written), "bytes": size})
    else:
        session.console.print(f"{written} ({size:,} bytes)")


@click.command("open")
@_ANY_EXPERIMENT
@json_option
@click.pass_obj
def open_page(session: Session, which: str | None, *, as_json: bool) -> None:
    """Open the page in the browser.

    With EXPERIMENT, open that experiment. The address is printed, too.
    EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    address = f"{session.client.url}/"
    if which is not None:
        experiment = session.client.experiment(session.experiment_id(which))
        address += f"#/experiments/{experiment['id']}"
    if as_json:
        session.print_json({"url": address})
        return
    session.console.print(address, soft_wrap=True)
    webbrowser.open(address)


COMMANDS = (watch, edit, cancel, retry, delete, export, open_page)
