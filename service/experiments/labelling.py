"""Labels for runs that an older version of the service stored without any."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Integer, Row, Text, cast, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from service.database.arrays import table_of
from service.database.tables import Run
from service.experiments import overviews
from service.specs.labels import ConfigurationKey, RunLabels, label_configurations

#: What is true of runs without labels, in the words of the index ``ix_runs_unlabelled``.
_UNLABELLED = text("runs.labels = '{}'::jsonb")


def label_older_runs(session: Session, *, batch_runs: int = 1_000) -> int:
    """Store the labels of the runs that have none now; return how many experiments have such runs.

    Memory holds the configurations of one experiment. Each batch is a transaction, so workers can
    go on meanwhile, and a call that was interrupted can be repeated.

    Args:
        session: a session outside any transaction.
        batch_runs: runs that one statement reads or updates.
    """
    with session.begin():
        unlabelled = session.scalars(select(Run.experiment_id).where(_UNLABELLED).distinct()).all()
    for experiment_id in unlabelled:
        batches = partial(_batches, session, experiment_id, batch_runs)
        labels = label_configurations(_configurations(batches))
        for runs in batches(Run.label, Run.config_hash):
            _store(session, experiment_id, runs, labels)
    return len(unlabelled)


def forget_labels(session: Session, pattern: str) -> None:
    """Take the labels from the runs of experiments that have some of another version.

    ``label_older_runs`` stores new ones, and their overviews are worked out anew.

    Args:
        session: a session outside any transaction; each experiment is a transaction.
        pattern: Postgres' regular expression of a text that the labels have.
    """
    with session.begin():
        found = text("SELECT DISTINCT experiment_id FROM runs WHERE labels::text ~ :pattern")
        experiments = session.scalars(found, {"pattern": pattern}).all()
    for experiment_id in experiments:
        with session.begin():
            session.execute(
                text(
                    "WITH locked AS (SELECT id FROM runs WHERE experiment_id = :experiment_id "
                    "ORDER BY id FOR NO KEY UPDATE) "
                    "UPDATE runs SET labels = '{}' FROM locked WHERE runs.id = locked.id"
                ),
                {"experiment_id": experiment_id},
            )
            overviews.reopen(session, experiment_id)


def _batches(
    session: Session, experiment_id: uuid.UUID, batch_runs: int, *columns: Any
) -> Iterator[Sequence[Row[Any]]]:
    """Read columns of an experiment's runs and their positions, batch by batch."""
    wanted = select(Run.position, *columns).where(Run.experiment_id == experiment_id)
    last, more = -1, True
    while more:
        with session.begin():
            batch = wanted.where(Run.position > last).order_by(Run.position).limit(batch_runs)
            runs = session.execute(batch).all()
        more = len(runs) == batch_runs
        if runs:
            yield runs
            last = runs[-1].position


def _configurations(
    batches: Callable[..., Iterator[Sequence[Row[Any]]]],
) -> dict[ConfigurationKey, dict[str, Any]]:
    """Return the configurations of an experiment; equal values are one object."""
    configs: dict[ConfigurationKey, dict[str, Any]] = {}
    values: dict[bytes, Any] = {}
    for runs in batches(Run.label, Run.config_hash, cast(Run.config, Text).label("config")):
        for run in runs:
            key = (run.label, run.config_hash)
            if key not in configs:
                configs[key] = {
                    axis: values.setdefault(orjson.dumps(value), value)
                    for axis, value in orjson.loads(run.config).items()
                }
    return configs


def _store(
    session: Session,
    experiment_id: uuid.UUID,
    runs: Sequence[Row[Any]],
    labels: Mapping[ConfigurationKey, RunLabels],
) -> None:
    found = [labels[run.label, run.config_hash] for run in runs]
    new = table_of(
        "new",
        {
            "position": (Integer, [run.position for run in runs]),
            "labels": (Text, [orjson.dumps(each.by_axis).decode() for each in found]),
            "name": (Text, [each.name for each in found]),
        },
    )
    # Locked in the order in which all others lock runs: by id.
    locked = (
        select(Run.id, Run.position)
        .where(
            Run.experiment_id == experiment_id,
            Run.position.between(runs[0].position, runs[-1].position),
            _UNLABELLED,
        )
        .order_by(Run.id)
        .with_for_update(key_share=True)
        .cte("locked")
    )
    with session.begin():
        session.execute(
            update(Run)
            .where(Run.id == locked.c.id, locked.c.position == new.c.position)
            .values(labels=cast(new.c.labels, JSONB), name=new.c.name)
            .execution_options(synchronize_session=False)
        )
