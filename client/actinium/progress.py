"""Progress for people: bars in a terminal, a line of text elsewhere."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from actinium.statuses import STOPPED, UNUSUAL
from actinium.terminal import visible
from actinium.types import Event, Experiment, Run


class Display(Protocol):
    """Displays the progress of an experiment; ``shown`` says whether it displays anything."""

    shown: bool

    def show(self, experiment: Experiment) -> None:
        """Display the experiment's progress."""


@contextlib.contextmanager
def waiting_display(wanted: bool | None) -> Iterator[Display]:
    """Open the display for a notebook, a terminal or a log.

    Args:
        wanted: None for a display only in a notebook or a terminal.
    """
    console = Console(stderr=True)
    if wanted is False:
        yield _NoDisplay()
    elif _in_notebook():
        yield _NotebookLine()
        print()
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.fields[runs]}"),
            BarColumn(),
            TextColumn("{task.fields[share]}"),
            console=console,
        ) as progress:
            yield _TerminalBar(progress)
    elif wanted:
        yield _LogLines(console)
    else:
        yield _NoDisplay()


class _NoDisplay:
    shown = False

    def show(self, experiment: Experiment) -> None:
        """Do nothing."""


class _NotebookLine:
    """One line that overwrites itself: every notebook can show it and keep it in its file."""

    shown = True
    _width = 20

    def __init__(self) -> None:
        self._written = ""

    def show(self, experiment: Experiment) -> None:
        """Overwrite the line."""
        share = experiment["progress"]
        bar = "█" * round(share * self._width)
        line = f"{bar:░<{self._width}} {summary(experiment)}"
        # The notebook's file keeps overwritten lines, too.
        if line != self._written:
            print(f"\r{line:<{len(self._written)}}", end="", flush=True)
            self._written = line


class _LogLines:
    """A line per change: when a run begins or ends, and per tenth of the progress."""

    shown = True
    _parts = 10

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, int] | None = None

    def show(self, experiment: Experiment) -> None:
        """Write a line if something has changed."""
        state = (_runs(experiment), int(experiment["progress"] * self._parts))
        if state != self._last:
            self._console.print(summary(experiment), soft_wrap=True)
            self._last = state


class _TerminalBar:
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
    unusual = [f"{runs[status]} {status}" for status in UNUSUAL if runs[status]]
    return ", ".join([f"{ended} of {_counted(runs['total'])}", *unusual])


def _counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def summary(experiment: Experiment) -> str:
    """Return how far an experiment is: ``5 of 18 runs, 1 diverged, 31% about 3 min left``."""
    return ", ".join(filter(None, (_runs(experiment), _share(experiment))))


def _share(experiment: Experiment) -> str:
    """Return the progress in percent; nothing for a stopped experiment, whose runs have none."""
    if experiment["status"] in STOPPED:
        return ""
    left = time_left(experiment)
    return f"{experiment['progress']:.0%}{f' {left}' if left else ''}"


def time_left(experiment: Experiment) -> str:
    """Return when an experiment ends in words, or why it cannot; nothing where it has ended.

    ``about 3 min left``, or a guess: ``20 s to 3 min left``, or ``3 runs wait for a cuda worker,
    and none was seen lately.``
    """
    if experiment["waits"] is not None:
        return str(experiment["waits"]["detail"])
    seconds, guess = experiment["eta_seconds"], experiment["eta_range"]
    if seconds is None:
        return ""
    if guess is not None:
        return f"{between(guess)} left"
    return f"{'about ' if seconds >= 1 else ''}{duration(seconds)} left"


def between(guess: Mapping[str, float]) -> str:
    """Return a guess in words: ``20 s to 3 min``."""
    return f"{duration(guess['low_seconds'])} to {duration(guess['high_seconds'])}"


def duration(seconds: float) -> str:
    """Return a duration in words: ``45 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel.

    That ``ipykernel`` is imported says nothing: programs that start kernels import it, too.
    """
    kernels = sys.modules.get("ipykernel.kernelapp")
    return kernels is not None and bool(kernels.IPKernelApp.initialized())


class RunBars:
    """One bar per run, moved by events.

    Args:
        progress: the display of the bars, from ``run_bars``.
        runs: the runs of one experiment, in the order of their bars.
    """

    def __init__(self, progress: Progress, runs: Sequence[Run]) -> None:
        self._progress = progress
        several_seeds = len({run["seed"] for run in runs}) > 1
        self._bars = {
            run["id"]: progress.add_task(
                visible(f"{run['name']}, seed {run['seed']}" if several_seeds else run["name"]),
                total=max(run["epochs"], 1),
                start=False,
                state="queued",
            )
            for run in runs
        }

    def show(self, event: Event) -> None:
        """Move the bar of an event's run."""
        bar = self._bars.get(event["data"].get("run_id") or "")
        if bar is not None:
            _move(self._progress, bar, event["type"], event["data"])


@contextlib.contextmanager
def run_bars(console: Console, runs: Sequence[Run]) -> Iterator[RunBars]:
    """Show one bar per run of an experiment until the block ends."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn(
            "{task.fields[state]}", markup=False, table_column=Column(no_wrap=True, ratio=1)
        ),
        console=console,
        expand=True,
    ) as progress:
        yield RunBars(progress, runs)


def _move(progress: Progress, bar: TaskID, kind: str, data: dict[str, Any]) -> None:
    match kind:
        case "run.started":
            progress.start_task(bar)
            progress.update(bar, state=describe(kind, data))
        case "run.progress":
            progress.update(bar, completed=data["epoch"] - 1 + data["fraction"])
        case "run.epoch":
            progress.update(bar, completed=data["epoch"], state=describe(kind, data))
        case "run.requeued":
            progress.update(bar, completed=0, state=describe(kind, data))
        case "run.finished":
            progress.start_task(bar)
            if data["status"] == "completed":
                progress.update(bar, completed=max(data["epochs"], 1))
            progress.update(bar, state=describe(kind, data))
            progress.stop_task(bar)


def describe(kind: str, data: dict[str, Any]) -> str:
    """Return an event's content in a few words; nothing if its type says everything."""
    words = ""
    match kind:
        case "run.started":
            words = f"training on {visible(data['worker'])}"
        case "run.epoch":
            words = f"epoch {data['epoch']}/{data['epochs']}{_reached(data['metrics'])}"
        case "run.requeued":
            words = f"queued again: {visible(data['reason'])}"
        case "run.finished":
            words = _ended(data) + _reached(data)
        case "experiment.created":
            words = _counted(data["runs"])
        case "experiment.finished":
            words = ", ".join(
                f"{number} {status}" for status, number in sorted(data["runs"].items())
            )
    return words


def _ended(data: dict[str, Any]) -> str:
    if data["reused_from"]:
        return "already trained"
    if data.get("ended_by") == "early_stopping":
        return f"stopped early at epoch {data['epoch']}/{data['epochs']}"
    return str(data["status"])


def _reached(metrics: dict[str, Any]) -> str:
    accuracy, error = metrics.get("val_accuracy"), metrics.get("val_rmse")
    if error is not None:
        return f", val rmse {error:.4g}"
    return f", val {accuracy:.4f}" if accuracy is not None else ""
