"""Watching from the command line: an experiment until it has ended, or all of them."""

import contextlib
from collections.abc import Iterable, Iterator

import click
from rich.text import Text

from actinium.command import widgets
from actinium.command.context import Session
from actinium.command.labels import Labels
from actinium.numbers import write_json
from actinium.progress import run_bars, told
from actinium.types import Event, Experiment

#: With more runs than this, one bar stands for all of them.
_MOST_BARS = 24

_RUNS_FAILED = 4


def watch_experiment(session: Session, experiment_id: str) -> Experiment:
    """Show an experiment's progress until it has ended, and give how it stands then."""
    with said_when_left(session, experiment_id):
        return _watch(session, experiment_id)


@contextlib.contextmanager
def said_when_left(session: Session, experiment_id: str) -> Iterator[None]:
    """Say what Ctrl-C leaves behind: the experiment goes on."""
    try:
        yield
    except KeyboardInterrupt:
        short = experiment_id[-widgets.SHORT_ID :]
        session.progress.print(
            f"Experiment {experiment_id} goes on. `actinium watch {short}` follows it again, "
            f"`actinium cancel {short}` ends it.",
            soft_wrap=True,
        )
        raise


def _watch(session: Session, experiment_id: str) -> Experiment:
    client = session.client
    experiment = client.experiment(experiment_id)
    if experiment["runs"]["total"] > _MOST_BARS or not session.progress.is_terminal:
        return client.wait(experiment, progress=True)
    runs = list(client.runs(experiment, order_by="position"))
    named = Labels(client).of_runs(runs)
    with run_bars(session.progress, runs, lambda run: named[run["id"]]) as bars:
        for event in client.events(experiment):
            bars.show(event)
    return client.wait(experiment, progress=False)


def watch_all(session: Session, types: Iterable[str], after: int | None, *, as_json: bool) -> None:
    """Write whatever happens from now on, one event a line, until it is stopped."""
    for event in session.client.all_events(type=list(types) or None, after=after):
        if as_json:
            click.echo(write_json(event))
        elif event["type"] != "stream.opened":
            session.console.print(_line(event), soft_wrap=True)
        elif session.progress.is_terminal:
            session.progress.print("Following all experiments; Ctrl-C ends it.", style="dim")


def _line(event: Event) -> Text:
    """Write an event as one line: when, in which experiment, what, and of which run."""
    data = event["data"]
    run = f"run …{data['run_id'][-widgets.SHORT_ID :]}" if data["run_id"] else ""
    style = widgets.STATUS_STYLES.get(data.get("status", ""), "")
    line = Text.assemble(
        (f"{data['created_at'][:19].replace('T', ' ')} UTC  ", "dim"),
        f"{data['experiment_id']}  {event['type']:<19}  ",
        (": ".join(filter(None, [run, told(event["type"], data)])), style),
    )
    line.rstrip()
    return line


def exit_status(experiment: Experiment) -> int:
    """Give the command's exit status: 4 where a run failed or was cancelled. Divergence is none."""
    runs = experiment["runs"]
    return _RUNS_FAILED if runs["failed"] or runs["cancelled"] else 0
