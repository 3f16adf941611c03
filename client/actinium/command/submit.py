"""``actinium run``: submit an experiment from flags, a file or a preset."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem
from rich.console import Group, RenderableType

from actinium.command import render
from actinium.command.choices import read_seeds, read_statistics, read_tag, read_value
from actinium.command.context import Read, Session, completions, json_option
from actinium.command.labels import Labels
from actinium.command.ranking import comparison_table
from actinium.command.watching import exit_status, watch_experiment
from actinium.errors import ActiniumError
from actinium.spec import AXES
from actinium.types import Experiment

F = TypeVar("F", bound=Callable[..., Any])

_FILE_ENDINGS = frozenset({".json", ".yaml", ".yml"})
_SAMPLES = ("train_size", "test_size")


def _axis_flags(command: F) -> F:
    """Add one repeatable flag for each axis."""
    for axis in reversed(AXES):
        flag = click.option(
            f"--{axis.replace('_', '-')}",
            axis,
            type=Read("value", read_value),
            multiple=True,
            shell_complete=_complete_axis(axis),
            help=f"Values of the axis {axis}; repeat for several.",
        )
        command = flag(command)
    return command


def _complete_axis(axis: str) -> Callable[..., list[CompletionItem]]:
    listed = "initializer" if axis == "output_initializer" else axis
    return lambda context, _, begun: completions(
        context,
        begun,
        lambda client: [(each["name"], each["meaning"]) for each in client.catalog_axis(listed)],
    )


def _complete_source(
    context: click.Context, _: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the presets, and files."""
    presets = completions(
        context,
        begun,
        lambda client: [(each["name"], each["title"]) for each in client.presets()],
    )
    return [*presets, CompletionItem(begun, type="file")]


@click.command("run")
@click.argument("source", required=False, shell_complete=_complete_source)
@_axis_flags
@click.option("--epochs", type=int, help="Epochs of each run; 0 is initialization only.")
@click.option("--seeds", type=Read("seeds", read_seeds), help="A count as 5, or a list as 1,2,3.")
@click.option("--train-size", type=int, help="Use only so many training samples.")
@click.option("--test-size", type=int, help="Use only so many test samples.")
@click.option("--name", help="A name for the experiment.")
@click.option("--description", help="What it is for.")
@click.option("--tag", "tags", type=Read("tag", read_tag), multiple=True, help="key:value; repeat.")
@click.option(
    "--layer-statistics",
    type=Read("when", read_statistics),
    help="off, auto, or every so many epochs.",
)
@click.option("--reuse/--no-reuse", default=None, help="Whether to take over finished twins.")
@click.option("--priority", type=int, help="Runs with a higher one start sooner.")
@click.option("--max-attempts", type=int, help="How often a run is tried before it has failed.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to train.")
@click.option("--size", type=click.Choice(["full", "small"]), help="A preset's size.")
@click.option("--watch", is_flag=True, help="Stay until it has ended.")
@click.option("--dry-run", is_flag=True, help="Say what would be made and cost; store nothing.")
@json_option
@click.pass_obj
def run(
    session: Session,
    /,
    source: str | None,
    *,
    tags: tuple[tuple[str, str], ...],
    size: str | None,
    watch: bool,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Submit an experiment.

    SOURCE is a preset's name or a spec in a file (.json, .yaml, or - for standard input); flags
    win over it. A value with parameters is written as leaky_relu:negative_slope=0.2, or as JSON.
    """
    fields = _given(flags | {"tags": dict(tags) or None})
    preset = source if source is not None and not _is_file(source) else None
    if preset is None:
        if size is not None:
            raise click.UsageError("--size is for presets.")
        fields = _sized({**(_read_spec(source) if source else {}), **fields})
    elif size is not None:
        fields["size"] = size
    if dry_run:
        return _plan(session, preset, fields, as_json=as_json)
    experiment = _submit(session, preset, fields)
    if not as_json:
        _announce(session, experiment)
    if not watch:
        if as_json:
            session.write(experiment)
        return 0
    experiment = watch_experiment(session, experiment["id"])
    if as_json:
        session.write(experiment)
    else:
        session.console.print(_outcome(session, experiment))
    return exit_status(experiment)


def _outcome(session: Session, experiment: Experiment) -> RenderableType:
    ranking = comparison_table(session.client.comparison(experiment))
    if experiment.get("preset"):
        return Group(ranking, render.claims(session.client.claims(experiment)))
    return ranking


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
    session.tell(plan, lambda it: render.plan(it, Labels(client)), as_json=as_json)
    return 0


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the flags that were given, as fields of a spec; an axis' only value stands alone."""
    fields = {}
    for name, value in flags.items():
        if isinstance(value, tuple):
            if value:
                fields[name] = value[0] if len(value) == 1 else list(value)
        elif value is not None:
            fields[name] = value
    return fields


def _sized(fields: dict[str, Any]) -> dict[str, Any]:
    """Write the numbers of samples into the data sets."""
    samples = {name: fields.pop(name) for name in _SAMPLES if name in fields}
    if samples:
        given = fields.get("dataset", "mnist")
        several = given if isinstance(given, list) else [given]
        fields["dataset"] = [
            {**(each if isinstance(each, dict) else {"name": each}), **samples} for each in several
        ]
    return fields


def _is_file(source: str) -> bool:
    return source == "-" or Path(source).suffix.lower() in _FILE_ENDINGS


def _read_spec(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ActiniumError(f"{source} is no text in UTF-8.") from error
    if Path(source).suffix.lower() in {".yaml", ".yml"}:
        read = _read_yaml(text, source)
    else:
        try:
            read = json.loads(text)
        except ValueError as error:
            raise ActiniumError(f"{source} is not valid JSON: {error}.") from error
    if not isinstance(read, dict):
        raise ActiniumError(f"{source} holds no spec: an object is wanted.")
    return read


def _read_yaml(text: str, source: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ActiniumError(
            "A spec in YAML needs PyYAML: `pip install 'actinium[yaml]'`; or write it as JSON."
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ActiniumError(f"{source} is not valid YAML: {_yaml_problem(error)}.") from error


def _yaml_problem(error: Any) -> str:
    """Say what is wrong and where, without the lines of the file around it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"{error.problem}: line {mark.line + 1} column {mark.column + 1}"


COMMANDS = (run,)
