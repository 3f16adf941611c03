"""Commands that look: ls, show, runs, history, compare."""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import click
import httpx

from actinium.command import render
from actinium.command.context import Session, complete_experiment, json_option
from actinium.command.labels import Labels
from actinium.command.ranking import comparison_table
from actinium.errors import ApiError

_LARGEST_PAGE = 200

F = TypeVar("F", bound=Callable[..., Any])


def _limit(default: int) -> Callable[[F], F]:
    return click.option(
        "--limit", type=click.IntRange(min=1), default=default, show_default=True, help="Most rows."
    )


@click.command("ls")
@click.option("--status", multiple=True, help="Only these; repeat for several.")
@click.option("--tag", multiple=True, help="Only those with this tag, key:value; repeat.")
@click.option("--name", help="Only those of this very name.")
@_limit(20)
@json_option
@click.pass_obj
def list_experiments(
    session: Session,
    *,
    status: tuple[str, ...],
    tag: tuple[str, ...],
    name: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List experiments, newest first."""
    listed = session.client.experiments(
        status=status, tag=tag, name=name, page_size=min(limit, _LARGEST_PAGE)
    )
    found = list(islice(listed, limit))
    session.tell(found, render.experiments, as_json=as_json)


@click.command("show")
@click.argument("which", metavar="ID", shell_complete=complete_experiment)
@json_option
@click.pass_obj
def show(session: Session, which: str, *, as_json: bool) -> None:
    """Show an experiment, with the claims of its preset, or a run; `last` is the newest one."""
    client = session.client
    try:
        experiment = client.experiment(session.experiment_id(which))
    except ApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        run = client.run(which)
        session.tell(run, lambda it: render.run(it, Labels(client)), as_json=as_json)
        return
    session.tell(experiment, render.experiment, as_json=as_json)
    if experiment.get("preset") and not as_json:
        session.console.print(render.claims(client.claims(experiment)))


@click.command("runs")
@click.argument("which", metavar="[EXPERIMENT]", required=False, shell_complete=complete_experiment)
@click.option("--status", multiple=True, help="Only these; repeat for several.")
@click.option("--activation", multiple=True, help="Only with this activation; repeat.")
@click.option("--initializer", multiple=True, help="Only with this initializer; repeat.")
@click.option("--verdict", multiple=True, help="Only with this diagnosis; repeat.")
@click.option("--seed", type=int, multiple=True, help="Only with this seed; repeat.")
@click.option("--order-by", help="As -val_accuracy; an experiment's own order where left out.")
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
    """List runs, of one experiment or of all."""
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
    session.tell(found, lambda it: render.runs(it, Labels(client)), as_json=as_json)


@click.command("history")
@click.argument("run_id", metavar="RUN")
@click.option("--metric", multiple=True, help="Only this metric; repeat for several.")
@click.option("--max-points", type=int, help="Thin a longer history out.")
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
    """Show a run's metrics by epoch."""
    found = session.client.history(run_id, metrics=metric or None, max_points=max_points)
    session.tell(found, render.history, as_json=as_json)


@click.command("compare")
@click.argument("which", metavar="EXPERIMENT", shell_complete=complete_experiment)
@click.option("--metric", default="val_accuracy", show_default=True, help="What is compared.")
@click.option(
    "--at",
    type=click.Choice(["final", "best"]),
    default="final",
    show_default=True,
    help="At the last epoch, or the best of all.",
)
@click.option("--by", multiple=True, help="An axis that makes the groups; repeat.")
@json_option
@click.pass_obj
def compare(
    session: Session, which: str, *, metric: str, at: Any, by: tuple[str, ...], as_json: bool
) -> None:
    """Rank an experiment's configurations over their seeds."""
    found = session.client.comparison(
        session.experiment_id(which), metric=metric, at=at, by=by or None
    )
    session.tell(found, comparison_table, as_json=as_json)


COMMANDS = (list_experiments, show, runs, history, compare)
