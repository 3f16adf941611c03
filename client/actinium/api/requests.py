"""Requests that several operations share."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from actinium import readers
from actinium.calls import Call, as_is, get, plain, post
from actinium.figure import Figure, Kind, Theme
from actinium.types import DryRun, Experiment

LARGEST_PAGE = 1000


def submission_call(path: str, body: Mapping[str, Any], key: str | None) -> Call[Experiment]:
    """Return a submission, which is stored once however often it is sent."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return post(path, as_is, body=dict(body), headers=headers)


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
