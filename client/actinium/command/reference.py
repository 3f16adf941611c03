"""Commands for reference: the presets and the catalog."""

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
from actinium.command.specs import preset_facts
from actinium.types import Advice, AdviceSentence, CatalogAxis, CatalogEntry, Metric, Preset

#: The catalog lists metrics beside the axes.
_METRICS = "metrics"


@click.command("presets")
@click.argument("name", required=False)
@json_option
@click.pass_obj
def presets(session: Session, name: str | None, *, as_json: bool) -> None:
    """List the presets, or show one.

    With NAME, show the claims and the spec of that preset.
    """
    if name is None:
        session.print(list(session.client.presets()), _presets, as_json=as_json)
    else:
        session.print(session.client.preset(name), _preset, as_json=as_json)


@click.command("catalog")
@click.argument("axis", required=False)
@click.argument("name", required=False)
@json_option
@click.pass_obj
def catalog(session: Session, axis: str | None, name: str | None, *, as_json: bool) -> None:
    """Show the axes, their values, and the metrics.

    Without AXIS, list the axes. With AXIS, list its values, or show the value NAME.
    `actinium catalog metrics` lists the metrics.
    """
    client = session.client
    if axis is None:
        session.print(list(client.catalog()), _axes, as_json=as_json)
    elif name is not None:
        session.print(client.catalog_entry(axis, name), _entry, as_json=as_json)
    elif axis == _METRICS:
        session.print(list(client.metrics()), _metrics, as_json=as_json)
    else:
        session.print(list(client.catalog_axis(axis)), _entries, as_json=as_json)


def _presets(found: Iterable[Preset]) -> Table:
    """Return a table of presets."""
    table = widgets.table(widgets.fixed("name"), widgets.words("title"))
    for preset in found:
        table.add_row(preset["name"], escape(preset["title"]))
    return table


def _preset(found: Preset) -> RenderableType:
    """Return a preset with its claims, what its full size gave for them, and its spec."""
    claims = [
        Text(f"  - {claim['sentence']} At full size: {_status(claim['status'])}.")
        for claim in found["claims"]
    ]
    head = Text(f"{found['name']}: {found['title']}", style="bold")
    on_test = [Text("Its recipe validates on the test part.")] if found["validates_on_test"] else []
    spec = widgets.facts(*preset_facts(found["spec"]))
    return Group(head, Text(found["description"]), *on_test, *claims, spec)


def _status(status: str | None) -> str:
    return status.replace("_", " ") if status else "not run yet"


def _axes(found: Iterable[CatalogAxis]) -> Table:
    """Return a table of the catalog's axes."""
    table = widgets.table(widgets.fixed("axis"), widgets.words("meaning"), widgets.words("values"))
    for axis in found:
        names = ", ".join(entry["name"] for entry in axis["items"])
        table.add_row(axis["axis"], escape(axis["meaning"]), names)
    return table


def _metrics(found: Iterable[Metric]) -> Table:
    """Return a table of the metrics."""
    table = widgets.table(*map(widgets.fixed, ("name", "title", "kind", "better")))
    for metric in found:
        better = metric["direction"] or "-"
        table.add_row(metric["name"], escape(metric["title"]), metric["kind"], better)
    return table


def _entries(found: Iterable[CatalogEntry]) -> Table:
    """Return a table of an axis' values."""
    table = widgets.table(
        widgets.fixed("name"), widgets.words("parameters"), widgets.words("meaning")
    )
    for entry in found:
        parameters = ", ".join(map(_parameter, entry["parameters"]))
        table.add_row(entry["name"], escape(parameters), escape(entry["meaning"]))
    return table


def _entry(found: CatalogEntry) -> RenderableType:
    """Return one value of an axis, with its parameters and what is known of it."""
    facts = widgets.facts(
        ("name", found["name"]),
        ("axis", found["axis"]),
        ("meaning", escape(found["meaning"])),
        ("formula", escape(found["formula"])),
        ("source", escape(found["source"]["title"])),
    )
    parameters = [
        Text(f"  {_parameter(parameter)}: {parameter['meaning']}")
        for parameter in found["parameters"]
    ]
    return Group(facts, *parameters, *_advice(found.get("advice")))


def _advice(advice: Advice | None) -> list[RenderableType]:
    if advice is None:
        return []
    return [
        Group(
            Text(f"{title}:", style="bold"),
            *(Text(f"  - {sentence['text']} [{_basis(sentence)}]") for sentence in sentences),
        )
        for title, sentences in (
            ("What it solved", advice["solved"]),
            ("Strengths", advice["strengths"]),
            ("What remains", advice["remains"]),
            ("Use it", advice["use_when"]),
        )
    ]


def _basis(sentence: AdviceSentence) -> str:
    """Return in words what a sentence of advice rests on."""
    if source := sentence["source"]:
        return source["title"]
    if claim := sentence["claim"]:
        return (
            f"preset {claim['preset']}, {claim['name']}: {_status(claim['status'])} at its "
            f"{claim['size']} size"
        )
    return "no source"


def _parameter(parameter: dict[str, Any]) -> str:
    default = "required" if parameter["required"] else json.dumps(parameter["default"])
    return f"{parameter['name']}={default}"


COMMANDS = (presets, catalog)
