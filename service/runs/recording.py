"""Use-cases of a worker that trains: renew the leases of its runs, record what they have reached.

Each takes several runs at once and holds one short transaction, so that an epoch of a pack, or
several of a run, cost little more than one of a single run. ``service.runs.leases`` tells what the
answers say.
"""

import math
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, update
from sqlalchemy.orm import Session

from service.catalog.metrics import BEST_COLUMN, EPOCH_METRICS, FINAL_METRICS, MAIN_METRIC
from service.database.tables import Epoch, Run
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.histories import layer_statistics
from service.histories.diagnoses import NO_INSIGHT, Insight
from service.json_numbers import to_json
from service.runs.leases import Answer, Claim, _renew, hold
from service.runs.transitions import end_runs, finished_event
from service.settings import Settings
from service.statuses import RunStatus


@dataclass(frozen=True)
class EpochRecord:
    """An epoch of one run.

    Attributes:
        held: the run's claim.
        epoch: counted from 1; each is recorded once, in order.
        metrics: by name; those of ``FINAL_METRICS`` measured on the test part at the end only.
        ending: ``completed`` or ``diverged`` where this is the run's last epoch.
        insight: the epoch's layer statistics, and the diagnosis where it changed.
    """

    held: Claim
    epoch: int
    metrics: Mapping[str, float]
    ending: RunStatus | None = None
    insight: Insight = NO_INSIGHT

    @property
    def columns(self) -> dict[str, float | None]:
        """The metrics that are columns of ``Epoch``, None where one was not measured."""
        return {name: self.metrics.get(name) for name in EPOCH_METRICS}

    @property
    def event(self) -> NewEvent:
        """What listeners are told of it."""
        metrics = {
            name: to_json(self.metrics[name]) for name in EPOCH_METRICS if name in self.metrics
        }
        data = {"epoch": self.epoch, "epochs": self.held.epochs, "metrics": metrics}
        return NewEvent(EventType.RUN_EPOCH, self.held.experiment_id, self.held.run_id, data)


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
            layer_statistics.store_layers(
                session, [each for each in encoded if each.run_id in running]
            )
        return locked.answer(running)


def record_epochs(session: Session, records: Sequence[EpochRecord], settings: Settings) -> Answer:
    """Store epochs of some runs with their progress and, with a last one, its run's ending.

    Recording a run's latest epochs again changes nothing: a connection that breaks during a
    commit leaves open whether it counted, so the recorder tries again. Only the attempt's own
    worker writes under its number, and in order: where the run stands at the last of these epochs
    in the state asked for, the first try was the one that counted.

    Args:
        session: a session outside any transaction.
        records: in the order in which the epochs ended; those of one run follow on one another.
        settings: gives the length of the lease.
    """
    encoded = _encoded((each.held, each.epoch, each.insight) for each in records)
    of_runs: dict[uuid.UUID, list[EpochRecord]] = defaultdict(list)
    for each in records:
        of_runs[each.held.run_id].append(each)
    with session.begin():
        locked = hold(session, [own[0].held for own in of_runs.values()])
        rows = {run_id: locked.rows[run_id] for run_id in of_runs if run_id in locked.rows}
        new = {run_id for run_id, row in rows.items() if _are_next(of_runs[run_id], row)}
        again = {run_id for run_id, row in rows.items() if _are_recorded(of_runs[run_id], row)}
        if new:
            lease_end = locked.now + timedelta(seconds=settings.lease_seconds)
            _update(session, [_progressed(of_runs[each], rows[each], lease_end) for each in new])
            counted = [each for each in records if each.held.run_id in new]
            session.execute(insert(Epoch), [_epoch_row(each) for each in counted])
            layer_statistics.store_layers(session, [each for each in encoded if each.run_id in new])
            _tell(session, counted)
        owned = new | again
        return locked.answer(owned, [each for each in owned if of_runs[each][-1].ending])


def _encoded(seen: Iterable[tuple[Claim, int, Insight]]) -> list[layer_statistics.EncodedLayers]:
    """Write layer statistics down before the transaction: it takes longer than storing them."""
    return [
        layer_statistics.EncodedLayers(held.run_id, epoch, layer_statistics.encode(insight.layers))
        for held, epoch, insight in seen
        if insight.layers is not None
    ]


def _are_next(own: Sequence[EpochRecord], row: Row[Any]) -> bool:
    follow = all(each.epoch == row.epoch + n for n, each in enumerate(own, start=1))
    return row.status == RunStatus.RUNNING and follow


def _are_recorded(own: Sequence[EpochRecord], row: Row[Any]) -> bool:
    last = own[-1]
    return bool(row.status == (last.ending or RunStatus.RUNNING) and row.epoch == last.epoch)


def _progressed(own: Sequence[EpochRecord], before: Row[Any], lease_end: Any) -> dict[str, Any]:
    """The run's own columns after its epochs: the last metrics, and the best by validation."""
    last = own[-1]
    diagnosed: dict[str, Any] = {}
    for each in own:
        diagnosed |= _diagnosed(each.insight)
    return {
        "id": last.held.run_id,
        "epoch": last.epoch,
        "lease_expires_at": lease_end,
        **{name: last.metrics[name] for name in FINAL_METRICS if name in last.metrics},
        **_best(own, before),
        **diagnosed,
    }


def _best(own: Sequence[EpochRecord], before: Row[Any]) -> dict[str, Any]:
    epoch, best = before.best_epoch, getattr(before, BEST_COLUMN)
    for each in own:
        value = each.metrics[MAIN_METRIC]
        if not math.isnan(value) and (best is None or value > best):
            epoch, best = each.epoch, value
    return {"best_epoch": epoch, BEST_COLUMN: best}


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
    publish(session, [*(record.event for record in records), *map(finished_event, ended)])
