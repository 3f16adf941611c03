"""Cost: the seconds that the runs of a dry run take, and when they would end in today's queue."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Worker
from service.experiments.forecast import NO_FORECAST, Forecast, Range, forecasts, range_of
from service.experiments.simulation import Lot, SeenWorker, simulate
from service.experiments.waiting import UNCERTAIN, WaitingGroup, no_seconds, packed_on
from service.runs.paces import Basis, ExpectedJob, Paces
from service.settings import Settings
from service.specs.durations import Workload, workload_of
from service.specs.expansion import PlannedRun
from service.specs.packing import pack_key, pack_limit
from service.specs.spec import ExperimentSpec

#: The experiment that a dry run plans: later than all that are stored.
_PLANNED = uuid.UUID(int=2**128 - 1)

_ON_GPUS = (
    "These are the seconds of float32: how much faster {} is on this GPU is known once it was "
    "measured here."
)
#: What a rate that was not measured leaves open on a CPU, by precision.
_ON_CPUS = {
    "bfloat16": "These are the seconds of float32: bfloat16 takes a part of them on a processor "
    "with instructions for it (avx512_bf16, amx_bf16), and on any other a little more, in "
    "recurrent networks up to twice as much. What it takes here is known once it was measured "
    "here.",
}


@dataclass(frozen=True)
class Rate:
    """Seconds per thousand training samples, validation and layer statistics included.

    A run in a pack counts with its share of the pack's time.

    Attributes:
        basis: ``measured`` on ``runs`` such runs, ``similar`` on jobs of the same model or device,
            or ``catalog``: counted from the layers, for one core.
        note: what else decides the seconds, in a sentence; None where they were measured, and of
            float32.
    """

    model: dict[str, Any]
    dataset: str
    batch_size: int
    precision: str
    seconds_per_thousand_samples: float
    basis: Basis
    runs: int
    note: str | None = None


@dataclass(frozen=True)
class Cost:
    """What runs take on one worker that trains one pack, or one run, after the other.

    Attributes:
        seconds: all included: claims, data, initial weights, statistics, records.
        range: where that is a guess; None where such runs were measured.
        forecast: when they would end with the workers and the queue as they are.
    """

    training_samples: int
    seconds: float
    range: Range | None
    rates: list[Rate]
    forecast: Forecast


def estimate(
    session: Session,
    planned: Iterable[PlannedRun],
    spec: ExperimentSpec,
    *,
    caller: str,
    settings: Settings,
) -> Cost:
    """Return the estimated cost of runs that are not trained yet.

    Args:
        session: in a transaction.
        planned: the runs; those that can be packed together count as packs.
        spec: of the runs; for the device and the priority.
        caller: who would submit them.
        settings: say how large packs are.
    """
    groups = _groups(planned, spec, caller)
    device = _device(session, spec.device)
    kinds = {kind for group in groups for kind in group.kinds([device])}
    paces = Paces.read(session, kinds)
    least, seconds, most = (_on_one_worker(groups, paces, device, settings, n) for n in (-1, 0, 1))
    expected = forecasts(session, settings, groups).get(_PLANNED, NO_FORECAST)
    return Cost(
        training_samples=sum(_samples(group) for group in groups),
        seconds=round(seconds, 3),
        range=range_of(least, most),
        rates=_rates(groups, paces, device, settings),
        forecast=expected,
    )


def _device(session: Session, wanted: str) -> str:
    """Return the device that a worker most likely has: what is asked for, else what is there."""
    if wanted != "auto":
        return wanted
    seen = select(Worker.device).order_by(Worker.seen_at.desc()).limit(1)
    return session.scalars(seen).one_or_none() or "cpu"


def _groups(planned: Iterable[PlannedRun], spec: ExperimentSpec, caller: str) -> list[WaitingGroup]:
    """Return planned runs by what can be packed together."""
    known: dict[str, tuple[str | None, Workload, int]] = {}
    found: dict[Any, Counter[Workload]] = defaultdict(Counter)
    memory: dict[Any, int] = defaultdict(int)
    for run in planned:
        configuration = run.configuration
        if run.config_hash not in known:
            work = workload_of(configuration.values)
            known[run.config_hash] = pack_key(configuration), work, configuration.memory.total
        key, work, needed = known[run.config_hash]
        place = (key, None) if key is not None else (None, work)
        found[place][work] += 1
        memory[place] = max(memory[place], needed)
    return [
        WaitingGroup(
            Lot(
                experiment_id=_PLANNED,
                caller=caller,
                order=(-spec.priority, _PLANNED, number),
                pack_key=key,
                packed_on=packed_on(workloads, key),
                device=spec.device,
                memory_bytes=memory[key, work],
                runs=workloads.total(),
                seconds=no_seconds,
            ),
            workloads,
        )
        for number, ((key, work), workloads) in enumerate(found.items())
    ]


def _on_one_worker(
    groups: Sequence[WaitingGroup], paces: Paces, device: str, settings: Settings, guess: int
) -> float:
    """Return the seconds of all groups on one worker."""
    lots = [group.timed(paces, guess) for group in groups]
    spans = simulate(lots, [SeenWorker(device, None, 0.0)], {}, settings.pack_size)
    return spans[_PLANNED].ends if spans else 0.0


def _samples(group: WaitingGroup) -> int:
    return sum(runs * work.samples * work.epochs for work, runs in group.workloads.items())


def _rates(
    groups: Sequence[WaitingGroup], paces: Paces, device: str, settings: Settings
) -> list[Rate]:
    """Return the mean rate of each model, data set, batch size and precision."""
    jobs: dict[Any, list[tuple[float, float, ExpectedJob]]] = defaultdict(list)
    for group in groups:
        packed = device in group.lot.packed_on
        members = pack_limit(group.lot.runs, 1, settings.pack_size) if packed else 1
        for work, runs in group.workloads.items():
            job = paces.expected(group.kind(work, device), members)
            thousands = members * work.samples / 1000
            key = (work.model, work.dataset, work.batch_size, work.precision)
            # Without epochs there are no samples to weigh by, and no cost.
            weight = runs * max(1, work.samples * work.epochs)
            jobs[key].append((weight, job.epoch / thousands, job))
    return [_rate(key, found, device) for key, found in jobs.items()]


def _left_open(precision: str, device: str) -> str | None:
    """Return what a rate that was not measured leaves open; None for float32."""
    if precision == "float32":
        return None
    return _ON_CPUS[precision] if device == "cpu" else _ON_GPUS.format(precision)


def _rate(
    key: tuple[bytes, str, int, str], found: list[tuple[float, float, ExpectedJob]], device: str
) -> Rate:
    model, dataset, batch_size, precision = key
    mean = sum(weight * rate for weight, rate, _ in found) / sum(weight for weight, _, _ in found)
    least = max((job for _, _, job in found), key=lambda job: UNCERTAIN[job.basis])
    note = _left_open(precision, device) if least.basis != "measured" else None
    runs = max(job.runs for _, _, job in found) if least.basis == "measured" else 0
    name = orjson.loads(model)
    return Rate(name, dataset, batch_size, precision, round(mean, 6), least.basis, runs, note)
