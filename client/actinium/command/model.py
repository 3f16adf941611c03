"""``actinium model``: networks before they are trained."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from actinium.command import widgets
from actinium.command.context import Session, json_option
from actinium.command.spec_files import read_spec
from actinium.types import ModelPreview

#: Fields of a spec that decide a network's layers.
_FIELDS = ("model", "dataset", "activation", "normalization", "batch_size")


@click.group("model")
def model() -> None:
    """Look at networks before they are trained."""


@model.command("preview")
@click.argument("source")
@json_option
@click.pass_obj
def preview(session: Session, source: str, *, as_json: bool) -> None:
    """Show a network's layers with their shapes and parameters.

    SOURCE is a file with a spec (.json, .yaml, or - for standard input). Of an axis with several
    values the first one is taken.
    """
    fields = _decisive(read_spec(source))
    found = session.client.preview_model(fields.pop("model", "mnist_cnn"), **fields)
    session.print(found, _layers, as_json=as_json)


def _decisive(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a spec that decide a network, with one value each."""
    fields = {name: spec[name] for name in _FIELDS if spec.get(name) is not None}
    return {
        name: value[0] if isinstance(value, list) and value else value
        for name, value in fields.items()
    }


def _layers(found: ModelPreview) -> RenderableType:
    """Return a table of the layers, and what they are together."""
    columns = ("name", "layer", "output", "parameters", "multiply-adds")
    table: Table = widgets.table(*map(widgets.fixed, columns))
    for layer in found["layers"]:
        table.add_row(
            layer["name"],
            layer["layer"],
            " x ".join(map(str, layer["output_shape"])),
            f"{layer['parameters']:,}",
            f"{layer['multiply_adds']:,}",
        )
    megabytes = found["memory_bytes"] / 2**20
    total = Text(
        f"{found['parameters']:,} parameters, {found['multiply_adds']:,} multiply-adds a sample, "
        f"about {megabytes:,.0f} MiB to train on batches of {found['batch_size']}."
    )
    return Group(table, total)


COMMANDS = (model,)
