"""Names of runs: what tells a run from the others of its experiment, and its seed."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from service.comparison.labels import stored_labels
from service.database.tables import Experiment, Run
from service.specs.labels import Label
from service.specs.spec import AXIS_FIELDS


def column(session: Session, experiment_ids: Sequence[uuid.UUID]) -> ColumnElement[str]:
    """Give the names of the runs of some experiments as a column; in a transaction.

    ``leaky_relu(0.2), no clipping, seed 0``: a variant's label, the values on the axes that the
    spec lists several of, as comparisons write them, and the seed. Where nothing varies the
    activation stands for the configuration.
    """
    specs = select(Experiment.id, Experiment.spec).where(Experiment.id.in_(experiment_ids))
    axes = {each.id: _varying(each.spec) for each in session.execute(specs)}
    some = [axis for axis in AXIS_FIELDS if any(axis in each for each in axes.values())]
    labels = stored_labels(session, list(axes), some)
    shown = {
        str(each): {axis: _shown(axis, labels[each][axis]) for axis in varying}
        for each, varying in axes.items()
    }
    given = literal(shown, JSONB)
    values = [
        func.jsonb_extract_path_text(
            given, cast(Run.experiment_id, Text), axis, cast(Run.config[axis], Text)
        )
        for axis in some
    ]
    return func.concat_ws(", ", Run.label, *values, "seed " + cast(Run.seed, Text), type_=Text)


def of_runs(session: Session, rows: Sequence[Row[Any]]) -> dict[uuid.UUID, str]:
    """Read the names of runs, by their ids.

    Args:
        session: a session outside any transaction.
        rows: runs of ``service.mlflow.runs``.
    """
    if not rows:
        return {}
    experiments = list({each.experiment_id: None for each in rows})
    with session.begin():
        wanted = select(Run.id, column(session, experiments))
        ours = Run.id.in_([each.id for each in rows])
        return dict(session.execute(wanted.where(ours)).all())


def _varying(spec: Mapping[str, Any]) -> list[str]:
    """Name the axes that a spec lists several values on."""
    variants = spec.get("variants") or []
    parts = [spec, *variants]
    varying = [axis for axis in AXIS_FIELDS if any(len(part.get(axis) or ()) > 1 for part in parts)]
    return varying if varying or variants else ["activation"]


def _shown(axis: str, labels: Mapping[str, Label]) -> dict[str, str]:
    """Write an axis' labels so that they are understood without its name."""
    return {value: _written(axis.replace("_", " "), label) for value, label in labels.items()}


def _written(axis: str, label: Label) -> str:
    if label == "none":
        return f"no {axis}"
    return f"{axis} {label}" if isinstance(label, int) else str(label)
