"""JSON pointers (RFC 6901) into a body as the client sent it.

Validation reports a path through the parsed types, with steps that the body does not have: the
tag of a union, the name of a branch, the 0 of a single value that was read as a list of one.
Following the path through the body drops them.
"""

from collections.abc import Sequence
from typing import Any

Location = Sequence[str | int]


def into_body(body: Any, location: Location, *, last_may_lack: bool = False) -> list[str | int]:
    """Return the steps of a validation path that exist in the body.

    Args:
        body: parsed JSON.
        location: the path that validation reports.
        last_may_lack: whether the last step may be a field that the body does not have.
    """
    steps: list[str | int] = []
    tag_passed = False
    for place, part in enumerate(location):
        last = place == len(location) - 1
        if steps and not tag_passed and not last and _is_tag(body, part):
            tag_passed = True
        elif _has(body, part):
            steps.append(part)
            body = body[part]
            tag_passed = False
        elif last and last_may_lack and isinstance(body, dict):
            steps.append(part)
    return steps


def from_spec(body: Any, location: Location) -> list[str | int]:
    """Return the steps to a value of a parsed spec in the body.

    A single value that was read as a list of one has the steps of that list. A value that the
    body does not have ends at its first missing field.
    """
    steps: list[str | int] = []
    for part in location:
        if _has(body, part):
            steps.append(part)
            body = body[part]
        elif isinstance(part, str):
            return [*steps, part] if isinstance(body, dict) else steps
    return steps


def write(steps: Sequence[str | int]) -> str:
    """Return steps as a pointer: ``["a", 0]`` is ``/a/0``; no steps mean the whole body."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "".join(f"/{step}" for step in escaped)


def _is_tag(value: Any, part: str | int) -> bool:
    """Whether a step is the name of a choice, and not one of its fields."""
    return isinstance(value, dict) and value.get("name") == part


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return isinstance(part, str) and part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)
