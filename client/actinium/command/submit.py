"""``actinium run``: submit an experiment from flags, a file or a preset."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem
from rich.console import Group, RenderableType

from actinium.command import completion, render
from actinium.command.choices import (
    read_early_stopping,
    read_object,
    read_seeds,
    read_statistics,
    read_ticket,
    read_value,
)
from actinium.command.context import Read, Session, json_option, tag_option
from actinium.command.ranking import comparison_table
from actinium.command.spec_files import is_file, read_spec
from actinium.command.watching import exit_status, watch_experiment
from actinium.spec import AXES
from actinium.types import Experiment

F = TypeVar("F", bound=Callable[..., Any])

_SAMPLES = ("train_size", "test_size")


def _axis_flags(command: F) -> F:
    """Return a command with one repeatable flag per axis."""
    for axis in reversed(AXES):
        flag = click.option(
            f"--{axis.replace('_', '-')}",
            axis,
            type=Read("value", read_value),
            multiple=True,
            shell_complete=completion.axis_values(axis),
            help=f"Value of the axis {axis} (repeatable).",
        )
        command = flag(command)
    return command


def _complete_source(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return completions from the presets and the files."""
    presets = completion.preset(context, parameter, begun)
    return [*presets, CompletionItem(begun, type="file")]


@click.command("run")
@click.argument("source", required=False, shell_complete=_complete_source)
@_axis_flags
@click.option("--epochs", type=int, help="Epochs per run; 0 only initializes.")
@click.option(
    "--early-stopping",
    type=Read("when", read_early_stopping),
    help="N: end after N epochs without a lower val_loss; or patience=N,metric=val_accuracy.",
)
@click.option(
    "--ticket",
    type=Read("run", read_ticket),
    help="A run to begin as, pruned; or run=ID,keep=0.1,scope=global,redraw=true.",
)
@click.option("--seeds", type=Read("seeds", read_seeds), help="A count, 5, or a list, 1,2,3.")
@click.option("--train-size", type=int, help="Number of training samples.")
@click.option("--test-size", type=int, help="Number of test samples.")
@click.option("--name", help="Name of the experiment.")
@click.option("--description", help="Description of the experiment.")
@tag_option("Tag, key:value (repeatable).")
@click.option(
    "--layer-statistics",
    type=Read("when", read_statistics),
    help="off, auto, or N for every N epochs.",
)
@click.option(
    "--variant",
    "variants",
    type=Read("object", read_object),
    multiple=True,
    help="A variant, as a JSON object with a label (repeatable).",
)
@click.option(
    "--claim",
    "claims",
    type=Read("object", read_object),
    multiple=True,
    help="A claim to check, as a JSON object (repeatable).",
)
@click.option("--reuse/--no-reuse", default=None, help="Whether identical runs are reused.")
@click.option("--priority", type=int, help="Runs with a higher priority start sooner.")
@click.option("--max-attempts", type=int, help="Attempts before a run counts as failed.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Device to train on.")
@click.option("--size", type=click.Choice(["full", "small"]), help="Size of a preset.")
@click.option("--watch", is_flag=True, help="Follow it until it has ended.")
@click.option("--dry-run", is_flag=True, help="Show the runs and their cost; store nothing.")
@json_option
@click.pass_obj
def run(
    session: Session,
    /,
    source: str | None,
    *,
    tags: tuple[tuple[str, str], ...],
    variants: tuple[dict[str, Any], ...],
    claims: tuple[dict[str, Any], ...],
    size: str | None,
    watch: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Submit an experiment.

    SOURCE is the name of a preset, or a file with a spec (.json, .yaml, or - for standard input).
    Flags replace its fields. Write a value with parameters as leaky_relu:negative_slope=0.2, or as
    JSON.
    """
    lists = {"variants": list(variants) or None, "claims": list(claims) or None}
    fields = _fields(flags | lists | {"tags": dict(tags) or None})
    preset = source if source is not None and not is_file(source) else None
    if preset is None:
        if size is not None:
            raise click.UsageError("--size is for presets.")
        fields = _with_samples({**(read_spec(source) if source else {}), **fields})
    elif size is not None:
        fields["size"] = size
    if dry_run:
        return _plan(session, preset, fields, as_json=as_json)
    experiment = _submit(session, preset, fields)
    if not as_json:
        _announce(session, experiment)
    if not watch:
        if as_json:
            session.print_json(experiment)
        return 0
    experiment = watch_experiment(session, experiment["id"])
    if as_json:
        session.print_json(experiment)
    else:
        session.console.print(_outcome(session, experiment))
    return exit_status(experiment)


def _outcome(session: Session, experiment: Experiment) -> RenderableType:
    ranking = comparison_table(session.client.comparison(experiment), session.metrics)
    claims = session.client.claims(experiment)
    return Group(ranking, render.claims(claims)) if claims["claims"] else ranking


def _announce(session: Session, experiment: Experiment) -> None:
    runs = experiment["runs"]["total"]
    plural = "" if runs == 1 else "s"
    session.console.print(f"Experiment [bold]{experiment['id']}[/]: {runs} run{plural}.")


def _submit(session: Session, preset: str | None, fields: dict[str, Any]) -> Experiment:
    if preset is not None:
        return session.client.submit_preset(preset, **fields)
    return session.client.submit(fields)


def _plan(session: Session, preset: str | None, fields: dict[str, Any], *, as_json: bool) -> int:
    client = session.client
    plan = client.dry_run(fields) if preset is None else client.dry_run_preset(preset, **fields)
    session.print(plan, render.plan, as_json=as_json)
    return 0


def _fields(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a spec from flags; a single value of an axis is not put in a list."""
    fields = {}
    for name, value in flags.items():
        if isinstance(value, tuple):
            if value:
                fields[name] = value[0] if len(value) == 1 else list(value)
        elif value is not None:
            fields[name] = value
    return fields


def _with_samples(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with the numbers of samples in the data sets."""
    samples = {name: fields.pop(name) for name in _SAMPLES if name in fields}
    if samples:
        value = fields.get("dataset", "mnist")
        datasets = value if isinstance(value, list) else [value]
        fields["dataset"] = [
            {**(dataset if isinstance(dataset, dict) else {"name": dataset}), **samples}
            for dataset in datasets
        ]
    return fields


COMMANDS = (run,)
