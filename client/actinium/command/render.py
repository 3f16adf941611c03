"""Answers as people read them in a terminal: tables, bars, colours."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from actinium.command import configurations, widgets
from actinium.command.labels import Labels
from actinium.command.specs import spec_rows
from actinium.progress import duration, time_left
from actinium.types import Claims, DryRun, Experiment, History, Run

_CLAIMS = {"reproduced": "green", "not_reproduced": "red"}
_ACTIVE = ("queued", "running")
_ON_ITS_WAY = (*_ACTIVE, "completed")

Rows = list[tuple[str, str]]


def experiments(found: Sequence[Experiment]) -> RenderableType:
    """Lay experiments out, one a line."""
    return widgets.Fitting(*(_experiments(found, short=each) for each in (False, True)))


def _experiments(found: Sequence[Experiment], *, short: bool) -> Table:
    table = widgets.table(
        widgets.fixed("id"),
        widgets.words("name"),
        widgets.fixed("status"),
        widgets.fixed("progress"),
        widgets.numbers("runs"),
        widgets.fixed("created (UTC)"),
    )
    ids = widgets.ids([each["id"] for each in found], short=short)
    for each, shown in zip(found, ids, strict=True):
        table.add_row(
            shown,
            escape(each["name"] or "-"),
            widgets.status_cell(each["status"]),
            # An ended run has done its share, however: of what was stopped a share says nothing.
            widgets.bar(each["progress"]) if each["status"] in _ON_ITS_WAY else "-",
            str(each["runs"]["total"]),
            widgets.time_cell(each["created_at"]),
        )
    return table


def experiment(found: Experiment, runs: Sequence[Run], labels: Labels) -> RenderableType:
    """Show an experiment: how it stands, what diagnoses say of its newest runs, and its spec."""
    told = _verdicts(runs)
    if told and len(runs) < found["runs"]["total"]:
        told += f", of the newest {len(runs):,} runs"
    described = ("description", escape(found["description"] or ""))
    return widgets.facts(
        *_standing(found), ("verdicts", told), described, *spec_rows(found["spec"], labels)
    )


def _verdicts(found: Iterable[Run]) -> str:
    """Count runs by their diagnosis' verdict, the most frequent first."""
    counted = Counter(each["diagnosis"]["verdict"] for each in found if each["diagnosis"])
    return ", ".join(
        f"{number} {widgets.verdict_cell(verdict)}"
        for verdict, number in counted.most_common()
        if verdict
    )


def standing(found: Experiment) -> Table:
    """Show how an experiment stands."""
    return widgets.facts(*_standing(found))


def _standing(found: Experiment) -> Rows:
    counts = [
        f"[{widgets.STATUS_STYLES[status]}]{number} {status}[/]"
        for status, number in found["runs"].items()
        if status in widgets.STATUS_STYLES and number
    ]
    eta, active = found["eta_seconds"], found["status"] in _ACTIVE
    stopping = found["cancelled_at"] and active
    left = f"  {time_left(eta)}" if eta is not None and not stopping else ""
    return [
        ("id", found["id"]),
        ("name", escape(found["name"] or "-")),
        ("tags", escape(", ".join(f"{key}:{value}" for key, value in found["tags"].items()))),
        (
            "status",
            widgets.status_cell(found["status"]) + (", being cancelled" if stopping else ""),
        ),
        ("runs", f"{found['runs']['total']} ({', '.join(counts)})"),
        ("progress", widgets.bar(found["progress"]) + left if active else ""),
        ("created", f"{widgets.time(found['created_at'])} by {escape(found['created_by'])}"),
        ("finished", widgets.time(found["finished_at"])),
    ]


def cancelled(found: Experiment) -> RenderableType:
    """Say what a cancel did, and show how the experiment stands."""
    if found["cancelled_at"] is None:
        done = f"It had ended before, {found['status']}: there was nothing to cancel."
    elif found["status"] in _ACTIVE:
        done = "Cancelled: what waited will not start, what trains stops within seconds."
    else:
        done = "Cancelled: none of its runs waits or trains any more."
    return Group(Text(done), standing(found))


def retried(found: Experiment) -> RenderableType:
    """Show how an experiment stands after a retry, and say where that did nothing."""
    if found["status"] in _ACTIVE:
        return standing(found)
    done = "None of its runs has failed or was cancelled: there was nothing to retry."
    return Group(Text(done), standing(found))


def run(found: Run, labels: Labels) -> RenderableType:
    """Show a run: what it is, what it reached, and why."""
    final, diagnosis, config = found["final"], found["diagnosis"], found["config"]
    rows = [
        ("id", found["id"]),
        ("experiment", found["experiment_id"]),
        ("seed", str(found["seed"])),
        ("status", widgets.status_cell(found["status"])),
        ("epoch", f"{found['epoch']} of {found['epochs']}"),
        ("created", widgets.time(found["created_at"])),
        ("finished", widgets.time(found["finished_at"])),
        ("worker", escape(found["worker"] or "-")),
        ("error", escape(found["error"] or "")),
        *(
            (axis, escape(labels.of(axis, config[axis])))
            for axis in configurations.own_axes([config])
        ),
    ]
    if final is not None:
        metrics: dict[str, Any] = {name: value for name, value in final.items() if name != "epoch"}
        rows += [
            (f"final {name}", widgets.value_cell(name, value)) for name, value in metrics.items()
        ]
    if diagnosis is None:
        return widgets.facts(*rows)
    rows.append(("verdict", widgets.verdict_cell(diagnosis["verdict"])))
    told = [Text(f"  - {each['explanation']}") for each in diagnosis["findings"]]
    return Group(widgets.facts(*rows), *told)


def claims(found: Claims) -> Table:
    """Lay the claims of a preset's experiment out."""
    table = widgets.table(widgets.words("claim"), widgets.fixed("status"), widgets.words("why"))
    for each in found["claims"]:
        status = widgets.styled(each["status"].replace("_", " "), _CLAIMS.get(each["status"]))
        table.add_row(escape(each["sentence"]), status, escape(each["reason"]))
    return table


def runs(found: Sequence[Run], labels: Labels) -> RenderableType:
    """Lay runs out, one a line, with the axes on which they differ."""
    layouts = ((False, False), (True, False), (True, True))
    return widgets.Fitting(
        *(_runs(found, labels, short=short, joined=joined) for short, joined in layouts)
    )


def _runs(found: Sequence[Run], labels: Labels, *, short: bool, joined: bool) -> Table:
    """Lay runs out, with ``short`` ids or all of them, and the axes ``joined`` or one a column."""
    axes = configurations.varying([each["config"] for each in found])
    table = widgets.table(
        widgets.fixed("id"),
        *configurations.columns(axes, joined=joined),
        widgets.numbers("seed"),
        widgets.fixed("status"),
        widgets.numbers("epochs"),
        widgets.numbers("val_accuracy"),
        widgets.numbers("val_loss"),
        widgets.fixed("verdict"),
    )
    ids = widgets.ids([each["id"] for each in found], short=short)
    for each, shown in zip(found, ids, strict=True):
        place = {axis: labels.of(axis, each["config"][axis]) for axis in axes}
        final, diagnosis = each["final"], each["diagnosis"]
        table.add_row(
            shown,
            *configurations.cells(place, joined=joined),
            str(each["seed"]),
            widgets.status_cell(each["status"]),
            f"{each['epoch']}/{each['epochs']}",
            widgets.value_cell("val_accuracy", final and final["val_accuracy"]),
            widgets.value_cell("val_loss", final and final["val_loss"]),
            widgets.verdict_cell(diagnosis and diagnosis["verdict"]),
        )
    return table


def history(found: History) -> RenderableType:
    """Lay a history out, one epoch a line."""
    if not found["epoch"]:
        return Text("No epoch of this run is recorded.")
    return widgets.Fitting(*(_history(found, tight=each) for each in (False, True)))


def _history(found: History, *, tight: bool) -> Table:
    metrics = found["metrics"]
    table = widgets.table(*map(widgets.numbers, ("epoch", *metrics)), tight=tight)
    for at, epoch in enumerate(found["epoch"]):
        table.add_row(
            str(epoch), *(widgets.value_cell(name, values[at]) for name, values in metrics.items())
        )
    return table


def plan(found: DryRun, labels: Labels) -> RenderableType:
    """Show what a submission would make and cost."""
    facts = widgets.facts(
        ("runs", str(found["runs"])),
        ("configurations", str(found["configurations"])),
        ("already trained", str(found["already_trained"])),
        ("on one worker", duration(found["cost"]["seconds"])),
    )
    layouts = (_plan(found, labels, joined=each) for each in (False, True))
    left = found["configurations"] - len(found["items"])
    more = [Text(f"and {left} more", style="dim")] if left else []
    return Group(facts, widgets.Fitting(*layouts), *more)


def _plan(found: DryRun, labels: Labels, *, joined: bool) -> Table:
    configs = [each["config"] for each in found["items"]]
    axes = configurations.varying(configs)
    table = widgets.table(
        *configurations.columns(axes, joined=joined),
        widgets.numbers("runs"),
        widgets.numbers("already_trained"),
    )
    for each, config in zip(found["items"], configs, strict=True):
        place = {axis: labels.of(axis, config[axis]) for axis in axes}
        table.add_row(
            *configurations.cells(place, joined=joined),
            str(each["runs"]),
            str(each["already_trained"]),
        )
    return table
