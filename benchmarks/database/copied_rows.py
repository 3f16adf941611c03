"""Write what runs recorded, made up, by COPY: epochs, layer statistics, attempts and events.

A run is given as its columns by name.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import psycopg

from service.histories import layer_statistics

RECORDED = (
    *("loss", "accuracy", "val_loss", "val_accuracy"),
    *("learning_rate", "gradient_norm", "clipped_fraction", "epoch_seconds"),
)


def copy_rows(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    rows: Iterator[tuple[Any, ...]] | list[tuple[Any, ...]],
) -> None:
    """Write rows of a table."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def copy_epochs(
    connection: psycopg.Connection[Any],
    runs: Sequence[dict[str, Any]],
    generator: np.random.Generator,
) -> None:
    """Write all epochs in PostgreSQL's binary format, which numpy lays out at once."""
    epochs = np.array([run["epoch"] for run in runs])
    rows = int(epochs.sum())
    fields = [("run_id", "V16"), ("epoch", ">i4"), *((name, ">f8") for name in RECORDED)]
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for name, kind in fields:
        layout += [(f"{name} size", ">i4"), (name, kind)]
    table = np.zeros(rows, dtype=layout)
    table["count"] = len(fields)
    for name, kind in fields:
        table[f"{name} size"] = np.dtype(kind).itemsize
    ids = np.array([each["id"].bytes for each in runs], dtype="V16")
    table["run_id"] = np.repeat(ids, epochs)
    first = np.repeat(np.cumsum(epochs) - epochs, epochs)
    table["epoch"] = np.arange(rows) - first + 1
    for name in RECORDED:
        table[name] = generator.random(rows)
    names = ", ".join(name for name, _ in fields)
    statement = f"COPY epochs ({names}) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        for start in range(0, rows, 50_000):
            copy.write(table[start : start + 50_000].tobytes())
        copy.write(b"\xff\xff")


def copy_layers(connection: psycopg.Connection[Any], runs: Sequence[dict[str, Any]]) -> None:
    """Write the statistics of each run's first and last epoch."""
    payload = layer_statistics.encode(made_up_layers())
    rows = [(run["id"], epoch, payload) for run in runs for epoch in (0, run["epoch"])]
    copy_rows(connection, "layers", ("run_id", "epoch", "payload"), rows)


def made_up_layers(count: int = 4, seed: int = 0) -> dict[str, Any]:
    """Make statistics of so many layers, as large as a worker's."""
    generator = random.Random(seed)
    points = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")

    def distribution() -> dict[str, Any]:
        named = {name: generator.gauss(0, 1) for name in ("mean", "std", "min", "max")}
        counts = [generator.randint(0, 1000) for _ in range(64)]
        quantiles = {name: generator.gauss(0, 1) for name in points}
        histogram = {"low": -3.0, "high": 3.0, "counts": counts}
        return {**named, "quantiles": quantiles, "histogram": histogram}

    made = [
        {
            "name": f"dense_{number}",
            **{name: distribution() for name in layer_statistics.DISTRIBUTIONS},
            "dead_fraction": 0.0,
            "saturated_fraction": 0.0,
        }
        for number in range(1, count + 1)
    ]
    return {"samples": 1000, "loss": 2.3, "chance_loss": 2.3, "layers": made}


def copy_attempts(connection: psycopg.Connection[Any], runs: Sequence[dict[str, Any]]) -> None:
    """Write the one attempt of each run."""
    names = ("run_id", "attempt", "worker", "engine", "started_at", "ended_at", "outcome")
    rows = [
        (
            *(run["id"], 1, run["worker"], run["engine"], run["started_at"]),
            *(run["finished_at"], run["status"] if run["finished_at"] else None),
        )
        for run in runs
    ]
    copy_rows(connection, "attempts", names, rows)


def copy_events(
    connection: psycopg.Connection[Any], runs: Sequence[dict[str, Any]], horizon: datetime
) -> None:
    """Write what can still be replayed: the events of runs that were submitted since a moment."""
    names = ("experiment_id", "run_id", "type", "data", "created_at")
    metrics = orjson.dumps(dict.fromkeys(RECORDED, 0.123456789012)).decode()

    def rows() -> Iterator[tuple[Any, ...]]:
        for run in runs:
            if run["created_at"] < horizon:
                continue
            whose, at = (run["experiment_id"], run["id"]), run["started_at"]
            yield (*whose, "run.started", '{"attempt": 1, "epoch": 0}', at)
            for epoch in range(1, run["epoch"] + 1):
                data = f'{{"epoch": {epoch}, "epochs": {run["epochs"]}, "metrics": {metrics}}}'
                yield (*whose, "run.epoch", data, at)
            if run["finished_at"]:
                data = f'{{"status": "{run["status"]}"}}'
                yield (*whose, "run.finished", data, run["finished_at"])

    copy_rows(connection, "events", names, rows())
