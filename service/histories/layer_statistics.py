"""Storing and reading layer statistics.

One row has all layers of a run at one epoch, as compressed JSON: it is always read whole. A
histogram is stored as its outer edges and its counts, and read with all its edges.
"""

import base64
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
from service.database.payloads import decompressed
from service.database.tables import Epoch, Layers, Run
from service.errors import NotFoundError
from service.json_numbers import to_json
from service.statuses import ACTIVE

#: Fields of a layer that are distributions.
DISTRIBUTIONS = ("z", "activation", "weight", "gradient", "z_gradient")

#: Significant digits of extremes and quantiles: nine distinguish any two float32 values.
_DIGITS = 9
_COMPRESSION_LEVEL = 6


@dataclass(frozen=True)
class LayersAtEpoch:
    """A run's layer statistics at one epoch.

    Attributes:
        run_id: the run.
        status: the run's status.
        epoch: the epoch.
        epochs_available: all epochs of the run that have layer statistics.
        content: plain data: ``samples``, ``loss``, ``chance_loss``, ``layers``; at epoch 0 also
            ``inputs``, the distribution of the network's inputs.
        boundary: the network's decision boundary; recorded for data with two features.
        outputs: what the network makes of the validation part; recorded at the last epoch.
    """

    run_id: uuid.UUID
    status: str
    epoch: int
    epochs_available: list[int]
    content: dict[str, Any]
    boundary: dict[str, Any] | None
    outputs: dict[str, Any] | None


@dataclass(frozen=True)
class EncodedLayers:
    """A run's layer statistics at one epoch, encoded by ``encode``."""

    run_id: uuid.UUID
    epoch: int
    payload: bytes


@dataclass(frozen=True)
class ObservedEpoch:
    """Recorded metrics of an epoch (none at epoch 0), and its layer statistics, if any."""

    epoch: int
    metrics: dict[str, float]
    layers: dict[str, Any] | None


def store_layers(session: Session, statistics: Sequence[EncodedLayers]) -> None:
    """Store layer statistics; inside a transaction.

    An epoch that already has some keeps them.
    """
    if statistics:
        rows = [
            {"run_id": encoded.run_id, "epoch": encoded.epoch, "payload": encoded.payload}
            for encoded in statistics
        ]
        session.execute(insert(Layers).on_conflict_do_nothing(), rows)


def read_layers(session: Session, run_id: uuid.UUID, epoch: int | None = None) -> LayersAtEpoch:
    """Return a run's layer statistics at one epoch.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epoch: the epoch; None for the last one with layer statistics.

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
        raise NotFoundError(_reason(run_id, epoch, epochs, off=row.off, status=row.status))
    content = decode(row.payload)
    boundary, outputs = content.pop("boundary", None), content.pop("outputs", None)
    boundary = boundary and boundary_content(boundary)
    return LayersAtEpoch(run_id, row.status, row.epoch, epochs, content, boundary, outputs)


def _reason(
    run_id: uuid.UUID, epoch: int | None, epochs: list[int], *, off: bool, status: str
) -> str:
    """Return a sentence that explains why there are no layer statistics."""
    if epochs:
        available = ", ".join(map(str, epochs))
        return f"Run {run_id} has no layer statistics at epoch {epoch}; it has them at {available}."
    if off:
        return f"Run {run_id} has no layer statistics: its spec says layer_statistics off."
    return f"Run {run_id} has no layer statistics{' yet' if status in ACTIVE else ''}."


def read_layers_of_runs(
    session: Session, run_ids: Collection[uuid.UUID]
) -> Iterator[tuple[uuid.UUID, int, list[dict[str, Any]]]]:
    """Yield the layers of several runs, epoch by epoch; inside a transaction.

    Yields:
        Run, epoch and decoded layers, ordered by run and epoch.
    """
    rows = session.execute(
        select(Layers.run_id, Layers.epoch, Layers.payload)
        .where(Layers.run_id.in_(run_ids))
        .order_by(Layers.run_id, Layers.epoch)
    )
    for run_id, epoch, payload in rows:
        yield run_id, epoch, decode(payload)["layers"]


def read_observed_epochs(
    session: Session, run_id: uuid.UUID, *, before: int
) -> list[ObservedEpoch]:
    """Return what is recorded of a run's epochs 0 to ``before - 1``, in order."""
    with session.begin():
        epochs = session.scalars(
            select(Epoch).where(Epoch.run_id == run_id, Epoch.epoch < before)
        ).all()
        rows = session.execute(
            select(Layers.epoch, Layers.payload).where(
                Layers.run_id == run_id, Layers.epoch < before
            )
        ).all()
    metrics = {epoch.epoch: _metrics(epoch) for epoch in epochs}
    layers = {epoch: decompressed(payload) for epoch, payload in rows}
    return [
        ObservedEpoch(epoch, metrics.get(epoch, {}), layers.get(epoch))
        for epoch in sorted(metrics.keys() | layers.keys())
    ]


def _metrics(row: Epoch) -> dict[str, float]:
    values = {name: getattr(row, name) for name in EPOCH_METRICS}
    return {name: value for name, value in values.items() if value is not None}


def encode(statistics: Mapping[str, Any]) -> bytes:
    """Return layer statistics as compressed JSON, to be stored."""
    layers = [_compact(layer) for layer in statistics["layers"]]
    inputs = {"inputs": _rounded(statistics["inputs"])} if "inputs" in statistics else {}
    content = _storable({**statistics, "layers": layers, **inputs})
    return zlib.compress(orjson.dumps(content), _COMPRESSION_LEVEL)


def decode(payload: bytes) -> dict[str, Any]:
    """Return stored layer statistics as plain data, their histograms with all edges."""
    content = decompressed(payload)
    distributions = [layer[name] for layer in content["layers"] for name in DISTRIBUTIONS]
    if "inputs" in content:
        distributions.append(content["inputs"])
    for distribution in distributions:
        histogram = distribution["histogram"]
        counts = histogram["counts"]
        edges = _edges(histogram["low"], histogram["high"], len(counts)) if counts else []
        distribution["histogram"] = {"edges": edges, "counts": counts}
    return content


def boundary_content(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored boundary with its grids as numbers; older versions stored numbers."""
    if not isinstance(stored["predicted"], str):
        return dict(stored)
    content = {name: value for name, value in stored.items() if name != "classes"}
    chance = 1 / stored["classes"]
    shares = ((step / 255) ** 2 for step in base64.b64decode(stored["confidence"]))
    return {
        **content,
        "predicted": list(base64.b64decode(stored["predicted"])),
        "confidence": [round(chance + (1 - chance) * share, 7) for share in shares],
    }


def _edges(low: float, high: float, bins: int) -> list[float]:
    step = (high - low) / bins
    return [*(low + step * number for number in range(bins)), high]


def _compact(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if name in DISTRIBUTIONS else value for name, value in layer.items()
    }


def _rounded(distribution: Mapping[str, Any]) -> dict[str, Any]:
    histogram = distribution["histogram"]
    edges = {name: _float32_digits(histogram[name]) for name in ("low", "high")}
    quantiles = distribution["quantiles"]
    return {
        **distribution,
        **{name: _float32_digits(distribution[name]) for name in ("min", "max")},
        "quantiles": {level: _float32_digits(value) for level, value in quantiles.items()},
        "histogram": {**histogram, **edges},
    }


def _float32_digits(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _storable(value: Any) -> Any:
    """Return a value with NaN and infinities inside it replaced by strings, as JSON needs."""
    if isinstance(value, float):
        return to_json(value)
    if isinstance(value, Mapping):
        return {name: _storable(member) for name, member in value.items()}
    if isinstance(value, list) and not all(isinstance(item, int) for item in value):
        return [_storable(item) for item in value]
    return value
