"""Fill a database as years of use would: experiments of 100 to 1,000 runs, with their histories.

    python -m benchmarks.database.filled [--runs 100000] [--epochs 10] [--serve]

Starts an embedded PostgreSQL of its own, fills it by COPY and prints what each table takes. With
``--serve`` the API answers on it until Ctrl-C. ``fill`` does the same to any migrated database.
"""

import math
import random
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg
from alembic import command

from benchmarks.database.copied_rows import (
    copy_attempts,
    copy_epochs,
    copy_events,
    copy_layers,
    copy_rows,
)
from benchmarks.options import program
from deploy.embedded.postgres import PostgresServer
from service.api.server import serve
from service.database.schema_version import alembic_config
from service.settings import Settings
from service.specs.expansion import PlannedRun, expand
from service.specs.labels import label_runs
from service.specs.spec import ExperimentSpec

#: How long ago the first experiment was submitted. Events of the older ones have been purged.
_DAYS = 90.0
_TRAINING = 8
#: Every so manieth run has layer statistics, of its first and last epoch.
_WITH_LAYERS = 10

#: Those of the spec below.
_CONFIGURATIONS = 8 * 5 * 2

_ENDINGS = ("completed", "diverged", "failed", "cancelled")
_WEIGHTS = (92, 5, 2, 1)
_VERDICTS = ("healthy", "vanishing", "exploding", "saturated", "dead", "symmetric")
_OUTCOMES = ("at_chance", "still_learning", "overfits", "learned", "learned", "learned")
_ENGINE = {"device": "cpu", "threads": 1, "torch": "2.13.0", "numpy": "2.4.0"}

_RUN_COLUMNS = (
    *("id", "experiment_id", "position", "label", "labels", "name", "config"),
    *("config_hash", "seed", "status"),
    *("priority", "device_request", "reuse", "max_attempts", "attempt", "lease_expires_at"),
    *("epoch", "epochs", "loss", "accuracy", "val_loss", "val_accuracy", "best_epoch"),
    *("best_val_accuracy", "outcome", "verdict", "findings", "worker", "engine"),
    *("created_at", "started_at", "finished_at"),
)
TABLES = ("experiments", "runs", "epochs", "layers", "attempts", "events")


@dataclass(frozen=True)
class Filling:
    """What is put in: runs over experiments of between so many, each run with so many epochs.

    Attributes:
        under_way: the share of the experiments, the newest ones, that is not done yet.
    """

    runs: int = 100_000
    epochs: int = 10
    smallest: int = 100
    largest: int = 1_000
    seed: int = 0
    retention_days: float = 30.0
    under_way: float = 0.02


@dataclass(frozen=True)
class _Experiment:
    id: uuid.UUID
    number: int
    size: int
    at: datetime
    under_way: bool


def fill(url: str, filling: Filling) -> list[uuid.UUID]:
    """Fill a migrated database and analyze it; more can be put in by another random seed.

    Args:
        url: ``postgresql://...`` of a superuser: foreign keys are not checked row by row.
        filling: how much, and from which random seed.

    Returns:
        The experiments, oldest first.
    """
    experiments = list(_experiments(filling))
    planned = _planned(filling)
    generator = np.random.default_rng(filling.seed)
    horizon = datetime.now(UTC) - timedelta(days=filling.retention_days)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        _copy_experiments(connection, experiments)
        rows = [row for each in experiments for row in _runs(each, planned, filling, generator)]
        copy_rows(connection, "runs", _RUN_COLUMNS, rows)
        shown = [dict(zip(_RUN_COLUMNS, row, strict=True)) for row in rows]
        begun = [each for each in shown if each["epoch"]]
        copy_epochs(connection, begun, generator)
        copy_layers(connection, begun[::_WITH_LAYERS])
        copy_attempts(connection, begun)
        copy_events(connection, begun, horizon)
        connection.execute(
            "INSERT INTO overviews (experiment_id, ended) SELECT unnest(%s::uuid[]), -1",
            ([experiment.id for experiment in experiments],),
        )
        connection.execute("VACUUM (ANALYZE)")
    return [experiment.id for experiment in experiments]


def _experiments(filling: Filling) -> Iterator[_Experiment]:
    sizes, generator, left = [], random.Random(filling.seed), filling.runs
    while left:
        sizes.append(min(left, generator.randint(filling.smallest, filling.largest)))
        left -= sizes[-1]
    began = datetime.now(UTC) - timedelta(days=_DAYS)
    done = min(len(sizes) - 1, round(len(sizes) * (1 - filling.under_way)))
    done = done or (1 if filling.under_way < 1 else 0)
    for number, size in enumerate(sizes):
        at = began + timedelta(days=_DAYS * (number + 1) / (len(sizes) + 1))
        yield _Experiment(_id_at(at, generator), number, size, at, number >= done)


def _planned(filling: Filling) -> list[tuple[PlannedRun, tuple[str, str, str]]]:
    """Return the runs of one experiment, each with its labels, name and configuration as text."""
    spec = ExperimentSpec.model_validate(
        {
            "activation": ["relu", "tanh", "sigmoid", "elu", "gelu", "silu", "softplus", "mish"],
            "initializer": ["glorot_uniform", "he_normal", "lecun_normal", "zeros", "orthogonal"],
            "clipping": ["none", {"name": "value", "threshold": 0.5}],
            "epochs": filling.epochs,
            "seeds": math.ceil(filling.largest / _CONFIGURATIONS),
        }
    )
    planned = expand(spec, Settings(max_runs=1_000_000).limits)
    labels = label_runs(planned)
    return [
        (
            run,
            (
                orjson.dumps(labels[run.key].by_axis).decode(),
                labels[run.key].name,
                run.configuration.text,
            ),
        )
        for run in planned
    ]


def _id_at(at: datetime, generator: random.Random) -> uuid.UUID:
    """Make a UUIDv7 of a moment."""
    noise = generator.getrandbits(74)
    return uuid.UUID(
        int=int(at.timestamp() * 1000) << 80
        | 0x7 << 76
        | (noise >> 62) << 64
        | 0b10 << 62
        | noise & (2**62 - 1)
    )


def _runs(
    experiment: _Experiment,
    planned: Sequence[tuple[PlannedRun, tuple[str, str, str]]],
    filling: Filling,
    numbers: np.random.Generator,
) -> Iterator[tuple[Any, ...]]:
    generator = random.Random(f"{filling.seed}-{experiment.number}")
    accuracies = numbers.beta(8, 2, experiment.size)
    salt = str(experiment.number // 2)  # every second experiment repeats the one before
    for position, ((plan, written), accuracy) in enumerate(
        zip(planned[: experiment.size], accuracies.tolist(), strict=True)
    ):
        status = generator.choices(_ENDINGS, _WEIGHTS)[0]
        if experiment.under_way:
            status = "running" if position < _TRAINING else "queued"
        epoch = {"queued": 0, "running": filling.epochs // 2}.get(status, filling.epochs)
        loss = float("nan") if status == "diverged" else 2 * (1 - accuracy)
        metrics = (loss, accuracy, loss, accuracy, epoch, accuracy) if epoch else (None,) * 6
        verdict = "step_size" if status == "diverged" else generator.choice(_VERDICTS)
        ended = {"diverged": "diverged", "completed": generator.choice(_OUTCOMES)}
        outcome = ended.get(status)
        seen = (outcome, verdict, "[]", f"worker-{position % 16}", orjson.dumps(_ENGINE).decode())
        finished = experiment.at + timedelta(minutes=position)
        yield (
            *(_id_at(experiment.at + timedelta(milliseconds=position // 8), generator),),
            *(experiment.id, position, None, *written),
            *(sha256(f"{salt}{plan.config_hash}".encode()).hexdigest(), plan.seed, status),
            *(0, "auto", True, 3, 1 if epoch else 0),
            datetime.now(UTC) + timedelta(hours=1) if status == "running" else None,
            *(epoch, filling.epochs, *metrics),
            *(seen if epoch else (None,) * 5),
            experiment.at,
            experiment.at + timedelta(minutes=position - 1) if epoch else None,
            finished if status in _ENDINGS else None,
        )


def _copy_experiments(
    connection: psycopg.Connection[Any], experiments: Sequence[_Experiment]
) -> None:
    names = ("id", "name", "tags", "spec", "created_by", "created_at")
    rows = [
        (
            *(experiment.id, f"sweep {experiment.number}"),
            orjson.dumps({"course": "dl", "week": str(experiment.number % 50)}).decode(),
            *('{"activation": ["relu"]}', "bench", experiment.at),
        )
        for experiment in experiments
    ]
    copy_rows(connection, "experiments", names, rows)


@contextmanager
def database(filling: Filling) -> Iterator[tuple[Settings, list[uuid.UUID]]]:
    """Return the settings of a scratch database that is filled, and its experiments."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = PostgresServer(home)
        stack.callback(server.stop)
        settings = Settings(database_url=server.start(), home=home, rate_limit="1000000000/minute")
        command.upgrade(alembic_config(settings.sqlalchemy_url), "head")
        yield settings, fill(server.superuser_url, filling)


def sizes(url: str) -> dict[str, tuple[int, int, int]]:
    """Return each table's rows, and its bytes without and with its indexes."""
    statement = "SELECT count(*), pg_table_size(%s), pg_total_relation_size(%s) FROM {}"
    with psycopg.connect(url) as connection:
        found = {
            table: connection.execute(statement.format(table).encode(), (table, table)).fetchone()
            for table in TABLES
        }
    return {table: row for table, row in found.items() if row is not None}


def main() -> None:
    """Fill, and say what it took."""
    parser = program("benchmarks.database.filled", __doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    began = time.perf_counter()
    with database(Filling(options.runs, options.epochs)) as (settings, experiments):
        print(f"{len(experiments)} experiments in {time.perf_counter() - began:.1f} s.")
        print(f"{'':12}{'rows':>12}{'bytes/row':>12}{'+ indexes':>12}")
        for table, (rows, bare, whole) in sizes(settings.database_url).items():
            a_row = max(1, rows)
            print(f"{table:12}{rows:12,}{bare / a_row:12,.0f}{(whole - bare) / a_row:12,.0f}")
        if options.serve:
            print(f"{settings.database_url}\nhttp://{settings.host}:{settings.port}")
            serve(settings, grace_seconds=5)


if __name__ == "__main__":
    main()
