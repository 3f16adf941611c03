"""Use-cases of a worker that trains: renew the leases of its runs, record what they have reached.

Each takes several runs at once and holds one short transaction, so that an epoch of a pack costs
little more than that of a single run. ``service.holding`` tells what the answers say.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, insert, update
from sqlalchemy.orm import Session

from service import layers
from service.config import Settings
from service.diagnoses import NO_INSIGHT, Insight
from service.events import NewEvent, announce, publish_all
from service.holding import Answer, Claim, Hold, hold
from service.models import METRICS, Epoch, Run
from service.numbers import to_json
from service.transitions import end_runs, finished_event, publish_endings, streams_of

#: Metrics that the run's own row keeps of its last epoch.
_LATEST = ("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class EpochRecord:
    """An epoch of one run.

    Attributes:
        held: the run's claim.
        epoch: counted from 1; each is recorded once, in order.
        metrics: the columns of ``Epoch``, and ``test_loss`` and ``test_accuracy`` at the end.
        ending: ``completed`` or ``diverged`` where this is the run's last epoch.
        insight: the epoch's layer statistics, and the diagnosis where it changed.
    """

    held: Claim
    epoch: int
    metrics: Mapping[str, float]
    ending: str | None = None
    insight: Insight = NO_INSIGHT

    @property
    def columns(self) -> dict[str, float | None]:
        """The metrics that are columns of ``Epoch``, None where one was not measured."""
        return {name: self.metrics.get(name) for name in METRICS}

    @property
    def event(self) -> NewEvent:
        """What listeners are told of it."""
        metrics = {name: to_json(self.metrics[name]) for name in METRICS if name in self.metrics}
        data = {"epoch": self.epoch, "epochs": self.held.epochs, "metrics": metrics}
        return NewEvent("run.epoch", self.held.run_id, data)


def renew(session: Session, held: Sequence[tuple[Claim, int, float]], settings: Settings) -> Answer:
    """Keep runs for another lease and tell listeners how far they are.

    Args:
        session: a session outside any transaction.
        held: each run's claim, the epoch it is in, and the fraction of it that is done.
        settings: gives the length of the lease.
    """
    with session.begin():
        locked = hold(session, [each for each, _, _ in held])
        running = locked.running
        if running:
            _renew(session, running, settings)
            progress = {
                each.run_id: (each.experiment_id, each.run_id, _progress(each, epoch, fraction))
                for each, epoch, fraction in held
            }
            announce(session, [progress[run_id] for run_id in running])
        return locked.answer(running)


def _progress(held: Claim, epoch: int, fraction: float) -> dict[str, Any]:
    return {"epoch": epoch, "epochs": held.epochs, "fraction": round(fraction, 4)}


def _renew(session: Session, ids: Sequence[uuid.UUID], settings: Settings) -> None:
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds))
        .execution_options(synchronize_session=False)
    )


def record_starts(
    session: Session, held: Sequence[tuple[Claim, Insight]], settings: Settings
) -> Answer:
    """Store what is seen of runs before their first step; doing so again changes nothing.

    Args:
        session: a session outside any transaction.
        held: each run's claim, and what is seen of it.
        settings: gives the length of the lease.
    """
    encoded = _encoded((each, 0, insight) for each, insight in held)
    with session.begin():
        locked = hold(session, [each for each, _ in held])
        running = locked.running
        if running:
            _renew(session, running, settings)
            seen = {each.run_id: insight for each, insight in held}
            diagnosed = [{"id": run_id, **_diagnosed(seen[run_id])} for run_id in running]
            _update(session, [values for values in diagnosed if len(values) > 1])
            layers.store(session, [encoded[each] for each in running if each in encoded])
        return locked.answer(running)


def record_epochs(session: Session, records: Sequence[EpochRecord], settings: Settings) -> Answer:
    """Store an epoch of each of some runs with its progress and, with the last, its ending.

    Recording a run's latest epoch again changes nothing: a connection that breaks during a
    commit leaves open whether it counted, so the recorder tries again. Only the attempt's own
    worker writes under its number, and in order: where the run stands at this epoch in the state
    asked for, the first try was the one that counted.

    Args:
        session: a session outside any transaction.
        records: at most one a run.
        settings: gives the length of the lease.
    """
    encoded = _encoded((each.held, each.epoch, each.insight) for each in records)
    with session.begin():
        locked = hold(session, [each.held for each in records])
        new = [each for each in records if _is_next(each, locked)]
        again = [each for each in records if _is_recorded(each, locked)]
        if new:
            lease_end = locked.now + timedelta(seconds=settings.lease_seconds)
            _update(session, [_progressed(each, locked, lease_end) for each in new])
            session.execute(insert(Epoch), [_epoch_row(each) for each in new])
            found = [encoded[each.held.run_id] for each in new if each.held.run_id in encoded]
            layers.store(session, found)
            _tell(session, new)
        counted = {each.held.run_id: each.ending for each in (*new, *again)}
        return locked.answer(counted, [run_id for run_id, ending in counted.items() if ending])


def _encoded(seen: Any) -> dict[uuid.UUID, layers.Encoded]:
    """Write layer statistics down before the transaction: it takes longer than storing them."""
    return {
        held.run_id: layers.Encoded(held.run_id, epoch, layers.encode(insight.layers))
        for held, epoch, insight in seen
        if insight.layers is not None
    }


def _is_next(record: EpochRecord, locked: Hold) -> bool:
    row = locked.rows.get(record.held.run_id)
    return row is not None and row.status == "running" and row.epoch == record.epoch - 1


def _is_recorded(record: EpochRecord, locked: Hold) -> bool:
    row = locked.rows.get(record.held.run_id)
    state = record.ending or "running"
    return row is not None and row.status == state and row.epoch == record.epoch


def _progressed(record: EpochRecord, locked: Hold, lease_end: Any) -> dict[str, Any]:
    """The run's own columns after an epoch: the last metrics, and the best by validation."""
    return {
        "id": record.held.run_id,
        "epoch": record.epoch,
        "lease_expires_at": lease_end,
        **{name: record.metrics[name] for name in _LATEST if name in record.metrics},
        **_best(record, locked.rows[record.held.run_id]),
        **_diagnosed(record.insight),
    }


def _best(record: EpochRecord, before: Row[Any]) -> dict[str, Any]:
    accuracy, best = record.metrics["val_accuracy"], before.best_val_accuracy
    if math.isnan(accuracy) or (best is not None and accuracy <= best):
        return {"best_epoch": before.best_epoch, "best_val_accuracy": best}
    return {"best_epoch": record.epoch, "best_val_accuracy": accuracy}


def _diagnosed(insight: Insight) -> dict[str, Any]:
    return insight.diagnosis.columns() if insight.diagnosis is not None else {}


def _epoch_row(record: EpochRecord) -> dict[str, Any]:
    return {"run_id": record.held.run_id, "epoch": record.epoch, **record.columns}


def _update(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Update runs by their ids, those that set the same columns in one round trip."""
    if rows:
        session.execute(update(Run), sorted(rows, key=sorted))


def _tell(session: Session, records: Sequence[EpochRecord]) -> None:
    """End the runs whose last epoch it was, and publish all that happened."""
    ended = []
    for ending in sorted({each.ending for each in records if each.ending is not None}):
        ids = [each.held.run_id for each in records if each.ending == ending]
        ended += end_runs(session, ids, ending)
    told = [(each.held.experiment_id, each.event) for each in records]
    told += [(run.experiment_id, finished_event(run)) for run in ended]
    (publish_endings if ended else publish_all)(session, streams_of(told))
