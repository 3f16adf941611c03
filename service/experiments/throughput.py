"""How fast runs train: reckoned from a network's layers, corrected by what was measured here."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Double, Integer, and_, case, func, select
from sqlalchemy.orm import Session

from service.database.tables import Epoch, Run
from service.specs.choices import choice
from service.specs.resolution import network_of
from service.statuses import RunStatus

#: How a run is trained: plainly, or in a pack of so many members (1: in that form, but alone).
PLAINLY = 0

#: The columns of ``workload_columns``.
WORKLOAD = ("model", "dataset", "batch_size")

#: Enough to be a fair mean, few enough to be read in milliseconds.
_NEWEST_RUNS = 500

#: On two cores, measured: a billion multiply-adds of the forward pass, trained (the backward pass
#: costs twice as much) and validated; and what a step costs however small it is.
_SECONDS_PER_BILLION = 0.108
_SECONDS_PER_STEP = 0.0006
#: The same of a pack: the members share the first, and each adds the second. Nine mlps of 100 to
#: 120,000 weights, alone and in packs of 2, 8 and 32 as ``training.packs`` times them, took 0.4
#: to 2.2 times what is reckoned with these, and a network in packs of any size much the same
#: multiple, so that one measurement corrects them all.
_SECONDS_PER_PACKED_STEP = 0.0007
_SECONDS_PER_MEMBER = 0.0001


@dataclass(frozen=True)
class Measure:
    """What runs of a workload took here, as a multiple of what is reckoned for them."""

    factor: float
    runs: int


NOTHING_MEASURED = Measure(1.0, 0)


def workload(model: dict[str, Any], dataset: str, batch_size: int) -> bytes:
    """Name what decides the time that a sample takes, but for the form: its JSON."""
    return orjson.dumps([model, dataset, batch_size], option=orjson.OPT_SORT_KEYS)


def workload_columns() -> tuple[ColumnElement[Any], ...]:
    """Select what ``workload`` takes."""
    return (
        Run.config["model"].label("model"),
        Run.config["dataset"]["name"].astext.label("dataset"),
        Run.config["batch_size"].astext.cast(Integer).label("batch_size"),
    )


def sample_column() -> ColumnElement[float]:
    """Select ``service.specs.resolution.training_samples``."""
    sizes = Run.config["dataset"]
    split = sizes["validation_split"].astext.cast(Double)
    return func.floor(sizes["train_size"].astext.cast(Double) * (1 - split)).label("samples")


@lru_cache(maxsize=1024)
def reckoned(key: bytes, members: int) -> float:
    """Reckon the seconds that a thousand training samples of a run take, validation included.

    Args:
        key: its workload.
        members: of the pack it is trained in, of whose time it has a share; or ``PLAINLY``.
    """
    model, dataset, size = orjson.loads(key)
    batch_size = int(size)
    plain = choice("activation", "relu")
    layers = network_of(choice("dataset", dataset), choice("model", model), plain)
    products = batch_size * layers.multiply_adds / 1e9 * _SECONDS_PER_BILLION
    if members == PLAINLY:
        step = _SECONDS_PER_STEP + products
    else:
        rows = max(2, members)  # a lone member has a twin, which is computed too
        each = _SECONDS_PER_MEMBER + products
        step = (_SECONDS_PER_PACKED_STEP + rows * each) / members
    return 1000 / batch_size * step


def measures(session: Session, keys: Collection[bytes], device: str) -> dict[bytes, Measure]:
    """Compare what the newest runs of some workloads took with what is reckoned for them.

    What one run of a pack took says little of one that trains alone, or the other way round; what
    it took of the reckoned does.

    Args:
        session: in a transaction.
        keys: the workloads; those of which nothing was measured are left out of the answer.
        device: that the runs were trained on, or ``auto`` for any.
    """
    if not keys:
        return {}
    took: dict[bytes, float] = defaultdict(float)
    expected: dict[bytes, float] = defaultdict(float)
    runs = Counter[bytes]()
    for model, dataset, batch_size, members, seconds, count in session.execute(_measured(device)):
        key = workload(model, dataset, batch_size)
        if key in keys:
            took[key] += count * seconds
            expected[key] += count * reckoned(key, members)
            runs[key] += count
    return {key: Measure(took[key] / expected[key], runs[key]) for key in runs}


def _measured(device: str) -> Any:
    """Read what a thousand samples took the newest runs, by workload and by members of a pack.

    Runs of one pack key that a worker took at one moment were a pack. A history that was taken
    over is left out: its run was in no pack with those that took one over with it.
    """
    form = Run.engine["form"].astext.label("form")
    newest = (
        select(Run.id, Run.epoch, Run.worker, Run.started_at, Run.pack_key, form)
        .add_columns(*workload_columns(), sample_column())
        .where(Run.status == RunStatus.COMPLETED, Run.epoch > 0, Run.reused_from.is_(None))
        .order_by(Run.id.desc())
        .limit(_NEWEST_RUNS)
    )
    if device != "auto":
        newest = newest.where(Run.engine["device"].astext == device)
    c = newest.subquery("newest").c
    beside = func.count().over(partition_by=(c.worker, c.started_at, c.pack_key))
    members = case((c.form == "batched", beside), else_=PLAINLY).label("members")
    runs = select(c.id, c.epoch, c.samples, *(c[each] for each in WORKLOAD), members).subquery()
    kinds = tuple(runs.c[each] for each in (*WORKLOAD, "members"))
    mean = 1000 * func.avg(Epoch.epoch_seconds / runs.c.samples)
    return (
        select(*kinds, mean, func.count())
        .join(Epoch, and_(Epoch.run_id == runs.c.id, Epoch.epoch == runs.c.epoch))
        .where(Epoch.epoch_seconds.is_not(None))
        .group_by(*kinds)
    )
