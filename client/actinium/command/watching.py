"""Watching an experiment from the command line, until it has ended."""

from actinium.answers import Experiment
from actinium.command.context import Session
from actinium.command.labels import Labels
from actinium.progress import run_bars

#: With more runs than this, one bar stands for all of them.
_MOST_BARS = 24

_RUNS_FAILED = 4


def watch_experiment(session: Session, experiment_id: str) -> Experiment:
    """Show an experiment's progress until it has ended, and give how it stands then."""
    client = session.client
    experiment = client.experiment(experiment_id)
    if experiment["runs"]["total"] > _MOST_BARS or not session.progress.is_terminal:
        return client.wait(experiment)
    runs = list(client.runs(experiment, order_by="position"))
    with_seed = len({run["seed"] for run in runs}) > 1
    labels = Labels(client)
    with run_bars(
        session.progress, runs, lambda run: labels.of_run(run, with_seed=with_seed)
    ) as bars:
        for event in client.events(experiment):
            bars.show(event)
    return client.wait(experiment, progress=False)


def exit_status(experiment: Experiment) -> int:
    """Give the command's exit status: 4 where a run failed or was cancelled. Divergence is none."""
    runs = experiment["runs"]
    return _RUNS_FAILED if runs["failed"] or runs["cancelled"] else 0
