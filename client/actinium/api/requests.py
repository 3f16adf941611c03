"""Requests that several operations share."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from actinium import readers
from actinium.calls import Call, get, json_of, plain, post
from actinium.connection import whole_file
from actinium.errors import ActiniumError
from actinium.figure import Figure, Kind, Theme
from actinium.shown import shown_experiment
from actinium.types import DryRun, Experiment

LARGEST_PAGE = 1000


def submission_call(path: str, body: Mapping[str, Any], key: str | None) -> Call[Experiment]:
    """Return a submission, which is stored once however often it is sent."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return post(path, shown_experiment, body=dict(body), headers=headers)


def dry_run_call(
    path: str, body: Mapping[str, Any], limit: int, cursor: str | None
) -> Call[DryRun]:
    """Return a dry run."""
    query = plain({"dry_run": "true", "limit": limit, "cursor": cursor})
    return post(path, readers.read_dry_run, query=query, body=dict(body))


def waiting_call(path: str, read: Any, wait: float | None) -> Call[Any]:
    """Return a GET of an experiment or a run that may wait for its end, for ``wait`` seconds."""
    if wait is None:
        return get(path, read)
    return get(path, read, headers={"Prefer": f"wait={wait:.0f}"}, seconds=wait, patient=True)


def download_call(path: str, save_as: Path, **more: Any) -> Call[Path]:
    """Return a download to a file."""
    return Call("GET", path, lambda _: save_as, save_as=save_as, seconds=600, **more)


def figure_call(stem: str, kind: Kind, theme: Theme, options: Mapping[str, Any]) -> Call[Figure]:
    """Return the drawing of a figure."""
    query = plain({"theme": theme, **options})
    return Call(
        "GET", f"{stem}.{kind}", lambda answer: Figure(answer.content, kind), query, seconds=60
    )


def nothing(_: httpx.Response) -> None:
    """Return None: the answer is empty."""
    return


def saved_when_made(path: Path, answer: httpx.Response) -> Path:
    """Write an answer's body to a file and return the path.

    Raises:
        ActiniumError: what was asked for is not made yet.
    """
    if answer.status_code == httpx.codes.ACCEPTED:
        raise ActiniumError(f"It is not made yet; ask again. {json_of(answer)['reason']}")
    with whole_file(path) as file:
        file.write(answer.content)
    return path


def samples_of(inputs: Any) -> list[Any]:
    """Return samples as JSON has them; a missing value of a data frame is None."""
    if hasattr(inputs, "to_dicts"):  # of polars
        inputs = inputs.to_dicts()
    elif hasattr(inputs, "to_dict"):  # of pandas
        inputs = inputs.to_dict(orient="records")
    return [_sample(sample) for sample in _plain(inputs)]


def _sample(sample: Any) -> Any:
    if isinstance(sample, Mapping):
        values = {name: _plain(value) for name, value in sample.items()}
        # Not a number is how a data frame writes that a value is missing.
        return {name: None if value != value else value for name, value in values.items()}  # noqa: PLR0124
    return _plain(sample)


def _plain(value: Any) -> Any:
    """Return an array, or a number of one, as lists or numbers of Python."""
    return value.tolist() if hasattr(value, "tolist") else value
