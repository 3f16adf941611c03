"""Commands that say what there is: presets and the catalog."""

import json
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from actinium.command import widgets
from actinium.command.context import Session, json_option
from actinium.command.labels import Labels
from actinium.command.specs import spec_rows
from actinium.types import CatalogAxis, CatalogEntry, Preset


@click.command("presets")
@click.argument("name", required=False)
@json_option
@click.pass_obj
def presets(session: Session, name: str | None, *, as_json: bool) -> None:
    """List the presets, or show one: its claims and its spec."""
    if name is not None:
        client = session.client
        preset = client.preset(name)
        session.tell(preset, lambda it: _show_preset(it, Labels(client)), as_json=as_json)
        return
    found = list(session.client.presets())
    session.tell(found, _show_presets, as_json=as_json)


@click.command("catalog")
@click.argument("axis", required=False)
@click.argument("name", required=False)
@json_option
@click.pass_obj
def catalog(session: Session, axis: str | None, name: str | None, *, as_json: bool) -> None:
    """List the axes, an axis' values, or show one value."""
    client = session.client
    if axis is None:
        axes = list(client.catalog())
        session.tell(axes, _show_axes, as_json=as_json)
    elif name is None:
        entries = list(client.catalog_axis(axis))
        session.tell(entries, _show_entries, as_json=as_json)
    else:
        entry = client.catalog_entry(axis, name)
        session.tell(entry, _show_entry, as_json=as_json)


def _show_presets(found: Iterable[Preset]) -> Table:
    """Lay presets out, one a line."""
    table = widgets.table(widgets.fixed("name"), widgets.words("title"))
    for each in found:
        table.add_row(each["name"], escape(each["title"]))
    return table


def _show_preset(found: Preset, labels: Labels) -> RenderableType:
    """Show a preset: what it claims and its spec."""
    claims = [Text(f"  - {each['sentence']}") for each in found["claims"]]
    head = Text(f"{found['name']}: {found['title']}", style="bold")
    spec = widgets.facts(*spec_rows(found["spec"], labels))
    return Group(head, Text(found["description"]), *claims, spec)


def _show_axes(found: Iterable[CatalogAxis]) -> Table:
    """Lay the catalog's axes out."""
    table = widgets.table(widgets.fixed("axis"), widgets.words("meaning"), widgets.words("values"))
    for each in found:
        names = ", ".join(entry["name"] for entry in each["items"])
        table.add_row(each["axis"], escape(each["meaning"]), names)
    return table


def _show_entries(found: Iterable[CatalogEntry]) -> Table:
    """Lay an axis' values out."""
    table = widgets.table(
        widgets.fixed("name"), widgets.words("parameters"), widgets.words("meaning")
    )
    for each in found:
        parameters = ", ".join(_parameter(given) for given in each["parameters"])
        table.add_row(each["name"], escape(parameters), escape(each["meaning"]))
    return table


def _show_entry(found: CatalogEntry) -> RenderableType:
    """Show one value of an axis."""
    facts = widgets.facts(
        ("name", found["name"]),
        ("axis", found["axis"]),
        ("meaning", escape(found["meaning"])),
        ("formula", escape(found["formula"])),
        ("source", escape(found["source"]["title"])),
    )
    told = [Text(f"  {_parameter(each)}: {each['meaning']}") for each in found["parameters"]]
    return Group(facts, *told)


def _parameter(given: dict[str, Any]) -> str:
    default = "required" if given["required"] else json.dumps(given["default"])
    return f"{given['name']}={default}"


COMMANDS = (presets, catalog)
