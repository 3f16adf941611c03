"""Requests that several calls have in common."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from actinium.calls import Call, as_is, get, plain, post
from actinium.figure import Figure, Kind, Theme
from actinium.types import DryRun, Experiment

LARGEST_PAGE = 1000


def submission_call(path: str, body: Mapping[str, Any], key: str | None) -> Call[Experiment]:
    """Describe a submission that is stored once, however often it is sent."""
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return post(path, as_is, body=dict(body), headers=headers)


def dry_run_call(
    path: str, body: Mapping[str, Any], limit: int, cursor: str | None
) -> Call[DryRun]:
    """Describe a dry run."""
    query = plain({"dry_run": "true", "limit": limit, "cursor": cursor})
    return post(path, as_is, query=query, body=dict(body))


def standing_call(path: str, read: Any, wait: float | None) -> Call[Any]:
    """Describe a look at what may still be under way, waiting for its end where asked to."""
    if wait is None:
        return get(path, read)
    return get(path, read, headers={"Prefer": f"wait={wait:.0f}"}, seconds=wait, patient=True)


def download_call(path: str, save_as: Path, **more: Any) -> Call[Path]:
    """Describe a download to a file."""
    return Call("GET", path, lambda _: save_as, save_as=save_as, seconds=600, **more)


def figure_call(stem: str, kind: Kind, theme: Theme, options: Mapping[str, Any]) -> Call[Figure]:
    """Describe the drawing of a picture."""
    query = plain({"theme": theme, **options})
    return Call(
        "GET", f"{stem}.{kind}", lambda answer: Figure(answer.content, kind), query, seconds=60
    )


def nothing(_: httpx.Response) -> None:
    """Read an answer that holds nothing."""
    return
