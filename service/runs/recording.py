"""Use-cases of a worker that trains: record the start of its runs, and their epochs.

Each takes several runs at once in one short transaction, so that an epoch of a pack, or several
epochs of a run, cost little more than one epoch of one run. Each leases its runs anew, and returns
the runs that the worker has to leave (``service.runs.fencing``).
"""

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, insert, update
from sqlalchemy.orm import Session

from service.catalog.metrics import (
    BEST_COLUMNS,
    EPOCH_METRICS,
    FINAL_METRICS,
    LOSSES,
    main_metric,
)
from service.database.tables import Epoch, Run
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.histories import layer_statistics
from service.histories.diagnoses import NO_INSIGHT, Insight
from service.json_numbers import to_json
from service.runs.fencing import Claim, RunsToLeave, lock_claims
from service.runs.leases import extend, new_lease
from service.runs.transitions import end_runs, finished_event
from service.settings import Settings
from service.statuses import RunStatus

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EpochRecord:
    """An epoch of one run, as it is recorded.

    Attributes:
        claim: the worker's claim of the run.
        epoch: counted from 1; each is recorded once, in order.
        metrics: by name; those of ``FINAL_METRICS`` measured on the test part at the end only.
        ending: ``completed`` or ``diverged`` where this is the run's last epoch.
        insight: the epoch's layer statistics, and the diagnosis where it changed.
    """

    claim: Claim
    epoch: int
    metrics: Mapping[str, float]
    ending: RunStatus | None = None
    insight: Insight = NO_INSIGHT

    @property
    def row(self) -> dict[str, Any]:
        """The columns of ``Epoch``, a metric being None where it was not measured."""
        metrics = {name: self.metrics.get(name) for name in EPOCH_METRICS}
        return {"run_id": self.claim.run_id, "epoch": self.epoch, **metrics}

    @property
    def event(self) -> NewEvent:
        """The event that listeners get."""
        metrics = {
            name: to_json(self.metrics[name]) for name in EPOCH_METRICS if name in self.metrics
        }
        data = {"epoch": self.epoch, "epochs": self.claim.epochs, "metrics": metrics}
        return NewEvent(EventType.RUN_EPOCH, self.claim.experiment_id, self.claim.run_id, data)


def record_starts(
    session: Session, starts: Sequence[tuple[Claim, Insight]], settings: Settings
) -> RunsToLeave:
    """Store what is known of runs before their first step. Idempotent.

    Args:
        session: a session outside any transaction.
        starts: each run's claim, and its initial layer statistics and diagnosis.
        settings: gives the length of the lease.
    """
    encoded = _encoded((claim, 0, insight) for claim, insight in starts)
    with session.begin():
        locked = lock_claims(session, [claim for claim, _ in starts])
        running = locked.running
        if running:
            extend(session, running, settings)
            insights = {claim.run_id: insight for claim, insight in starts}
            diagnosed = [{"id": run_id, **_diagnosed(insights[run_id])} for run_id in running]
            _update(session, [columns for columns in diagnosed if len(columns) > 1])
            layer_statistics.store_layers(
                session, [layers for layers in encoded if layers.run_id in running]
            )
        return locked.to_leave(running)


def record_epochs(
    session: Session, records: Sequence[EpochRecord], settings: Settings
) -> RunsToLeave:
    """Store epochs of some runs with their progress and, with a last one, its run's ending.

    Idempotent: if the connection broke during the commit, the caller may send the same epochs
    again. Only the worker of an attempt writes under its number, and in order. So a run that
    already is at the last of these epochs, with the status that it would get, was recorded by the
    first try.

    Args:
        session: a session outside any transaction.
        records: in the order in which the epochs ended; those of one run are consecutive epochs.
        settings: gives the length of the lease.
    """
    encoded = _encoded((record.claim, record.epoch, record.insight) for record in records)
    by_run: dict[uuid.UUID, list[EpochRecord]] = defaultdict(list)
    for record in records:
        by_run[record.claim.run_id].append(record)
    with session.begin():
        locked = lock_claims(session, [epochs[0].claim for epochs in by_run.values()])
        rows = {run_id: locked.rows[run_id] for run_id in by_run if run_id in locked.rows}
        new = {run_id for run_id, row in rows.items() if _are_next(by_run[run_id], row)}
        again = {run_id for run_id, row in rows.items() if _are_recorded(by_run[run_id], row)}
        if new:
            lease = new_lease(settings, locked.now)
            _update(session, [_progressed(by_run[run_id], rows[run_id]) | lease for run_id in new])
            added = [record for record in records if record.claim.run_id in new]
            session.execute(insert(Epoch), [record.row for record in added])
            layer_statistics.store_layers(
                session, [layers for layers in encoded if layers.run_id in new]
            )
            _end_and_publish(session, added)
        written = new | again
        return locked.to_leave(written, [run_id for run_id in written if by_run[run_id][-1].ending])


def _encoded(
    insights: Iterable[tuple[Claim, int, Insight]],
) -> list[layer_statistics.EncodedLayers]:
    """Encode layer statistics before the transaction: that takes longer than storing them.

    Those that cannot be encoded are logged and left out: they explain a run and must not end one.
    """
    encoded = []
    for claim, epoch, insight in insights:
        if insight.layers is None:
            continue
        try:
            payload = layer_statistics.encode(insight.layers)
        except Exception:
            _log.exception("Layer statistics are not kept", run_id=str(claim.run_id), epoch=epoch)
            continue
        encoded.append(layer_statistics.EncodedLayers(claim.run_id, epoch, payload))
    return encoded


def _are_next(epochs: Sequence[EpochRecord], row: Row[Any]) -> bool:
    """Whether a run's epochs follow the recorded ones."""
    follow = all(record.epoch == row.epoch + n for n, record in enumerate(epochs, start=1))
    return row.status == RunStatus.RUNNING and follow


def _are_recorded(epochs: Sequence[EpochRecord], row: Row[Any]) -> bool:
    """Whether a run's epochs are the latest recorded ones."""
    last = epochs[-1]
    return bool(row.status == (last.ending or RunStatus.RUNNING) and row.epoch == last.epoch)


def _progressed(epochs: Sequence[EpochRecord], before: Row[Any]) -> dict[str, Any]:
    """Return a run's columns after its epochs: the last metrics, the best, the diagnosis."""
    last = epochs[-1]
    diagnosed: dict[str, Any] = {}
    for record in epochs:
        diagnosed |= _diagnosed(record.insight)
    return {
        "id": last.claim.run_id,
        "epoch": last.epoch,
        **{name: last.metrics[name] for name in FINAL_METRICS if name in last.metrics},
        **_best(epochs, before),
        **diagnosed,
    }


def _best(epochs: Sequence[EpochRecord], before: Row[Any]) -> dict[str, Any]:
    metric, column = main_metric(before.task), BEST_COLUMNS[before.task]
    epoch, best = before.best_epoch, getattr(before, column)
    for record in epochs:
        value = record.metrics[metric.name]
        finite = map(math.isfinite, (value, *(record.metrics[loss] for loss in LOSSES)))
        if all(finite) and (best is None or metric.is_better(value, best)):
            epoch, best = record.epoch, value
    return {"best_epoch": epoch, column: best}


def _diagnosed(insight: Insight) -> dict[str, Any]:
    return insight.diagnosis.columns() if insight.diagnosis is not None else {}


def _update(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Update runs by their ids; those that set the same columns take one round trip."""
    if rows:
        session.execute(update(Run), sorted(rows, key=sorted))


def _end_and_publish(session: Session, records: Sequence[EpochRecord]) -> None:
    """End the runs whose last epoch is among these, and publish all epochs and endings."""
    ended = []
    for ending in sorted({record.ending for record in records if record.ending is not None}):
        run_ids = [record.claim.run_id for record in records if record.ending == ending]
        ended += end_runs(session, run_ids, ending)
    publish(session, [*(record.event for record in records), *map(finished_event, ended)])
