"""Progress for people: bars in a terminal, a bar of text in a notebook."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from actinium.types import Event, Experiment, Run


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
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.fields[runs]}"),
            BarColumn(),
            TextColumn("{task.fields[share]}"),
            console=console,
        ) as progress:
            yield _Bar(progress)
    elif wanted:
        yield _Log(console)
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
        self._written = ""

    def show(self, experiment: Experiment) -> None:
        """Write the line again."""
        share = experiment["progress"]
        bar = "█" * round(share * self._cells)
        line = f"{bar:░<{self._cells}} {_standing(experiment)}"
        # The notebook keeps all that is written, also what is written over.
        if line != self._written:
            print(f"\r{line:<{len(self._written)}}", end="", flush=True)
            self._written = line


class _Log:
    """A line a change, where nothing can be written over: runs that begin or end, or a tenth."""

    shown = True
    _parts = 10

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: tuple[str, int] | None = None

    def show(self, experiment: Experiment) -> None:
        """Write a line where there is something new."""
        told = (_runs(experiment), int(experiment["progress"] * self._parts))
        if told != self._told:
            self._console.print(_standing(experiment), soft_wrap=True)
            self._told = told


class _Bar:
    """One bar in a terminal."""

    shown = True

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1.0, runs="", share="")

    def show(self, experiment: Experiment) -> None:
        """Move the bar."""
        self._progress.update(
            self._task,
            completed=experiment["progress"],
            runs=_runs(experiment),
            share=_share(experiment),
        )


def _runs(experiment: Experiment) -> str:
    runs = experiment["runs"]
    ended = runs["total"] - runs["queued"] - runs["running"]
    if ended == 0 and runs["running"] == 0:
        return f"{_counted(runs['total'])} waiting for a worker"
    if ended == 0:
        return f"{runs['running']} of {_counted(runs['total'])} training"
    told = [f"{ended} of {_counted(runs['total'])}"]
    told += [f"{runs[each]} {each}" for each in ("diverged", "failed", "cancelled") if runs[each]]
    return ", ".join(told)


def _counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def _standing(experiment: Experiment) -> str:
    return ", ".join(filter(None, (_runs(experiment), _share(experiment))))


def _share(experiment: Experiment) -> str:
    """Say how far it is; of what was stopped a share says nothing."""
    if experiment["status"] in {"failed", "cancelled"}:
        return ""
    eta = experiment["eta_seconds"]
    left = f" {time_left(eta)}" if eta is not None else ""
    return f"{experiment['progress']:.0%}{left}"


def time_left(seconds: float) -> str:
    """Write how long something will still take: ``about 3 min left``."""
    return f"{'about ' if seconds >= 1 else ''}{duration(seconds)} left"


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
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn(
            "{task.fields[state]}", markup=False, table_column=Column(no_wrap=True, ratio=1)
        ),
        console=console,
        expand=True,
    ) as progress:
        yield RunBars(progress, runs, label)


def _move(progress: Progress, bar: TaskID, kind: str, data: dict[str, Any]) -> None:
    match kind:
        case "run.started":
            progress.start_task(bar)
            progress.update(bar, state=told(kind, data))
        case "run.progress":
            progress.update(bar, completed=data["epoch"] - 1 + data["fraction"])
        case "run.epoch":
            progress.update(bar, completed=data["epoch"], state=told(kind, data))
        case "run.requeued":
            progress.update(bar, completed=0, state=told(kind, data))
        case "run.finished":
            progress.start_task(bar)
            if data["status"] == "completed":
                progress.update(bar, completed=max(data["epochs"], 1))
            progress.update(bar, state=told(kind, data))
            progress.stop_task(bar)


def told(kind: str, data: dict[str, Any]) -> str:
    """Say in a few words what an event tells; nothing where its type says it all."""
    words = ""
    match kind:
        case "run.started":
            words = f"training on {data['worker']}"
        case "run.epoch":
            words = f"epoch {data['epoch']}/{data['epochs']}{_reached(data['metrics'])}"
        case "run.requeued":
            words = f"queued again: {data['reason']}"
        case "run.finished":
            words = ("already trained" if data["reused_from"] else data["status"]) + _reached(data)
        case "experiment.created":
            words = _counted(data["runs"])
        case "experiment.finished":
            words = ", ".join(
                f"{number} {status}" for status, number in sorted(data["runs"].items())
            )
    return words


def _reached(metrics: dict[str, Any]) -> str:
    accuracy = metrics.get("val_accuracy")
    return f", val {accuracy:.4f}" if accuracy is not None else ""
