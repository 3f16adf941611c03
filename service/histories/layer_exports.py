"""Streaming all layer statistics of an experiment as CSV, Parquet or HDF5, in bounded memory.

A stream reads batch by batch, each in its own transaction: a slow client occupies no connection.
CSV and Parquet have a row per layer of every epoch with statistics; HDF5 has a group per
configuration with the same columns, and the histograms. Histograms are left out of the rows: they
would be five times 64 columns.
"""

import csv
import io
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from sqlalchemy.orm import Session, sessionmaker

from service.histories.exports import (
    RUN_COLUMN_TYPES,
    StreamBrokenError,
    exists,
    harmless,
    selected,
)
from service.histories.hdf5 import Hdf5Group, write_hdf5
from service.histories.layer_statistics import DISTRIBUTIONS, decode
from service.histories.parquet import write_parquet

#: Epochs of layer statistics that a stream reads at a time: about ten megabytes once decoded.
BATCH_EPOCHS = 128

#: Label of a run's variant, and hash of its configuration.
_Configuration = tuple[str | None, str]
_Layers = Sequence[Mapping[str, Any]]

_QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")

#: Columns of each distribution after its name, with pyarrow's names of their types.
_SUMMARY = {
    "count": "int64",
    "non_finite": "int64",
    **dict.fromkeys(("mean", "std", "min", "max"), "double"),
    **{f"p{round(100 * float(level)):02}": "double" for level in _QUANTILES},
}

#: Columns that all layers of an epoch share, by their name in its statistics.
_OF_NETWORK = {"samples": "samples", "probe_loss": "loss", "chance_loss": "chance_loss"}

_OF_LAYER = {
    "units": "int32",
    **dict.fromkeys(("signal", "dead_fraction", "saturated_fraction"), "double"),
    **dict.fromkeys(("sparsity", "update_ratio", "largest_update_ratio"), "double"),
    "largest_update_epoch": "int32",
    **dict.fromkeys(("symmetric", "symmetry_kept"), "bool"),
}

#: A list of one number per step of a sequence; of recurrent layers only.
_BY_STEP = "gradient_by_step"

#: The columns of CSV and Parquet, with pyarrow's names of their types.
COLUMNS = {
    "run_id": "string",
    **RUN_COLUMN_TYPES,
    "epoch": "int32",
    "samples": "int64",
    "probe_loss": "double",
    "chance_loss": "double",
    "layer": "string",
    "layer_index": "int32",
    **_OF_LAYER,
    **{f"{quantity}_{name}": kind for quantity in DISTRIBUTIONS for name, kind in _SUMMARY.items()},
    _BY_STEP: "string",
}

#: Columns of HDF5: those that describe the configuration are attributes of its group, and the list
#: of steps is a dataset of two dimensions.
_DATASETS = {
    name: kind
    for name, kind in COLUMNS.items()
    if name != _BY_STEP and (name not in RUN_COLUMN_TYPES or name in {"seed", "status"})
}

#: The next epochs with statistics after a place, in the order of runs and epochs.
_NEXT = f"""
SELECT runs.position, runs.id AS run_id, runs.config_hash, runs.name, runs.config,
    {", ".join(map(selected, RUN_COLUMN_TYPES))}, layers.epoch, layers.payload
FROM runs JOIN layers ON layers.run_id = runs.id
WHERE runs.experiment_id = %(experiment_id)s
    AND (runs.position, layers.epoch) > (%(position)s, %(epoch)s)
ORDER BY runs.position, layers.epoch LIMIT %(limit)s
"""  # noqa: S608 - every name is our own


def as_csv(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Yield all layer statistics of an experiment as CSV, one line per layer, piece by piece.

    NaN and infinities are written as ``NaN`` and ``Infinity``; what was not recorded is empty.
    ``gradient_by_step`` is a JSON list.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    yield (",".join(COLUMNS) + "\n").encode()
    yield from _lines(sessions, experiment_id, harmless)


def as_parquet(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Yield all layer statistics of an experiment as a Parquet file, one row per layer.

    The columns are those of the CSV. What was not recorded is null.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    return write_parquet(_lines(sessions, experiment_id, str), COLUMNS)


def as_hdf5(
    sessions: sessionmaker[Session], experiment_id: uuid.UUID, folder: Path
) -> Iterator[bytes]:
    """Make an HDF5 file of all layer statistics, a group per configuration; return its pieces.

    A group has the columns of the CSV as datasets of one length, a layer each, and for each
    distribution ``<name>_histogram``: (layers, bins) counts of equal bins between
    ``<name>_histogram_low`` and ``_high``. With recurrent layers ``gradient_by_step`` is
    (layers, steps), NaN in the rows of other layers. Its attributes are the configuration's name,
    hash, labels and JSON. What was not recorded is NaN, of numbers that have one, else 0 or empty.

    Args:
        sessions: make sessions of the database.
        experiment_id: of which experiment.
        folder: has the file until its last byte is read.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
        OSError: the folder cannot be written, or too little space is left on its disk.
    """
    groups: dict[_Configuration, str] = {}

    def pieces() -> Iterator[Hdf5Group]:
        for epochs in _batches(sessions, experiment_id):
            # Each piece costs as much as a hundred rows: all neighbours of a group are one.
            for key, neighbours in groupby(epochs, _configuration_of):
                name = groups.setdefault(key, f"configuration_{len(groups) + 1:04}")
                yield _group(name, list(neighbours))

    return write_hdf5(pieces(), _DATASETS, folder)


def _configuration_of(epoch: Mapping[str, Any]) -> _Configuration:
    return epoch["label"], epoch["config_hash"]


def _group(name: str, epochs: Sequence[Mapping[str, Any]]) -> Hdf5Group:
    """Return the rows of some epochs of one configuration."""
    layers = [layer for epoch in epochs for layer in epoch["content"]["layers"]]
    rows = [row for epoch in epochs for row in _rows(epoch)]
    return Hdf5Group(name, _attributes(epochs[0]), rows, _histograms(layers), _by_step(layers))


def _lines(
    sessions: sessionmaker[Session], experiment_id: uuid.UUID, as_cell: Callable[[str], str]
) -> Iterator[bytes]:
    """Yield the rows of all epochs as CSV lines, batch by batch; ``as_cell`` writes texts."""
    for epochs in _batches(sessions, experiment_id):
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        for epoch in epochs:
            rows = _rows(epoch)
            writer.writerows([_cell(row[name], as_cell) for name in COLUMNS] for row in rows)
        yield written.getvalue().encode()


def _cell(value: Any, as_cell: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return as_cell(value)
    return str(value).lower() if isinstance(value, bool) else value


def _batches(
    sessions: sessionmaker[Session], experiment_id: uuid.UUID
) -> Iterator[list[dict[str, Any]]]:
    """Yield the stored epochs of all runs in order, some at a time.

    Raises:
        StreamBrokenError: the experiment was deleted while a batch was read.
    """
    place = {"experiment_id": experiment_id, "position": -1, "epoch": -1, "limit": BATCH_EPOCHS}
    with sessions() as session:
        while True:
            with session.begin():
                driver: Any = session.connection().connection.driver_connection
                with driver.cursor(row_factory=dict_row) as cursor:
                    epochs: list[dict[str, Any]] = cursor.execute(_NEXT, place).fetchall()
            for epoch in epochs:
                epoch["content"] = decode(epoch.pop("payload"))
            if epochs:
                yield epochs
                place |= {name: epochs[-1][name] for name in ("position", "epoch")}
            # Checked after the batch was read: an experiment that exists now existed then.
            with session.begin():
                if not exists(session, experiment_id):
                    raise StreamBrokenError(f"Experiment {experiment_id} was deleted.")
            if len(epochs) < BATCH_EPOCHS:
                return


def _rows(epoch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an epoch's layers, by column."""
    content = epoch["content"]
    shared = {
        "run_id": str(epoch["run_id"]),
        **{name: epoch[name] for name in RUN_COLUMN_TYPES},
        "epoch": epoch["epoch"],
        **{name: content[stored] for name, stored in _OF_NETWORK.items()},
    }
    return [
        {
            **shared,
            "layer": layer["name"],
            "layer_index": index,
            **{name: layer.get(name) for name in _OF_LAYER},
            **_summaries(layer),
            _BY_STEP: _as_json(layer.get(_BY_STEP)),
        }
        for index, layer in enumerate(content["layers"])
    ]


def _as_json(steps: list[Any] | None) -> str | None:
    return None if steps is None else json.dumps([float(norm) for norm in steps])


def _by_step(layers: _Layers) -> dict[str, list[list[float] | None]]:
    """Return the numbers by step of each layer, where any has them; None of a layer without."""
    found = [layer.get(_BY_STEP) for layer in layers]
    if all(steps is None for steps in found):
        return {}
    return {_BY_STEP: [steps and [float(norm) for norm in steps] for steps in found]}


def _summaries(layer: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for quantity in DISTRIBUTIONS:
        distribution = layer[quantity]
        values = [distribution[name] for name in ("count", "non_finite", "mean", "std")]
        values += [distribution["min"], distribution["max"]]
        values += [distribution["quantiles"].get(level) for level in _QUANTILES]
        names = (f"{quantity}_{name}" for name in _SUMMARY)
        found |= dict(zip(names, values, strict=True))
    return found


def _histograms(layers: _Layers) -> dict[str, list[Mapping[str, Any]]]:
    """Return the histogram of each layer, with its edges and counts, by distribution."""
    return {
        quantity: [layer[quantity]["histogram"] for layer in layers] for quantity in DISTRIBUTIONS
    }


def _attributes(epoch: Mapping[str, Any]) -> dict[str, str]:
    """Return what describes the configuration of an epoch's run."""
    described = {
        name: str(epoch[name])
        for name in RUN_COLUMN_TYPES
        if name not in {"seed", "status"} and epoch[name] is not None
    }
    config = json.dumps(epoch["config"], sort_keys=True)
    return {
        **described,
        "name": epoch["name"],
        "config_hash": epoch["config_hash"],
        "config": config,
    }
