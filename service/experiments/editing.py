"""What people may change of a stored experiment: how it is called and described, and filed."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from service.database.tables import Experiment
from service.errors import InvalidError
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.experiments.progress import ExperimentProgress, missing, read_progress
from service.experiments.versions import require_version
from service.fields import FieldError
from service.specs.spec import MAX_TAGS


def edit(
    session: Session,
    experiment_id: uuid.UUID,
    patch: Mapping[str, Any],
    is_expected: Callable[[str], bool],
) -> ExperimentProgress:
    """Change an experiment by a JSON merge patch (RFC 7396), and return it; its spec stays.

    Args:
        session: outside any transaction.
        experiment_id: the experiment.
        patch: new values of ``name``, ``description``, ``tags``, ``note`` and ``archived``; of tags
            those to set, and those to remove with None.
        is_expected: whether the version before the change is the one that the caller read.

    Raises:
        NotFoundError: there is no such experiment.
        PreconditionFailedError: it has another version.
        InvalidError: it would have too many tags.
    """
    with session.begin():
        # Weaker than FOR UPDATE: workers go on to write rows that refer to it.
        experiment = session.get(
            Experiment, experiment_id, with_for_update={"key_share": True}, populate_existing=True
        )
        if experiment is None:
            raise missing(experiment_id)
        require_version(experiment, is_expected)
        changed = _changes(experiment, patch)
        if changed:
            session.execute(
                update(Experiment)
                .where(Experiment.id == experiment_id)
                .values(changed)
                .execution_options(synchronize_session=False)
            )
            fields = {"fields": list(changed)}
            publish(session, [NewEvent(EventType.EXPERIMENT_UPDATED, experiment_id, data=fields)])
        return read_progress(session, experiment_id)


def _changes(experiment: Experiment, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a patch changes, with their new values."""
    wanted = dict(patch)
    if "tags" in wanted:
        wanted["tags"] = _merged(experiment.tags, wanted["tags"])
    return {name: value for name, value in wanted.items() if value != getattr(experiment, name)}


def _merged(tags: Mapping[str, str], patch: Mapping[str, str | None] | None) -> dict[str, str]:
    if patch is None:
        return {}
    merged = {key: value for key, value in {**tags, **patch}.items() if value is not None}
    if len(merged) > MAX_TAGS:
        detail = f"An experiment has up to {MAX_TAGS} tags, and this would make {len(merged)}."
        raise InvalidError(detail, errors=[FieldError(("tags",), detail)])
    return merged
