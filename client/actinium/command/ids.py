"""Which experiment or run is meant: by its id, by the id's last digits, or the newest."""

import re
import uuid
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from actinium.client import Client
from actinium.command.widgets import SHORT_ID
from actinium.errors import ActiniumError

_LAST = "last"
#: The service finds no id by its end: so many of the newest are looked through, page by page.
_LOOKED_THROUGH, _PAGE = 1000, 200
_ENDING = re.compile(rf"[0-9a-f-]{{{SHORT_ID},36}}")


class NoSuchIdError(ActiniumError):
    """No id ends as was said."""


def experiment_id(client: Client, given: str) -> str:
    """Give the id of the experiment that is meant; ``last`` is the newest.

    Raises:
        ActiniumError: what is given is no id, or there is no experiment yet.
        NoSuchIdError: no experiment's id ends so.
    """
    if given == _LAST:
        for experiment in client.experiments(page_size=1):
            return experiment["id"]
        raise ActiniumError(
            "There is no experiment yet; `actinium run --activation relu` submits one."
        )
    found = client.experiments(page_size=_PAGE)
    wanted = f"an id, its last {SHORT_ID} digits, or `{_LAST}` for the newest experiment"
    return _whole(given) or _newest("experiments", found, given, f"{wanted}; `actinium ls`")


def run_id(client: Client, given: str) -> str:
    """Give the id of the run that is meant.

    Raises:
        ActiniumError: what is given is no id.
        NoSuchIdError: no run's id ends so.
    """
    found = client.runs(order_by="-created_at", page_size=_PAGE)
    wanted = f"a run's id or its last {SHORT_ID} digits"
    return _whole(given) or _newest("runs", found, given, f"{wanted}; `actinium runs`")


def _whole(given: str) -> str | None:
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return None


def _newest(what: str, found: Iterator[Mapping[str, Any]], given: str, wanted: str) -> str:
    """Give the newest id that ends so: what is meant is most often what was just listed."""
    ending = given.lower().removeprefix("…")
    if not _ENDING.fullmatch(ending):
        raise ActiniumError(f"{given!r} is no id. Give {wanted} lists them.")
    for each in islice(found, _LOOKED_THROUGH):
        if each["id"].endswith(ending):
            return str(each["id"])
    raise NoSuchIdError(
        f"None of the newest {_LOOKED_THROUGH:,} {what} has an id that ends in {ending}; "
        "an older one is found by its whole id."
    )
