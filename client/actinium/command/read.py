"""Commands that read: ls, show, runs, history, compare."""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import click

from actinium.command import completion, ids, render
from actinium.command.choices import read_label, read_target
from actinium.command.context import Read, Session, json_option, tag_option
from actinium.command.ranking import comparison_table
from actinium.types import Experiment

_LARGEST_PAGE = 200
#: Most runs that `show` reads of an experiment: each page of them is a request.
_MOST_RUNS_READ = 1000

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def _limit(default: int) -> Callable[[F], F]:
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        help="Most rows.",
    )


def _only(field: str, complete: completion.Complete) -> Callable[[F], F]:
    """Return the flag that filters runs by a field."""
    return click.option(
        f"--{field}",
        multiple=True,
        shell_complete=complete,
        help=f"Only runs with this {field} (repeatable).",
    )


@click.command("ls")
@click.option(
    "--status",
    multiple=True,
    shell_complete=completion.experiment_status,
    help="Only experiments with this status (repeatable).",
)
@tag_option("Only experiments with this tag, key:value (repeatable).", "tag")
@click.option("--name", help="Only experiments with exactly this name.")
@click.option("--search", help="Only experiments with this in their name, in any case.")
@click.option("--archived", is_flag=True, help="Those that are archived.")
@_limit(20)
@json_option
@click.pass_obj
def list_experiments(
    session: Session,
    *,
    status: tuple[str, ...],
    tag: tuple[tuple[str, str], ...],
    name: str | None,
    search: str | None,
    archived: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List experiments, newest first."""
    listed = session.client.experiments(
        status=status,
        tag=[f"{key}:{value}" for key, value in tag],
        name=name,
        search=search,
        archived=archived,
        page_size=min(limit, _LARGEST_PAGE),
    )
    found = list(islice(listed, limit))
    if found or as_json:
        session.print(found, render.experiments, as_json=as_json)
    elif status or tag or name or search or archived:
        session.console.print("No experiment matches; `actinium ls` lists all.")
    else:
        session.console.print(
            "There is no experiment yet; `actinium run --activation relu` submits one, and "
            "`actinium presets` lists published claims to test."
        )


@click.command("show")
@click.argument("which", metavar="ID", shell_complete=completion.experiment_or_run)
@json_option
@click.pass_obj
def show(session: Session, which: str, *, as_json: bool) -> None:
    """Show an experiment or a run.

    An experiment is shown with its claims. ID is an id, its last 8 digits, or `last`
    for the newest experiment.
    """
    experiment, run = ids.experiment_or_run(session.client, which)
    if run is not None:
        session.print(run, lambda found: render.run(found, session.metrics), as_json=as_json)
    elif as_json:
        session.print_json(experiment)
    elif experiment is not None:
        _show_experiment(session, experiment)


def _show_experiment(session: Session, experiment: Experiment) -> None:
    client = session.client
    ordered = client.runs(experiment, order_by="position", page_size=_LARGEST_PAGE)
    runs = list(islice(ordered, _MOST_RUNS_READ))
    session.console.print(render.experiment(experiment, runs))
    claims = client.claims(experiment)
    if claims["claims"]:
        session.console.print(render.claims(claims))


@click.command("runs")
@click.argument(
    "which", metavar="[EXPERIMENT]", required=False, shell_complete=completion.experiment
)
@_only("status", completion.run_status)
@_only("activation", completion.axis_values("activation"))
@_only("initializer", completion.axis_values("initializer"))
@_only("outcome", completion.outcome)
@_only("verdict", completion.verdict)
@click.option("--seed", type=int, multiple=True, help="Only runs with this seed (repeatable).")
@click.option(
    "--order-by",
    shell_complete=completion.order,
    help="Such as val_accuracy, or -val_accuracy for the highest first.",
)
@_limit(100)
@json_option
@click.pass_obj
def runs(
    session: Session,
    /,
    which: str | None,
    *,
    order_by: str | None,
    limit: int,
    as_json: bool,
    **filters: Any,
) -> None:
    """List the runs of one experiment, or of all.

    EXPERIMENT is an id, its last 8 digits, or `last` for the newest. Its runs
    are listed in their own order, those of all experiments newest first.
    """
    client = session.client
    found = list(
        islice(
            client.runs(
                session.experiment_id(which) if which else None,
                order_by=order_by or ("position" if which else "-created_at"),
                page_size=min(limit, _LARGEST_PAGE),
                **{name: value or None for name, value in filters.items()},
            ),
            limit,
        )
    )
    if found or as_json:
        session.print(found, lambda runs: render.runs(runs, session.metrics), as_json=as_json)
    elif which or any(filters.values()):
        session.console.print("No run matches.")
    else:
        session.console.print(
            "There is no run yet; `actinium run --activation relu` submits an experiment."
        )


@click.command("history")
@click.argument("run_id", metavar="RUN", shell_complete=completion.run)
@click.option(
    "--metric",
    multiple=True,
    shell_complete=completion.metric,
    help="Only this metric (repeatable).",
)
@click.option("--max-points", type=int, help="Most epochs; thins out a longer history.")
@json_option
@click.pass_obj
def history(
    session: Session,
    run_id: str,
    *,
    metric: tuple[str, ...],
    max_points: int | None,
    as_json: bool,
) -> None:
    """Show a run's metrics by epoch.

    RUN is a run's id or its last 8 digits.
    """
    found = session.client.history(
        session.run_id(run_id), metrics=metric or None, max_points=max_points
    )
    session.print(found, lambda it: render.history(it, session.metrics), as_json=as_json)


@click.command("compare")
@click.argument("which", metavar="EXPERIMENT", shell_complete=completion.experiment)
@click.option(
    "--metric",
    shell_complete=completion.metric,
    help="Metric to compare; if not given val_accuracy, or val_rmse where targets are numbers.",
)
@click.option(
    "--at",
    type=click.Choice(["final", "best", "mean"]),
    default="final",
    show_default=True,
    help="At the last epoch or the best, or the mean over all.",
)
@click.option(
    "--target",
    type=Read("target", read_target),
    help="What epochs_to and seconds_to count to, metric:value, as val_accuracy:0.97.",
)
@click.option(
    "--by",
    multiple=True,
    shell_complete=completion.axis,
    help="Axis that forms the groups (repeatable).",
)
@click.option(
    "--tune",
    multiple=True,
    shell_complete=completion.axis,
    help="Axis, or parameter as optimizer.learning_rate, that each group has at its best value "
    "(repeatable).",
)
@click.option(
    "--average",
    multiple=True,
    shell_complete=completion.axis,
    help="Axis that groups are averaged over (repeatable).",
)
@click.option(
    "--margin", type=float, help="How far behind the best still is equivalent: 0.01 is one point."
)
@click.option(
    "--against",
    type=Read("label", read_label),
    multiple=True,
    help="Compare with this group, axis:label, and not with the leader (repeatable).",
)
@json_option
@click.pass_obj
def compare(
    session: Session,
    /,
    which: str,
    *,
    by: tuple[str, ...],
    tune: tuple[str, ...],
    average: tuple[str, ...],
    against: tuple[tuple[str, str], ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Rank configurations over their seeds, and say what the numbers show.

    EXPERIMENT is an id, its last 8 digits, or `last` for the newest.
    """
    found = session.client.comparison(
        session.experiment_id(which),
        by=by or None,
        tune=tune or None,
        average=average or None,
        against=dict(against) or None,
        **options,
    )
    session.print(found, lambda it: comparison_table(it, session.metrics), as_json=as_json)


COMMANDS = (list_experiments, show, runs, history, compare)
