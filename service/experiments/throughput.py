"""Throughput: expected seconds per sample, corrected by what was measured on this machine."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Double, Integer, and_, case, func, select
from sqlalchemy.orm import Session

from service.database.tables import Epoch, Run
from service.runs.columns import precision_column
from service.specs.architectures import architecture
from service.specs.choices import choice
from service.specs.resolution import facts
from service.specs.spec import LATER_AXES
from service.specs.uploads import UPLOADED
from service.statuses import RunStatus

#: Pack size of a run in the solo form; 1 is the batched form with one member.
SOLO = 0

#: The columns of ``workload_columns``.
WORKLOAD = ("model", "dataset", "batch_size", "precision")

#: Enough for a fair mean, few enough to read in milliseconds.
_NEWEST_RUNS = 500

#: Measured on two cores: training and validation per billion multiply-adds of the forward pass (the
#: backward pass costs twice as much), and the fixed cost of a step.
_SECONDS_PER_BILLION = 0.108
_SECONDS_PER_STEP = 0.0006
#: Fixed costs of a step of a pack: one per pack, one per member. Nine mlps of 100 to 120,000
#: weights, alone and in packs of 2, 8 and 32 (``benchmarks.training.packs``), took 0.4 to 2.2 times
#: the expected seconds; a network had about the same factor in packs of any size, so that one
#: measurement corrects them all.
_SECONDS_PER_PACKED_STEP = 0.0007
_SECONDS_PER_MEMBER = 0.0001


@dataclass(frozen=True)
class Measure:
    """Measured seconds of a workload as a multiple of the expected ones, by how many runs."""

    factor: float
    runs: int


NOTHING_MEASURED = Measure(1.0, 0)


def workload(
    model: dict[str, Any], dataset: str, batch_size: int, precision: str = LATER_AXES["precision"]
) -> bytes:
    """Return the key of a workload, which decides the time per sample, but for the form."""
    return orjson.dumps([model, dataset, batch_size, precision], option=orjson.OPT_SORT_KEYS)


def dataset_key(dataset: Mapping[str, Any]) -> str:
    """Return what of a configuration's data set decides the time: its name, or its shape.

    Uploaded data sets share a name, so theirs is ``uploaded [1, 28, 28] 10``, with 0 for the
    classes of one whose targets are numbers.
    """
    name = str(dataset["name"])
    if name != UPLOADED:
        return name
    return f"{name} {json.dumps(list(dataset['input_shape']))} {dataset.get('classes', 0)}"


def workload_columns() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that ``workload`` takes."""
    return (
        Run.config["model"].label("model"),
        _dataset_column().label("dataset"),
        Run.config["batch_size"].astext.cast(Integer).label("batch_size"),
        precision_column(),
    )


def _dataset_column() -> ColumnElement[str]:
    """Return ``dataset_key`` as a column."""
    dataset = Run.config["dataset"]
    name = dataset["name"].astext
    classes = func.coalesce(dataset["classes"].astext, "0")
    shaped = name + " " + dataset["input_shape"].astext + " " + classes
    return func.coalesce(shaped, name)


def sample_column() -> ColumnElement[float]:
    """Return ``service.specs.resolution.training_samples`` as a column."""
    sizes = Run.config["dataset"]
    samples, split, folds, fold = (
        sizes[name].astext.cast(Double)
        for name in ("train_size", "validation_split", "folds", "fold")
    )
    left = case(
        (folds.is_(None), func.floor(samples * (1 - split))),
        else_=samples - func.ceil((samples - fold) / folds),
    )
    return left.label("samples")


@lru_cache(maxsize=1024)
def expected_seconds(key: bytes, members: int) -> float:
    """Return the expected seconds per thousand training samples of a run, validation included.

    They are those of float32: what a precision gains depends on the processor.

    Args:
        key: its workload.
        members: of its pack, of whose time it has a share; or ``SOLO``.
    """
    model, dataset, size, _ = orjson.loads(key)
    batch_size = int(size)
    name, *shaped = dataset.split(" ", 1)
    shape, usual = _shape(name) if not shaped else _shape_of_key(shaped[0])
    chosen = choice("model", model)
    outputs = 1 if chosen.parameters.get("head") == "binary" else usual
    layers = architecture(chosen, shape, outputs, 1)
    products = batch_size * layers.multiply_adds / 1e9 * _SECONDS_PER_BILLION
    if members == SOLO:
        step = _SECONDS_PER_STEP + products
    else:
        rows = max(2, members)  # a single member is computed with a copy of itself
        per_row = _SECONDS_PER_MEMBER + products
        step = (_SECONDS_PER_PACKED_STEP + rows * per_row) / members
    return 1000 / batch_size * step


def _shape(name: str) -> tuple[tuple[int, ...], int]:
    """Return the shape of a sample, and the outputs of a network but for a binary head."""
    known = facts(choice("dataset", name))
    return known.input_shape, known.outputs


def _shape_of_key(shaped: str) -> tuple[tuple[int, ...], int]:
    shape, _, classes = shaped.rpartition(" ")
    return tuple(json.loads(shape)), int(classes) or 1


def measures(session: Session, keys: Collection[bytes], device: str) -> dict[bytes, Measure]:
    """Return how the measured seconds of workloads relate to the expected ones.

    The seconds of a run in a pack say little about a run alone, or the other way round. Their ratio
    to the expected seconds does.

    Args:
        session: in a transaction.
        keys: the workloads; the answer leaves out those of which nothing was measured.
        device: that the runs were trained on, or ``auto`` for any.
    """
    if not keys:
        return {}
    took: dict[bytes, float] = defaultdict(float)
    expected: dict[bytes, float] = defaultdict(float)
    runs = Counter[bytes]()
    for row in session.execute(_measured(device)):
        *kind, members, seconds, count = row
        key = workload(*kind)
        if key in keys:
            took[key] += count * seconds
            expected[key] += count * expected_seconds(key, members)
            runs[key] += count
    return {key: Measure(took[key] / expected[key], runs[key]) for key in runs}


def _measured(device: str) -> Any:
    """Return the query of seconds per thousand samples of the newest runs.

    They are grouped by workload and by members of the pack. Runs of one pack key that a worker
    claimed at one moment were a pack. Runs that took over a history were in none.
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
    members = case((c.form == "batched", beside), else_=SOLO).label("members")
    runs = select(c.id, c.epoch, c.samples, *(c[name] for name in WORKLOAD), members).subquery()
    kinds = tuple(runs.c[name] for name in (*WORKLOAD, "members"))
    mean = 1000 * func.avg(Epoch.epoch_seconds / runs.c.samples)
    return (
        select(*kinds, mean, func.count())
        .join(Epoch, and_(Epoch.run_id == runs.c.id, Epoch.epoch == runs.c.epoch))
        .where(Epoch.epoch_seconds.is_not(None))
        .group_by(*kinds)
    )
