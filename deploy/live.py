"""Live progress in a terminal: one bar a run, moved by the event stream alone."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from deploy.ranking import run_label

_PAUSE = 0.5


def follow(
    client: httpx.Client, experiment_id: str, runs: list[dict[str, Any]], console: Console
) -> None:
    """Show the runs' progress until the experiment has finished.

    A stream that breaks is taken up again where it broke, by the last event's number.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
    ) as progress:
        several_seeds = len({run["seed"] for run in runs}) > 1
        bars = {
            run["id"]: progress.add_task(
                run_label(run, with_seed=several_seeds),
                total=max(run["epochs"], 1),
                start=False,
                state="queued",
            )
            for run in runs
        }
        for event in _events(client, f"/v1/experiments/{experiment_id}/events"):
            data = event.json()
            bar = bars.get(data.get("run_id"))
            if bar is not None:
                _move(progress, bar, event.event, data)
            if event.event == "experiment.finished":
                return


def _events(client: httpx.Client, path: str) -> Iterator[ServerSentEvent]:
    last: str | None = None
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        try:
            with connect_sse(
                client, "GET", path, headers=headers, timeout=httpx.Timeout(10, read=60)
            ) as source:
                source.response.raise_for_status()
                for event in source.iter_sse():
                    last = event.id or last
                    if event.data:  # not the stream's own words about reconnecting
                        yield event
        except httpx.TransportError:
            time.sleep(_PAUSE)


def _move(progress: Progress, bar: TaskID, kind: str, data: dict[str, Any]) -> None:
    match kind:
        case "run.started":
            progress.start_task(bar)
            progress.update(bar, state=f"training on {data['worker']}")
        case "run.progress":
            progress.update(bar, completed=data["epoch"] - 1 + data["fraction"])
        case "run.epoch":
            accuracy = float(data["metrics"]["val_accuracy"])
            state = f"epoch {data['epoch']}/{data['epochs']}, val {accuracy:.4f}"
            progress.update(bar, completed=data["epoch"], state=state)
        case "run.requeued":
            progress.update(bar, completed=0, state=f"queued again: {data['reason']}")
        case "run.finished":
            progress.start_task(bar)
            state = "already trained" if data["reused_from"] else data["status"]
            if data["val_accuracy"] is not None:
                state += f", val {float(data['val_accuracy']):.4f}"
            progress.update(bar, completed=max(data["epochs"], 1), state=state)
            progress.stop_task(bar)
