"""Following experiments from the command line: one until it has ended, or all of them."""

import contextlib
from collections.abc import Iterable, Iterator

import click
from rich.text import Text

from actinium.command import widgets
from actinium.command.context import Session
from actinium.json_numbers import write_json
from actinium.progress import describe, run_bars
from actinium.statuses import STOPPED
from actinium.types import Event, Experiment

#: An experiment with more runs has one bar for all of them.
_MOST_BARS = 24

_RUNS_FAILED = 4


def watch_experiment(session: Session, experiment_id: str) -> Experiment:
    """Show an experiment's progress until it has ended, and return it."""
    with hint_after_interrupt(session, experiment_id):
        return _watch(session, experiment_id)


@contextlib.contextmanager
def hint_after_interrupt(session: Session, experiment_id: str) -> Iterator[None]:
    """After Ctrl-C, write that the experiment continues, and which commands concern it."""
    try:
        yield
    except KeyboardInterrupt:
        short = experiment_id[-widgets.SHORT_ID :]
        session.progress.print(
            f"Experiment {experiment_id} continues. `actinium watch {short}` follows it again, "
            f"`actinium cancel {short}` cancels it.",
            soft_wrap=True,
        )
        raise


def _watch(session: Session, experiment_id: str) -> Experiment:
    client = session.client
    experiment = client.experiment(experiment_id)
    if experiment["runs"]["total"] > _MOST_BARS or not session.progress.is_terminal:
        return client.wait(experiment, progress=True)
    runs = list(client.runs(experiment, order_by="position"))
    with run_bars(session.progress, runs) as bars:
        for event in client.events(experiment):
            bars.show(event)
    return client.wait(experiment, progress=False)


def watch_all(session: Session, types: Iterable[str], after: int | None, *, as_json: bool) -> None:
    """Write all events from now on, one per line, until Ctrl-C."""
    for event in session.client.all_events(type=list(types) or None, after=after):
        if as_json:
            click.echo(write_json(event))
        elif event["type"] != "stream.opened":
            session.console.print(_line(event), soft_wrap=True)
        elif session.progress.is_terminal:
            session.progress.print("Following all experiments; Ctrl-C stops.", style="dim")


def _line(event: Event) -> Text:
    """Return an event as one line: its time, experiment, type, run and content."""
    data = event["data"]
    run = f"run …{data['run_id'][-widgets.SHORT_ID :]}" if data["run_id"] else ""
    style = widgets.STATUS_STYLES.get(data.get("status", ""), "")
    line = Text.assemble(
        (f"{data['created_at'][:19].replace('T', ' ')} UTC  ", "dim"),
        f"{data['experiment_id']}  {event['type']:<19}  ",
        (": ".join(filter(None, [run, describe(event["type"], data)])), style),
    )
    line.rstrip()
    return line


def exit_status(experiment: Experiment) -> int:
    """Return the exit status: 4 if runs failed or were cancelled, else 0, also after divergence."""
    return _RUNS_FAILED if any(experiment["runs"][status] for status in STOPPED) else 0
