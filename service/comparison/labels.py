"""Labels of stored configurations."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Text, and_, cast, column, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.specs.labels import Label, labels


def stored_labels(
    session: Session, experiment_ids: Sequence[uuid.UUID], axes: Sequence[str]
) -> dict[uuid.UUID, dict[str, dict[str, Label]]]:
    """Read the labels of all values that experiments have on some axes; in a transaction.

    Returns:
        By experiment, by axis, by the value as Postgres writes it (``config -> axis``). The size
        is that of the specs' lists, however many runs they make.
    """
    found: dict[uuid.UUID, dict[str, dict[str, Label]]] = {each: {} for each in experiment_ids}
    # One run of each configuration is looked into: to unpack a configuration is what takes time.
    places = (
        select(Run.experiment_id, func.min(Run.position).label("position"))
        .where(Run.experiment_id.in_(experiment_ids))
        .group_by(Run.experiment_id, Run.config_hash)
        .subquery()
    )
    parts = func.jsonb_each(Run.config).table_valued("key", column("value", JSONB))
    value = cast(parts.c.value, Text)
    statement = (
        select(Run.experiment_id, parts.c.key, func.array_agg(value.distinct()))
        .join(
            places,
            and_(Run.experiment_id == places.c.experiment_id, Run.position == places.c.position),
        )
        .join(parts, true())
        .where(parts.c.key.in_(axes))
        .group_by(Run.experiment_id, parts.c.key)
    )
    for experiment_id, name, values in session.execute(statement):
        found[experiment_id][name] = labels(name, values)
    return found
