"""Layer statistics: how they are stored, and how they are read.

One row holds all layers of a run at one epoch: JSON, compressed, for it is only ever read whole.
A histogram is stored as its outer edges and its counts, and shown with all its edges.
"""

import uuid
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ARRAY, Integer, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.metrics import EPOCH_METRICS
from service.database.tables import Epoch, Layers, Run
from service.errors import NotFoundError
from service.json_numbers import to_json
from service.statuses import ACTIVE

#: Parts of a layer that are distributions.
DISTRIBUTIONS = ("z", "activation", "weight", "gradient", "z_gradient")

#: Digits of extremes and quantiles, which are float32: nine tell any two of them apart.
_DIGITS = 9
_COMPRESSION = 6


@dataclass(frozen=True)
class LayersAt:
    """A run's layer statistics at one epoch, with the epochs that have some.

    ``content`` is plain data: ``samples``, ``loss``, ``chance_loss``, ``layers``. ``boundary`` is
    the network's decision boundary, with the last epoch of data that have two features.
    """

    run_id: uuid.UUID
    status: str
    epoch: int
    epochs_available: list[int]
    content: dict[str, Any]
    boundary: dict[str, Any] | None


@dataclass(frozen=True)
class Encoded:
    """A run's layer statistics at one epoch, as ``encode`` writes them."""

    run_id: uuid.UUID
    epoch: int
    payload: bytes


@dataclass(frozen=True)
class Observed:
    """What is recorded of an epoch: metrics (none at epoch 0), layers where they were taken."""

    epoch: int
    metrics: dict[str, float]
    layers: dict[str, Any] | None


def store(session: Session, found: Sequence[Encoded]) -> None:
    """Store layer statistics of runs at epochs, each once; inside a transaction."""
    if found:
        rows = [
            {"run_id": each.run_id, "epoch": each.epoch, "payload": each.payload} for each in found
        ]
        session.execute(insert(Layers).on_conflict_do_nothing(), rows)


def get(session: Session, run_id: uuid.UUID, epoch: int | None = None) -> LayersAt:
    """Give a run's layer statistics.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epoch: at which epoch; the last that has some where left out.

    Raises:
        NotFoundError: there is no such run, or no statistics at that epoch.
    """
    at = select(Layers.epoch, Layers.payload).where(Layers.run_id == Run.id)
    if epoch is not None:
        at = at.where(Layers.epoch == epoch)
    found = at.order_by(Layers.epoch.desc()).limit(1).lateral("found")
    available = (
        select(func.array_agg(Layers.epoch, type_=ARRAY(Integer)))
        .where(Layers.run_id == Run.id)
        .scalar_subquery()
    )
    with session.begin():
        row = session.execute(
            select(
                Run.status,
                (Run.config["layer_statistics"].astext == "off").label("off"),
                available.label("available"),
                found.c.epoch,
                found.c.payload,
            )
            .join(found, true(), isouter=True)
            .where(Run.id == run_id)
        ).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no run {run_id}.")
    epochs = sorted(row.available or ())
    if row.payload is None:
        raise NotFoundError(_absence(run_id, epoch, epochs, off=row.off, status=row.status))
    content = decode(row.payload)
    boundary = content.pop("boundary", None)
    return LayersAt(run_id, row.status, row.epoch, epochs, content, boundary)


def _absence(
    run_id: uuid.UUID, epoch: int | None, epochs: list[int], *, off: bool, status: str
) -> str:
    if epochs:
        named = ", ".join(map(str, epochs))
        return f"Run {run_id} has no layer statistics at epoch {epoch}; it has them at {named}."
    if off:
        return f"Run {run_id} has no layer statistics: its spec says layer_statistics off."
    waits = status in ACTIVE
    return f"Run {run_id} has no layer statistics{' yet' if waits else ''}."


def of_runs(
    session: Session, run_ids: Collection[uuid.UUID]
) -> Iterator[tuple[uuid.UUID, int, list[dict[str, Any]]]]:
    """Give all layers of several runs, epoch by epoch; inside a transaction.

    Yields:
        Run, epoch and the layers as they are shown, ordered by run and epoch.
    """
    rows = session.execute(
        select(Layers.run_id, Layers.epoch, Layers.payload)
        .where(Layers.run_id.in_(run_ids))
        .order_by(Layers.run_id, Layers.epoch)
    )
    for run_id, epoch, payload in rows:
        yield run_id, epoch, decode(payload)["layers"]


def observed(session: Session, run_id: uuid.UUID, *, before: int) -> list[Observed]:
    """Give what is recorded of a run's epochs from 0 up to one that is left out."""
    with session.begin():
        epochs = session.scalars(
            select(Epoch).where(Epoch.run_id == run_id, Epoch.epoch < before)
        ).all()
        rows = session.execute(
            select(Layers.epoch, Layers.payload).where(
                Layers.run_id == run_id, Layers.epoch < before
            )
        ).all()
    metrics = {each.epoch: _metrics(each) for each in epochs}
    layers = {epoch: _decompress(payload) for epoch, payload in rows}
    return [
        Observed(epoch, metrics.get(epoch, {}), layers.get(epoch))
        for epoch in sorted(metrics.keys() | layers.keys())
    ]


def _metrics(row: Epoch) -> dict[str, float]:
    values = {name: getattr(row, name) for name in EPOCH_METRICS}
    return {name: value for name, value in values.items() if value is not None}


def encode(statistics: Mapping[str, Any]) -> bytes:
    """Write layer statistics as they are stored."""
    layers = [_compact(each) for each in statistics["layers"]]
    content = _storable({**statistics, "layers": layers})
    return zlib.compress(orjson.dumps(content), _COMPRESSION)


def decode(payload: bytes) -> dict[str, Any]:
    """Read layer statistics for showing."""
    content = _decompress(payload)
    for layer in content["layers"]:
        for name in DISTRIBUTIONS:
            histogram = layer[name]["histogram"]
            counts = histogram["counts"]
            edges = _edges(histogram["low"], histogram["high"], len(counts)) if counts else []
            layer[name]["histogram"] = {"edges": edges, "counts": counts}
    return content


def _decompress(payload: bytes) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(zlib.decompress(payload))
    return content


def _edges(low: float, high: float, bins: int) -> list[float]:
    step = (high - low) / bins
    return [*(low + step * at for at in range(bins)), high]


def _compact(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if name in DISTRIBUTIONS else value for name, value in layer.items()
    }


def _rounded(distribution: Mapping[str, Any]) -> dict[str, Any]:
    histogram = distribution["histogram"]
    edges = {name: _nine(histogram[name]) for name in ("low", "high")}
    return {
        **distribution,
        **{name: _nine(distribution[name]) for name in ("min", "max")},
        "quantiles": {name: _nine(each) for name, each in distribution["quantiles"].items()},
        "histogram": {**histogram, **edges},
    }


def _nine(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _storable(value: Any) -> Any:
    """Write numbers that JSON cannot hold as text, wherever they stand."""
    if isinstance(value, float):
        return to_json(value)
    if isinstance(value, Mapping):
        return {name: _storable(each) for name, each in value.items()}
    if isinstance(value, list) and not all(isinstance(each, int) for each in value):
        return [_storable(each) for each in value]
    return value
