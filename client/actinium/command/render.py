"""Answers as people read them in a terminal."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from actinium.command import axes, widgets
from actinium.command.metrics import Metrics
from actinium.command.specs import Facts, experiment_facts
from actinium.progress import between, duration, time_left
from actinium.statuses import ACTIVE, STOPPED, ClaimStatus
from actinium.types import Claims, DryRun, Experiment, History, Run

_CLAIM_STYLES: dict[ClaimStatus, str] = {
    "reproduced": "green",
    "not_reproduced": "red",
    "supported": "green",
    "refuted": "red",
}


def experiments(found: Sequence[Experiment]) -> RenderableType:
    """Return a table of experiments."""
    return widgets.Fitting(*(_experiments(found, short=short) for short in (False, True)))


def _experiments(found: Sequence[Experiment], *, short: bool) -> Table:
    """Return the table, with ``short`` or whole ids."""
    table = widgets.table(
        widgets.fixed("id"),
        widgets.words("name"),
        widgets.fixed("status"),
        widgets.fixed("progress"),
        widgets.numbers("runs"),
        widgets.fixed("created (UTC)"),
    )
    ids = widgets.ids([experiment["id"] for experiment in found], short=short)
    for experiment, experiment_id in zip(found, ids, strict=True):
        name = experiment["name"] or "-"
        # The progress of a stopped experiment counts runs that never trained.
        stopped = experiment["status"] in STOPPED
        table.add_row(
            experiment_id,
            widgets.cut(name) if short else escape(name),
            widgets.status_cell(experiment["status"]),
            "-" if stopped else widgets.bar(experiment["progress"]),
            str(experiment["runs"]["total"]),
            widgets.time_cell(experiment["created_at"]),
        )
    return table


def experiment(found: Experiment, runs: Sequence[Run]) -> RenderableType:
    """Return an experiment's overview, the outcomes of its runs and the verdicts, and its spec.

    Args:
        found: the experiment.
        runs: its runs, or the first of them.
    """
    total = found["runs"]["total"]
    diagnoses = [run["diagnosis"] for run in runs if run["diagnosis"]]
    outcomes = _counts(each["outcome"] for each in diagnoses)
    verdicts = _counts(each["verdict"] for each in diagnoses)
    first = f", of the first {len(runs):,} runs" if len(runs) < total else ""
    return widgets.facts(
        *_overview(found),
        ("outcomes", outcomes and outcomes + first),
        ("verdicts", verdicts and verdicts + first),
        ("description", escape(found["description"] or "")),
        *experiment_facts(found["spec"], runs, total),
    )


def _counts(values: Iterable[str | None]) -> str:
    """Return how many runs have each outcome or verdict, the most frequent first."""
    return ", ".join(
        f"{count} {widgets.diagnosis_cell(value)}"
        for value, count in Counter(values).most_common()
        if value
    )


def overview(found: Experiment) -> Table:
    """Return an experiment's status, runs and progress."""
    return widgets.facts(*_overview(found))


def _overview(found: Experiment) -> Facts:
    runs = found["runs"]
    counts = [
        f"[{style}]{runs[status]} {status}[/]"
        for status, style in widgets.STATUS_STYLES.items()
        if runs[status]
    ]
    active = found["status"] in ACTIVE
    stopping = found["cancelled_at"] and active
    left = f"  {time_left(found)}" if not stopping else ""
    status = widgets.status_cell(found["status"])
    return [
        ("id", found["id"]),
        ("name", escape(found["name"] or "-")),
        ("tags", escape(", ".join(f"{key}:{value}" for key, value in found["tags"].items()))),
        ("status", f"{status}, being cancelled" if stopping else status),
        ("runs", f"{runs['total']} ({', '.join(counts)})"),
        ("progress", widgets.bar(found["progress"]) + left if active else ""),
        ("created", f"{widgets.time(found['created_at'])} by {escape(found['created_by'])}"),
        ("finished", widgets.time(found["finished_at"])),
        ("archived", "yes" if found.get("archived") else ""),
        ("note", escape(found.get("note") or "")),
    ]


def cancelled(found: Experiment) -> RenderableType:
    """Return what a cancel did, and the experiment's overview."""
    if found["cancelled_at"] is None:
        effect = f"It had already ended, {found['status']}: there was nothing to cancel."
    elif found["status"] in ACTIVE:
        effect = "Cancelled: waiting runs will not start, running ones stop within seconds."
    else:
        effect = "Cancelled: none of its runs is waiting or running."
    return Group(Text(effect), overview(found))


def cancelled_run(before: Run, found: Run) -> RenderableType:
    """Return what the cancel of a run did.

    Args:
        before: the run before it.
        found: the run after it.
    """
    if before["status"] not in ACTIVE:
        return Text(f"It had already ended, {found['status']}: there was nothing to cancel.")
    if found["status"] in ACTIVE:
        return Text("Cancelled: it stops within seconds.")
    return Text("Cancelled: it will not start.")


def retried(found: Experiment) -> RenderableType:
    """Return the experiment's overview after a retry, and a sentence if that did nothing."""
    if found["status"] in ACTIVE:
        return overview(found)
    effect = "None of its runs failed or was cancelled: there was nothing to retry."
    return Group(Text(effect), overview(found))


def run(found: Run, metrics: Metrics) -> RenderableType:
    """Return a run: its configuration, its final metrics, and the findings of its diagnosis."""
    labels, diagnosis = found["labels"], found["diagnosis"]
    rows = [
        ("id", found["id"]),
        ("experiment", found["experiment_id"]),
        ("seed", str(found["seed"])),
        ("status", widgets.status_cell(found["status"])),
        ("epoch", f"{found['epoch']} of {found['epochs']}"),
        ("ended by", (found.get("ended_by") or "").replace("_", " ")),
        ("created", widgets.time(found["created_at"])),
        ("finished", widgets.time(found["finished_at"])),
        ("worker", escape(found["worker"] or "-")),
        ("error", escape(found["error"] or "")),
        *((axis, escape(str(labels[axis]))) for axis in axes.distinct([labels])),
        *_final_metrics(found, metrics),
    ]
    if diagnosis is None:
        return widgets.facts(*rows)
    rows += [
        (name, widgets.diagnosis_cell(value))
        for name, value in (("outcome", diagnosis["outcome"]), ("verdict", diagnosis["verdict"]))
    ]
    findings = [
        Text(f"  - {_when(finding)}: {finding['explanation']} {finding['advice'] or ''}".rstrip())
        for finding in diagnosis["findings"]
    ]
    return Group(widgets.facts(*rows), *findings)


def _when(finding: Mapping[str, Any]) -> str:
    """Return the kind and the epoch of a finding: ``dying, epoch 2``."""
    return f"{finding['kind'].replace('_', ' ')}, epoch {finding['epoch']}"


def _final_metrics(found: Run, metrics: Metrics) -> Facts:
    values: dict[str, Any] = {**(found["final"] or {})}
    values.pop("epoch", None)
    return [(f"final {name}", metrics.cell(name, value)) for name, value in values.items()]


def claims(found: Claims) -> Table:
    """Return a table of an experiment's claims; beside a small size, what the full one gave."""
    small = found["size"] == "small"
    columns = [widgets.words("claim"), widgets.fixed("status"), widgets.words("why")]
    if small:
        columns.insert(2, widgets.fixed("full size"))
    table = widgets.table(*columns)
    for claim in found["claims"]:
        style = _CLAIM_STYLES.get(claim["status"])
        status = widgets.styled(claim["status"].replace("_", " "), style)
        sentence = f"{claim['sentence']} (post hoc)" if claim["post_hoc"] else claim["sentence"]
        cells = [escape(sentence), status, escape(claim["reason"])]
        if small:
            cells.insert(2, (claim["full_size"] or "not run").replace("_", " "))
        table.add_row(*cells)
    return table


def runs(found: Sequence[Run], metrics: Metrics) -> RenderableType:
    """Return a table of runs, with the axes on which they differ."""
    layouts = ((False, False), (True, False), (True, True))
    return widgets.Fitting(
        *(_runs(found, metrics, short=short, joined=joined) for short, joined in layouts)
    )


#: The metric that tells how good a run is, by its task.
_MAIN_METRICS = {"classification": "val_accuracy", "regression": "val_rmse"}


def _runs(found: Sequence[Run], metrics: Metrics, *, short: bool, joined: bool) -> Table:
    """Return the table, with ``short`` or whole ids, and one column per axis.

    With the axes ``joined``, there is one for all, and a run has one line.
    """
    varying = axes.varying([run["labels"] for run in found])
    tasks = {run.get("task", "classification") for run in found} or {"classification"}
    shown = [*(name for task, name in _MAIN_METRICS.items() if task in tasks), "val_loss"]
    table = widgets.table(
        widgets.fixed("id"),
        *axes.columns(varying, joined=joined),
        widgets.numbers("seed"),
        widgets.fixed("status"),
        widgets.numbers("epochs"),
        *map(widgets.numbers, shown),
        *widgets.diagnosis_columns(joined=joined),
    )
    ids = widgets.ids([run["id"] for run in found], short=short)
    for run, run_id in zip(found, ids, strict=True):
        diagnosis = run["diagnosis"]
        values: dict[str, Any] = {**(run["final"] or {})}
        cells = axes.words(varying, run["labels"], joined=joined)
        table.add_row(
            run_id,
            *(widgets.cut(cell) if joined else escape(cell) for cell in cells),
            str(run["seed"]),
            widgets.status_cell(run["status"]),
            f"{run['epoch']}/{run['epochs']}",
            *(metrics.cell(name, values.get(name)) for name in shown),
            *widgets.diagnosis_cells(diagnosis, joined=joined),
        )
    return table


def history(found: History, metrics: Metrics) -> RenderableType:
    """Return a table of a history, one epoch per row."""
    if not found["epoch"]:
        return Text("No epoch of this run is recorded.")
    return widgets.Fitting(*(_history(found, metrics, tight=tight) for tight in (False, True)))


def _history(found: History, metrics: Metrics, *, tight: bool) -> Table:
    """Return the table; the columns of a ``tight`` one are closer together."""
    columns = found["metrics"]
    table = widgets.table(*map(widgets.numbers, ("epoch", *columns)), tight=tight)
    for row, epoch in enumerate(found["epoch"]):
        cells = (metrics.cell(name, values[row]) for name, values in columns.items())
        table.add_row(str(epoch), *cells)
    return table


def plan(found: DryRun) -> RenderableType:
    """Return what a submission would create and cost."""
    facts = widgets.facts(
        ("runs", str(found["runs"])),
        ("configurations", str(found["configurations"])),
        ("already trained", str(found["already_trained"])),
        ("on one worker", _cost(found["cost"]["seconds"], found["cost"]["range"])),
        ("with the queue", _end(found["forecast"])),
    )
    layouts = (_plan(found, joined=joined) for joined in (False, True))
    left = found["configurations"] - len(found["items"])
    more = [Text(f"and {left} more", style="dim")] if left else []
    notes = dict.fromkeys(rate["note"] for rate in found["cost"]["rates"] if rate["note"])
    told = [Text(note, style="dim") for note in notes]
    return Group(facts, *told, widgets.Fitting(*layouts), *more, *_risks(found))


def _cost(seconds: float, guess: Mapping[str, float] | None) -> str:
    """Return a duration in words, or the range that it is guessed to lie in."""
    return duration(seconds) if guess is None else f"{between(guess)}, a guess"


def _end(forecast: Mapping[str, Any]) -> str:
    """Return when a submission would end, or why it could not start."""
    if forecast["waits"] is not None:
        return str(forecast["waits"]["detail"])
    seconds = forecast["eta_seconds"]
    return "" if seconds is None else f"done in {_cost(seconds, forecast['eta_range'])}"


def _risks(found: DryRun) -> list[Text]:
    """Return what theory predicts for the configurations whose signals or gradients are at risk."""
    predicted = [(item["name"], item["prediction"]) for item in found["items"]]
    return [
        Text(f"{name}: {prediction['sentence']}", style="yellow")
        for name, prediction in predicted
        if prediction and prediction["risk"] != "none"
    ]


def _plan(found: DryRun, *, joined: bool) -> Table:
    """Return the table of configurations, with the axes ``joined`` or one per column."""
    varying = axes.varying([item["labels"] for item in found["items"]])
    table = widgets.table(
        *axes.columns(varying, joined=joined),
        widgets.numbers("runs"),
        widgets.numbers("already_trained"),
    )
    for item in found["items"]:
        table.add_row(
            *axes.cells(varying, item["labels"], joined=joined),
            str(item["runs"]),
            str(item["already_trained"]),
        )
    return table
