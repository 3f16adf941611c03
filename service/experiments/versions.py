"""Versions of experiments: of what people may change of them, and of nothing else."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

import orjson

from service.errors import PreconditionFailedError

#: What ``service.experiments.editing`` changes.
EDITED = ("name", "description", "tags", "note", "archived")
#: Characters of a version.
_LENGTH = 16


class Editable(Protocol):
    """An experiment, stored or read."""

    @property
    def name(self) -> str | None: ...
    @property
    def description(self) -> str | None: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def note(self) -> str | None: ...
    @property
    def archived(self) -> bool: ...


def version_of(experiment: Editable) -> str:
    """Return the version of an experiment: equal as long as nobody edits it, while it is trained.

    A change that is taken back gives the version before it.
    """
    fields = {name: getattr(experiment, name) for name in EDITED}
    digest = hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()[:_LENGTH]


def require_version(experiment: Editable, is_expected: Callable[[str], bool]) -> None:
    """Raise an error unless an experiment has the version that a caller expects.

    Raises:
        PreconditionFailedError: it has another.
    """
    if not is_expected(version_of(experiment)):
        raise PreconditionFailedError(
            "Somebody edited the experiment since its ETag was read. Read it again, then repeat "
            "the change."
        )
