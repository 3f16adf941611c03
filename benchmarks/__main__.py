"""Everything that has a target, measured in one go: ``python -m benchmarks``, or ``make bench``.

Prints the machine, one table (what, ours, the peer's, the ratio, the target, whether it holds) and
a last line that tells which targets hold. Compared in the same run are Keras on TensorFlow and
MLflow's server, each installed on first use in an environment of its own below
``ACTINIUM_BENCH_HOME`` (``.actinium/bench`` if not set). Where that fails our side is measured
alone, and a target that needs the peer counts as not measured. Exits with 0 unless something broke,
however fast this machine is.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import partial

from benchmarks.database import growth
from benchmarks.http import bulk, heavy, startup
from benchmarks.options import program
from benchmarks.peers import keras_comparison, mlflow_comparison, precision_comparison
from benchmarks.peers.keras_comparison import Sizes
from benchmarks.table import Row, lines, machine
from benchmarks.training import overhead

_QUICK = Sizes(images=6_000, rounds=1, queued_images=3_000, queued=2, small_in_keras=4)

TOPICS = ("startup", "mlflow", "bulk", "heavy", "growth", "keras", "precision", "overhead")

Topics = dict[str, Callable[[], Iterable[Row]]]


def topics(options: argparse.Namespace) -> Topics:
    """Return what is measured, by name, at the sizes the options ask for."""
    quick = options.quick
    sizes = _QUICK if quick else Sizes(options.images, options.rounds, queued=options.queued)
    runs = options.runs or ([10, 1_000, 10_000] if quick else [10, 1_000, 100_000])
    times = 20 if quick else 100
    measures: tuple[Callable[[], Iterable[Row]], ...] = (
        partial(startup.rows, 2 if quick else 5),
        partial(mlflow_comparison.measure, times),
        partial(bulk.measure, 3, options.values, 5.0 if quick else 15.0),
        partial(heavy.measure, [1_000, 10_000], 1 if quick else 3, 5.0 if quick else 15.0),
        partial(growth.measure, runs, times),
        partial(keras_comparison.measure, sizes),
        partial(precision_comparison.measure, sizes),
        partial(overhead.measure, sizes.images, 2 if quick else options.epochs),
    )
    return dict(zip(TOPICS, measures, strict=True))


def measured(wanted: Topics) -> tuple[list[Row], list[str]]:
    """Measure topic by topic and tell each row as it comes; gives the rows, and what broke."""
    rows: list[Row] = []
    broken = []
    for name, measure in wanted.items():
        print(f"{name} ...", flush=True)
        try:
            for row in measure():
                rows.append(row)
                print(
                    f"  {row.what}: {row.ours}" + (f" | {row.peer}" if row.peer else ""), flush=True
                )
        except Exception:
            traceback.print_exc()
            broken.append(name)
    return rows, broken


def main() -> int:
    """Measure and print; returns 1 where something broke."""
    options = _parser().parse_args()
    print(machine(), flush=True)
    chosen = options.only or TOPICS
    rows, broken = measured(
        {name: each for name, each in topics(options).items() if name in chosen}
    )
    print()
    print(*lines(rows), sep="\n")
    if broken:
        print(f"Broken: {', '.join(broken)}.", file=sys.stderr)
    return int(bool(broken))


def _parser() -> argparse.ArgumentParser:
    parser = program("benchmarks", __doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, a few minutes")
    parser.add_argument("--only", nargs="+", choices=TOPICS, help="some topics")
    parser.add_argument("--images", type=int, default=60_000, help="of the run through the service")
    parser.add_argument("--rounds", type=int, default=2, help="pairs of such runs, with Keras")
    parser.add_argument("--epochs", type=int, default=12, help="of the run for the service's share")
    parser.add_argument("--queued", type=int, default=4, help="runs in the queue")
    parser.add_argument("--values", type=int, default=1_000_000, help="of an export")
    parser.add_argument("--runs", type=int, nargs="+", help="sizes of the databases")
    return parser


if __name__ == "__main__":
    sys.exit(main())
