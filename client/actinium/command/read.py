"""Commands that look: ls, show, runs, history, compare."""

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import click
import httpx

from actinium.command import render
from actinium.command.choices import read_tag
from actinium.command.context import Read, Session, complete_experiment, json_option
from actinium.command.ids import NoSuchIdError
from actinium.command.labels import Labels
from actinium.command.ranking import comparison_table
from actinium.errors import ActiniumError, ApiError
from actinium.types import Experiment

_LARGEST_PAGE = 200
#: Verdicts are counted in so many runs at most: each page of them is a request.
_MOST_COUNTED = 1000

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def _limit(default: int) -> Callable[[F], F]:
    return click.option(
        "--limit", type=click.IntRange(min=1), default=default, show_default=True, help="Most rows."
    )


@click.command("ls")
@click.option("--status", multiple=True, help="Only these; repeat for several.")
@click.option(
    "--tag",
    type=Read("tag", read_tag),
    multiple=True,
    help="Only those with this tag, key:value; repeat.",
)
@click.option("--name", help="Only those of this very name.")
@_limit(20)
@json_option
@click.pass_obj
def list_experiments(
    session: Session,
    *,
    status: tuple[str, ...],
    tag: tuple[tuple[str, str], ...],
    name: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List experiments, newest first."""
    listed = session.client.experiments(
        status=status,
        tag=[f"{key}:{value}" for key, value in tag],
        name=name,
        page_size=min(limit, _LARGEST_PAGE),
    )
    found = list(islice(listed, limit))
    if found or as_json:
        session.tell(found, render.experiments, as_json=as_json)
    elif status or tag or name:
        session.console.print("No experiment is like that; `actinium ls` lists all.")
    else:
        session.console.print(
            "There is no experiment yet; `actinium run --activation relu` submits one, and "
            "`actinium presets` lists published claims to check."
        )


@click.command("show")
@click.argument("which", metavar="ID", shell_complete=complete_experiment)
@json_option
@click.pass_obj
def show(session: Session, which: str, *, as_json: bool) -> None:
    """Show an experiment, with the claims of its preset, or a run.

    ID is an experiment's or a run's, whole or its last 8 digits; `last` is the newest experiment.
    """
    client = session.client
    experiment = _found(lambda: client.experiment(session.experiment_id(which)))
    if experiment is None:
        run = _found(lambda: client.run(session.run_id(which)))
        if run is None:
            raise ActiniumError(
                f"There is no experiment and no run {which}; `actinium ls` and `actinium runs` "
                "list the newest."
            )
        session.tell(run, lambda it: render.run(it, Labels(client)), as_json=as_json)
    elif as_json:
        session.write(experiment)
    else:
        _show_experiment(session, experiment)


def _found(ask: Callable[[], T]) -> T | None:
    """Ask for something; None where it does not exist."""
    try:
        return ask()
    except NoSuchIdError:
        return None
    except ApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None


def _show_experiment(session: Session, experiment: Experiment) -> None:
    client = session.client
    newest = client.runs(experiment, page_size=_LARGEST_PAGE)
    runs = list(islice(newest, _MOST_COUNTED))
    session.console.print(render.experiment(experiment, runs, Labels(client)))
    if experiment.get("preset"):
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
    if found or as_json:
        session.tell(found, lambda it: render.runs(it, Labels(client)), as_json=as_json)
    elif which or any(filters.values()):
        session.console.print("No run is like that.")
    else:
        session.console.print(
            "There is no run yet; `actinium run --activation relu` submits an experiment."
        )


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
    found = session.client.history(
        session.run_id(run_id), metrics=metric or None, max_points=max_points
    )
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
