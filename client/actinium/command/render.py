"""Answers as people read them in a terminal: tables, bars, colours."""

import json
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from actinium.answers import (
    Claims,
    DryRun,
    Experiment,
    History,
    Run,
)
from actinium.command import pieces
from actinium.command.labels import Labels
from actinium.progress import duration
from actinium.spec import AXES

_VERDICTS = {"reproduced": "green", "not_reproduced": "red", "healthy": "green"}


def experiments(found: Sequence[Experiment]) -> Table:
    """Lay experiments out, one a line."""
    table = pieces.table("id", "name", "status", "progress", "runs", "created")
    for each in found:
        table.add_row(
            pieces.id_cell(each["id"]),
            escape(each["name"] or "-"),
            pieces.status_cell(each["status"]),
            pieces.bar(each["progress"]),
            str(each["runs"]["total"]),
            pieces.time_cell(each["created_at"]),
        )
    return table


def experiment(found: Experiment) -> RenderableType:
    """Show an experiment: how it stands, and its spec."""
    return Group(standing(found), pieces.json_block(found["spec"]))


def standing(found: Experiment) -> Table:
    """Show how an experiment stands."""
    counts = [
        f"[{pieces.STATUS_STYLES[status]}]{number} {status}[/]"
        for status, number in found["runs"].items()
        if status in pieces.STATUS_STYLES and number
    ]
    eta = found["eta_seconds"]
    return pieces.facts(
        ("id", found["id"]),
        ("name", escape(found["name"] or "-")),
        ("tags", escape(", ".join(f"{key}:{value}" for key, value in found["tags"].items()))),
        ("status", pieces.status_cell(found["status"])),
        ("runs", f"{found['runs']['total']} ({', '.join(counts)})"),
        (
            "progress",
            pieces.bar(found["progress"]) + (f"  about {duration(eta)} left" if eta else ""),
        ),
        ("created", f"{pieces.time_cell(found['created_at'])} by {escape(found['created_by'])}"),
        ("finished", pieces.time_cell(found["finished_at"])),
    )


def run(found: Run, labels: Labels) -> RenderableType:
    """Show a run: what it is, what it reached, and why."""
    final, diagnosis = found["final"], found["diagnosis"]
    rows = [
        ("id", found["id"]),
        ("experiment", found["experiment_id"]),
        ("seed", str(found["seed"])),
        ("status", pieces.status_cell(found["status"])),
        ("epoch", f"{found['epoch']} of {found['epochs']}"),
        ("worker", escape(found["worker"] or "-")),
        ("error", escape(found["error"] or "")),
        *((axis, escape(labels.of(axis, found["config"][axis]))) for axis in AXES),
    ]
    if final is not None:
        metrics: dict[str, Any] = {name: value for name, value in final.items() if name != "epoch"}
        rows += [
            (f"final {name}", pieces.value_cell(name, value)) for name, value in metrics.items()
        ]
    if diagnosis is None:
        return pieces.facts(*rows)
    verdict = diagnosis["verdict"] or "unknown"
    rows.append(("verdict", pieces.styled(verdict, _VERDICTS.get(verdict))))
    told = [Text(f"  - {each['explanation']}") for each in diagnosis["findings"]]
    return Group(pieces.facts(*rows), *told)


def claims(found: Claims) -> Table:
    """Lay the claims of a preset's experiment out."""
    table = pieces.table("claim", "status", "why")
    for each in found["claims"]:
        status = pieces.styled(each["status"].replace("_", " "), _VERDICTS.get(each["status"]))
        table.add_row(escape(each["sentence"]), status, escape(each["reason"]))
    return table


def runs(found: Sequence[Run], labels: Labels) -> Table:
    """Lay runs out, one a line, with the axes on which they differ."""
    varying = [
        axis
        for axis in AXES
        if axis == "activation" or len({json.dumps(each["config"][axis]) for each in found}) > 1
    ]
    table = pieces.table("id", *varying, "seed", "status", "epochs", "val accuracy", "val loss")
    for each in found:
        final = each["final"]
        table.add_row(
            pieces.id_cell(each["id"]),
            *(escape(labels.of(axis, each["config"][axis])) for axis in varying),
            str(each["seed"]),
            pieces.status_cell(each["status"]),
            pieces.bar(each["epoch"] / max(each["epochs"], 1)),
            pieces.value_cell("val_accuracy", final and final["val_accuracy"]),
            pieces.value_cell("val_loss", final and final["val_loss"]),
        )
    return table


def history(found: History) -> Table:
    """Lay a history out, one epoch a line."""
    metrics = found["metrics"]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for name in ("epoch", *metrics):
        table.add_column(name.replace("_", " "), justify="right")
    for at, epoch in enumerate(found["epoch"]):
        table.add_row(
            str(epoch), *(pieces.value_cell(name, values[at]) for name, values in metrics.items())
        )
    return table


def plan(found: DryRun, labels: Labels) -> RenderableType:
    """Show what a submission would make and cost."""
    facts = pieces.facts(
        ("runs", str(found["runs"])),
        ("configurations", str(found["configurations"])),
        ("already trained", str(found["already_trained"])),
        ("on one worker", duration(found["cost"]["seconds"])),
    )
    configs = [each["config"] for each in found["items"]]
    varying = [
        axis
        for axis in AXES
        if axis == "activation" or len({json.dumps(each[axis]) for each in configs}) > 1
    ]
    table = pieces.table(*varying, "runs", "already trained")
    for each in found["items"]:
        table.add_row(
            *(escape(labels.of(axis, each["config"][axis])) for axis in varying),
            str(each["runs"]),
            str(each["already_trained"]),
        )
    left = found["configurations"] - len(configs)
    return Group(facts, table, Text(f"and {left} more" if left else "", style="dim"))
