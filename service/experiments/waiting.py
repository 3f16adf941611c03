"""Waiting: the queued runs of all experiments, as groups whose seconds the paces decide."""

import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.experiments.simulation import Lot
from service.runs.paces import Basis, JobKind, Paces
from service.specs.durations import Workload, workload_of
from service.specs.packing import engine_form
from service.statuses import RunStatus

#: Sample size: about so many queued runs of an experiment stand for all of them.
_SAMPLE_RUNS = 24

#: How many times more or less than expected something may take, by what that is taken from.
UNCERTAIN: dict[Basis, float] = {"measured": 1.0, "similar": 2.0, "catalog": 3.0}


@dataclass(frozen=True)
class WaitingGroup:
    """Waiting runs of an experiment with one pack key, before their seconds are known.

    Attributes:
        workloads: how many runs of a sample have each; with the name of their model.
    """

    lot: Lot
    workloads: Counter[Workload]

    def kinds(self, devices: Iterable[str]) -> set[JobKind]:
        """Return the kinds of jobs that these runs are on some devices."""
        return {self.kind(work, device) for work in self.workloads for device in devices}

    def kind(self, work: Workload, device: str) -> JobKind:
        """Return the kind of job that runs of a workload are on a device."""
        return JobKind(work, engine_form(work.model_name, self.lot.pack_key, device), device)

    def timed(self, paces: Paces, guess: int) -> Lot:
        """Return the lot with its seconds.

        Args:
            paces: of all its kinds.
            guess: 1 for the most that a guess allows, -1 for the least, 0 for what is expected.
        """
        known: dict[tuple[int, str], float] = {}

        def seconds(members: int, device: str) -> float:
            if (members, device) not in known:
                total = 0.0
                for work, runs in self.workloads.items():
                    job = paces.expected(self.kind(work, device), members)
                    total += runs * job.seconds * UNCERTAIN[job.basis] ** guess
                known[members, device] = total / self.workloads.total()
            return known[members, device]

        return replace(self.lot, seconds=seconds)

    def is_guess(self, paces: Paces, devices: Iterable[str]) -> bool:
        """Whether some of its runs were never measured on some device."""
        return any(paces.expected(kind, 1).basis != "measured" for kind in self.kinds(devices))


def waiting_groups(session: Session) -> list[WaitingGroup]:
    """Return what waits; in a transaction."""
    rows = session.execute(
        select(
            Run.experiment_id,
            Run.caller,
            Run.priority,
            Run.device_request,
            Run.pack_key,
            func.count().label("runs"),
            func.min(Run.position).label("position"),
            func.max(Run.memory_bytes).label("memory_bytes"),
        )
        .where(Run.status == RunStatus.QUEUED)
        .group_by(Run.experiment_id, Run.caller, Run.priority, Run.device_request, Run.pack_key)
    ).all()
    if not rows:
        return []
    runs = Counter[uuid.UUID]()
    for row in rows:
        runs[row.experiment_id] += row.runs
    sampled = _sampled(session, runs)
    return [_group(row, sampled[row.experiment_id]) for row in rows if sampled[row.experiment_id]]


_Sample = Mapping[str | None, Counter[Workload]]


def _sampled(session: Session, runs: Mapping[uuid.UUID, int]) -> Mapping[uuid.UUID, _Sample]:
    """Return the workloads of some queued runs of each experiment, by pack key.

    The runs are chosen by a hash of their position: every n-th would miss values of an axis.
    """
    sampled: dict[uuid.UUID, dict[str | None, Counter[Workload]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    every = defaultdict[int, list[uuid.UUID]](list)
    for experiment_id, count in runs.items():
        every[max(1, count // _SAMPLE_RUNS)].append(experiment_id)
    for step, experiment_ids in every.items():
        chosen = func.abs(func.hashint4(Run.position) % step) == 0
        rows = session.execute(
            select(Run.experiment_id, Run.pack_key, Run.config).where(
                Run.experiment_id.in_(experiment_ids), Run.status == RunStatus.QUEUED, chosen
            )
        )
        for experiment_id, pack_key, config in rows:
            sampled[experiment_id][pack_key][workload_of(config)] += 1
    return sampled


def _group(row: Any, sample: _Sample) -> WaitingGroup:
    """Return a group; one that the sample has missed is taken to be like the others."""
    workloads = sample.get(row.pack_key) or sum(sample.values(), Counter[Workload]())
    lot = Lot(
        experiment_id=row.experiment_id,
        caller=row.caller,
        order=(-row.priority, row.experiment_id, row.position),
        pack_key=row.pack_key,
        packed_on=packed_on(workloads, row.pack_key),
        device=row.device_request,
        memory_bytes=row.memory_bytes,
        runs=row.runs,
        seconds=no_seconds,
    )
    return WaitingGroup(lot, workloads)


def packed_on(workloads: Iterable[Workload], pack_key: str | None) -> frozenset[str]:
    """Return the devices on which runs with a pack key are packed."""
    models = {work.model_name for work in workloads}
    return frozenset(
        device
        for device in ("cpu", "cuda")
        if all(engine_form(model, pack_key, device) == "batched" for model in models)
    )


def no_seconds(_members: int, _device: str) -> float:
    """Return no number: the seconds of a lot are known once its paces are."""
    return math.nan
