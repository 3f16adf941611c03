"""Progress for people: bars in a terminal, a bar of text in a notebook."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from actinium.answers import Event, Experiment, Run


class Display(Protocol):
    """Shows how an experiment stands. ``shown``: whether anybody sees it."""

    shown: bool

    def show(self, experiment: Experiment) -> None:
        """Bring it up to date."""


@contextlib.contextmanager
def waiting_display(wanted: bool | None) -> Iterator[Display]:
    """Open the display that suits where this runs; none where it is not wanted."""
    console = Console(stderr=True)
    if wanted is False:
        yield _Nothing()
    elif _in_notebook():
        yield _Line()
        print()
    elif wanted or console.is_terminal:
        with Progress(
            TextColumn("{task.fields[runs]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}% {task.fields[eta]}"),
            console=console,
        ) as progress:
            yield _Bar(progress)
    else:
        yield _Nothing()


class _Nothing:
    shown = False

    def show(self, experiment: Experiment) -> None:
        """Show nothing."""


class _Line:
    """One line, written over: what every notebook can show, and keep in its file."""

    shown = True
    _cells = 20

    def __init__(self) -> None:
        self._width = 0

    def show(self, experiment: Experiment) -> None:
        """Write the line again."""
        share = experiment["progress"]
        bar = "█" * round(share * self._cells)
        line = f"{bar:░<{self._cells}} {_runs(experiment)}, {share:.0%} {_eta(experiment)}".rstrip()
        print(f"\r{line:<{self._width}}", end="", flush=True)
        self._width = len(line)


class _Bar:
    """One bar in a terminal."""

    shown = True

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0, runs="", eta="")

    def show(self, experiment: Experiment) -> None:
        """Move the bar."""
        self._progress.update(
            self._task,
            completed=experiment["progress"],
            runs=_runs(experiment),
            eta=_eta(experiment),
        )


def _runs(experiment: Experiment) -> str:
    runs = experiment["runs"]
    ended = runs["total"] - runs["queued"] - runs["running"]
    told = [f"{ended} of {runs['total']} runs"]
    if runs["diverged"]:
        told.append(f"{runs['diverged']} diverged")
    if runs["failed"]:
        told.append(f"{runs['failed']} failed")
    return ", ".join(told)


def _eta(experiment: Experiment) -> str:
    eta = experiment["eta_seconds"]
    return f"about {duration(eta)} left" if eta is not None else ""


def duration(seconds: float) -> str:
    """Write a duration: ``45 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _in_notebook() -> bool:
    """Say whether a Jupyter kernel runs this."""
    return "ipykernel" in sys.modules


class RunBars:
    """One bar a run, moved by events.

    Args:
        progress: the bars' display, from ``run_bars``.
        runs: the runs, in the order of their bars.
        label: what to call a run.
    """

    def __init__(
        self, progress: Progress, runs: Iterable[Run], label: Callable[[Run], str]
    ) -> None:
        self._progress = progress
        self._bars = {
            run["id"]: progress.add_task(
                label(run), total=max(run["epochs"], 1), start=False, state="queued"
            )
            for run in runs
        }

    def show(self, event: Event) -> None:
        """Move the bar of the run that an event tells of."""
        bar = self._bars.get(event["data"].get("run_id") or "")
        if bar is not None:
            _move(self._progress, bar, event["type"], event["data"])


@contextlib.contextmanager
def run_bars(
    console: Console, runs: Iterable[Run], label: Callable[[Run], str]
) -> Iterator[RunBars]:
    """Show one bar a run until the block ends."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True, ratio=1)),
        console=console,
        expand=True,
    ) as progress:
        yield RunBars(progress, runs, label)


def _move(progress: Progress, bar: TaskID, kind: str, data: dict[str, Any]) -> None:
    match kind:
        case "run.started":
            progress.start_task(bar)
            progress.update(bar, state=f"training on {data['worker']}")
        case "run.progress":
            progress.update(bar, completed=data["epoch"] - 1 + data["fraction"])
        case "run.epoch":
            accuracy = data["metrics"].get("val_accuracy")
            shown = f", val {accuracy:.4f}" if accuracy is not None else ""
            state = f"epoch {data['epoch']}/{data['epochs']}{shown}"
            progress.update(bar, completed=data["epoch"], state=state)
        case "run.requeued":
            progress.update(bar, completed=0, state=f"queued again: {data['reason']}")
        case "run.finished":
            progress.start_task(bar)
            state = "already trained" if data["reused_from"] else data["status"]
            if data["val_accuracy"] is not None:
                state += f", val {data['val_accuracy']:.4f}"
            progress.update(bar, completed=max(data["epochs"], 1), state=state)
            progress.stop_task(bar)
