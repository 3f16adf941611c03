"""Completion in a shell: ids with their names, and the values of flags, asked of the service."""

from collections.abc import Callable
from itertools import islice
from typing import get_args

import click
from click.shell_completion import CompletionItem

from actinium.client import Client
from actinium.command.context import Session
from actinium.spec import AXES
from actinium.statuses import ExperimentStatus, Outcome, RunStatus, Verdict

#: Completes a word that was begun.
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
#: Values, each with its meaning.
Values = list[tuple[str, str]]

#: The newest, of which one is most often meant.
_NEWEST = 20


def asked(ask: Callable[[Client], Values]) -> Complete:
    """Return the completion by what ``ask`` gets from the service; by nothing while it is away.

    A word completes values that begin with it, and values whose meaning has it: an id is found by
    its experiment's name.
    """

    def complete(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        options = context.find_root().params
        session = Session(options.get("url"), options.get("key"))
        try:
            found = ask(session.impatient_client())
        except Exception:
            return []
        begins = [pair for pair in found if pair[0].startswith(begun)]
        named = [pair for pair in found if begun.lower() in pair[1].lower()]
        return [CompletionItem(value, help=meaning) for value, meaning in begins or named]

    return complete


def _experiments(client: Client) -> Values:
    found = islice(client.experiments(page_size=_NEWEST), _NEWEST)
    return [(one["id"], one["name"] or one["status"]) for one in found]


def _runs(client: Client) -> Values:
    found = islice(client.runs(order_by="-created_at", page_size=_NEWEST), _NEWEST)
    return [(run["id"], f"{run['name']}, seed {run['seed']}, {run['status']}") for run in found]


def _metrics(client: Client) -> Values:
    return [(metric["name"], metric["title"]) for metric in client.metrics()]


def _orders(client: Client) -> Values:
    metrics = _metrics(client)
    columns = [("created_at", "when it was submitted"), ("position", "the experiment's own order")]
    return [(f"{sign}{name}", title) for sign in ("", "-") for name, title in (*columns, *metrics)]


def axis_values(axis: str) -> Complete:
    """Return the completion by the catalog's values of an axis."""
    listed = "initializer" if axis == "output_initializer" else axis
    return asked(
        lambda client: [(entry["name"], entry["meaning"]) for entry in client.catalog_axis(listed)]
    )


def fixed(values: tuple[str, ...]) -> Complete:
    """Return the completion by values that are known here."""
    return lambda _context, _parameter, begun: [
        CompletionItem(value) for value in values if value.startswith(begun)
    ]


experiment = asked(_experiments)
run = asked(_runs)
experiment_or_run = asked(lambda client: [*_experiments(client), *_runs(client)])
metric = asked(_metrics)
order = asked(_orders)
preset = asked(lambda client: [(one["name"], one["title"]) for one in client.presets()])
axis = fixed(AXES)
experiment_status = fixed(get_args(ExperimentStatus))
run_status = fixed(get_args(RunStatus))
outcome = fixed(get_args(Outcome))
verdict = fixed(get_args(Verdict))
