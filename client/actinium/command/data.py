"""The command ``actinium data``: upload, list, show and remove data sets."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from actinium.command import ids, widgets
from actinium.command.context import Session, json_option, tag_option
from actinium.types import Dataset, DatasetSummary

_WHICH = click.argument("which", metavar="DATA_SET")
_MOST_ROWS = 40


@click.group("data")
def data() -> None:
    """Upload data sets, list, show and remove them."""


@data.command("add")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--test",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A second table of the same columns: the test part.",
)
@click.option("--target", help="Column of what is to be predicted.")
@click.option("--name", help="Name; if not given, the file's.")
@click.option("--description", help="Description.")
@tag_option("Tag, key:value (repeatable).")
@click.option(
    "--task",
    type=click.Choice(["classification", "binary", "regression"]),
    help="Task; guessed if not given.",
)
@click.option("--leave-out", multiple=True, metavar="COLUMN", help="No input (repeatable).")
@click.option(
    "--categorical", multiple=True, metavar="COLUMN", help="Numbers are names (repeatable)."
)
@click.option("--missing", type=click.Choice(["refuse", "impute", "drop"]), help="Missing values.")
@click.option("--test-share", type=float, help="Share of the rows for the test (0.2).")
@click.option("--split-seed", type=int, help="Seed of the shuffled order (0).")
@click.option("--stratified/--not-stratified", default=None, help="Equal shares of the classes.")
@click.option("--shuffled/--in-order", default=None, help="Random order, or the file's.")
@click.option("--split-column", metavar="COLUMN", help="Says train or test for each row.")
@click.option("--image-shape", metavar="HxW", help="Columns are pixels; or a size for images.")
@click.option("--encoding", type=click.Choice(["utf-8", "utf-16", "gb18030", "latin-1"]))
@click.option("--dry-run", is_flag=True, help="Show what is understood, and store nothing.")
@json_option
@click.pass_obj
def add(session: Session, /, path: Path, *, as_json: bool, **options: Any) -> None:
    """Upload a data set.

    PATH is a CSV, Parquet or NPZ file, or a zip of images in a folder per class, of IDX files or
    of two tables named train and test.
    """
    fields = {name: value for name, value in options.items() if value not in {None, ()}}
    if tags := fields.pop("tags", None):
        fields["tags"] = dict(tags)
    session.print(session.client.upload(path, **fields), _whole, as_json=as_json)


@data.command("ls")
@json_option
@click.pass_obj
def list_data(session: Session, *, as_json: bool) -> None:
    """List the uploaded data sets, newest first."""
    session.print(list(session.client.datasets()), _listed, as_json=as_json)


@data.command("show")
@_WHICH
@json_option
@click.pass_obj
def show(session: Session, which: str, *, as_json: bool) -> None:
    """Show what was understood of a data set.

    DATA_SET is an id, or its last 8 digits.
    """
    found = session.client.dataset(ids.dataset_id(session.client, which))
    session.print(found, _whole, as_json=as_json)


@data.command("rm")
@_WHICH
@json_option
@click.pass_obj
def remove(session: Session, which: str, *, as_json: bool) -> None:
    """Remove a data set, unless runs still need it.

    DATA_SET is an id, or its last 8 digits. Runs that were trained on it stay readable.
    """
    dataset_id = ids.dataset_id(session.client, which)
    session.client.delete_dataset(dataset_id)
    session.print({"deleted": dataset_id}, lambda _: f"Removed {dataset_id}.", as_json=as_json)


def _listed(found: Iterable[DatasetSummary]) -> Table:
    table = widgets.table(
        widgets.fixed("id"),
        widgets.words("name"),
        widgets.fixed("task"),
        widgets.fixed("input"),
        widgets.numbers("classes"),
        widgets.numbers("train"),
        widgets.numbers("test"),
    )
    for one in found:
        table.add_row(
            one["id"],
            escape(one["name"]),
            one["task"],
            _shape(one["input_shape"]),
            str(one["classes"]) if one["classes"] else "-",
            f"{one['train_count']:,}",
            f"{one['test_count']:,}",
        )
    return table


def _whole(found: Dataset) -> RenderableType:
    left_out = [f"{one['name']} ({one['reason']})" for one in found["left_out"]]
    split = found["split"]
    seed = "in the file's order" if split["seed"] is None else f"seed {split['seed']}"
    facts = widgets.facts(
        ("name", escape(found["name"])),
        ("id", found["id"] or "none: nothing was stored"),
        ("file", ", ".join([found["format"], *map(_detail, found["details"].items())])),
        ("task", found["task"]),
        ("target", escape(found["target"] or "")),
        ("input", _shape(found["input_shape"])),
        ("rows", f"{found['train_count']:,} for training, {found['test_count']:,} for the test"),
        ("split", f"by {split['by']}, {seed}{', stratified' if split['stratified'] else ''}"),
        ("classes", escape(", ".join(map(_class, found["classes"][:_MOST_ROWS])))),
        ("values", _targets(found)),
        ("left_out", escape("; ".join(left_out))),
        ("dropped_rows", f"{found['dropped_rows']:,}" if found["dropped_rows"] else ""),
        ("filled_values", f"{found['filled_values']:,}" if found["filled_values"] else ""),
        ("notes", escape(" ".join(found["notes"]))),
    )
    parts: list[RenderableType] = [facts]
    if found["features"]:
        parts.append(_features(found["features"]))
    if found["id"] and found["links"]:
        parts.append(
            f"Train on it: actinium run --activation relu --dataset uploaded:id={found['id']} "
            "--model mlp"
        )
    return Group(*parts)


def _features(features: list[dict[str, Any]]) -> Table:
    table = widgets.table(
        widgets.words("column"),
        widgets.fixed("type"),
        widgets.numbers("missing"),
        widgets.words("values"),
    )
    for feature in features[:_MOST_ROWS]:
        if feature["type"] == "number":
            values = f"{_number(feature['minimum'])} to {_number(feature['maximum'])}"
        else:
            values = ", ".join(f"{one['name']} ({one['count']:,})" for one in feature["categories"])
        table.add_row(
            escape(feature["name"]), feature["type"], str(feature["missing"]), escape(values)
        )
    return table


def _targets(found: Dataset) -> str:
    """Return the range of targets that are numbers, and what a network has to beat."""
    targets = found.get("targets")
    if not targets:
        return ""
    return (
        f"{_number(targets['minimum'])} to {_number(targets['maximum'])}; predicting their mean "
        f"{_number(targets['mean'])} has a test_rmse of {_number(targets['test_rmse'])}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _class(one: dict[str, Any]) -> str:
    return f"{one['name']} ({one['train'] + one['test']:,})"


def _detail(detail: tuple[str, str | bool]) -> str:
    name, value = detail
    words = name.replace("_", " ")
    if isinstance(value, bool):
        return words if value else f"no {words}"
    return f"{words} {value!r}"


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape))


COMMANDS = (data,)
