"""Ids of experiments and runs from words of a command: an id, its last digits, or ``last``."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import httpx

from actinium.client import Client
from actinium.command.widgets import SHORT_ID
from actinium.errors import ActiniumError, ApiError
from actinium.types import Experiment, Run

T = TypeVar("T")

_LAST = "last"
#: Items that are searched for an id's last digits, newest first, and their number per request.
_SEARCHED, _PAGE = 1000, 200
_ENDING = re.compile(rf"[0-9a-f-]{{{SHORT_ID},36}}")


class NoSuchIdError(ActiniumError):
    """No id ends in these digits."""


def experiment_id(client: Client, word: str) -> str:
    """Return the id of an experiment; ``last`` is the newest.

    Raises:
        ActiniumError: the word is not an id, or there is no experiment yet.
        NoSuchIdError: no experiment's id ends in these digits.
    """
    if word == _LAST:
        for experiment in client.experiments(page_size=1):
            return experiment["id"]
        raise ActiniumError(
            "There is no experiment yet; `actinium run --activation relu` submits one."
        )
    found = client.experiments(archived=None, page_size=_PAGE)
    valid = f"an id, its last {SHORT_ID} digits, or `{_LAST}` for the newest experiment"
    return _whole(word) or _newest("experiments", found, word, f"{valid}; `actinium ls`")


def run_id(client: Client, word: str) -> str:
    """Return the id of a run.

    Raises:
        ActiniumError: the word is not an id.
        NoSuchIdError: no run's id ends in these digits.
    """
    found = client.runs(order_by="-created_at", page_size=_PAGE)
    valid = f"a run's id or its last {SHORT_ID} digits"
    return _whole(word) or _newest("runs", found, word, f"{valid}; `actinium runs`")


def experiment_or_run(client: Client, word: str) -> tuple[Experiment | None, Run | None]:
    """Return the experiment or the run with an id; the other is None.

    Raises:
        ActiniumError: the word is not an id, or there is neither with it.
    """
    experiment = _found(lambda: client.experiment(experiment_id(client, word)))
    run = None if experiment else _found(lambda: client.run(run_id(client, word)))
    if experiment is None and run is None:
        raise ActiniumError(
            f"There is no experiment and no run {word}; `actinium ls` and `actinium runs` list "
            "the newest."
        )
    return experiment, run


def _found(ask: Callable[[], T]) -> T | None:
    """Return the answer of ``ask``; None if there is no such thing."""
    try:
        return ask()
    except NoSuchIdError:
        return None
    except ApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return None


def dataset_id(client: Client, word: str) -> str:
    """Return the id of an uploaded data set.

    Raises:
        ActiniumError: the word is not an id.
        NoSuchIdError: no data set's id ends in these digits.
    """
    found = client.datasets(page_size=_PAGE)
    valid = f"an id or its last {SHORT_ID} digits"
    return _whole(word) or _newest("data sets", found, word, f"{valid}; `actinium data ls`")


def _whole(word: str) -> str | None:
    try:
        return str(uuid.UUID(word))
    except ValueError:
        return None


def _newest(kind: str, found: Iterator[Mapping[str, Any]], word: str, valid: str) -> str:
    """Return the newest id with this ending, since most often a newly listed one is meant."""
    ending = word.lower().removeprefix("…")
    if not _ENDING.fullmatch(ending):
        raise ActiniumError(f"{word!r} is not an id. Give {valid} lists them.")
    for item in islice(found, _SEARCHED):
        if item["id"].endswith(ending):
            return str(item["id"])
    raise NoSuchIdError(
        f"None of the newest {_SEARCHED:,} {kind} has an id that ends in {ending}; "
        "for an older one, give the whole id."
    )
