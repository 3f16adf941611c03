"""What bfloat16 costs in accuracy: the same runs in float32 and in bfloat16, over seeds.

    nice -n 19 python -m benchmarks.statistics.precision [--seeds 5] [--networks mlp deep cnn]

Three networks on MNIST with seven activations, the deep one with three initializers, each seed in
both precisions: they start from the same weights and see the samples in the same order. Prints, for
each configuration, the mean validation accuracy of both at the end, their difference with its 95%
interval (paired by seed), and the verdicts of the diagnosis where they differ. One thread; 10
minutes of processor time on an AMD EPYC of family 25, which has no instructions for bfloat16.
docs/precision.md has the table.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.options import program
from benchmarks.statistics.preset_trainings import jobs_of, train_runs
from service.comparison.inference import paired_differences, rounding_variance
from service.presets.trainings import TrainingRecord
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "tanh", "sigmoid")
TEST_SAMPLES = 2_000
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"model": {"name": "mlp", "hidden_units": [64, 64]}, "epochs": 6},
    "deep": {
        "model": {"name": "mlp", "hidden_units": [48] * 10},
        "epochs": 6,
        "initializer": ["auto", "glorot_uniform", {"name": "normal", "stddev": 0.1}],
    },
    "cnn": {
        "model": {"name": "mnist_cnn", "channels": [8, 16], "units": [32]},
        "epochs": 4,
    },
}


def planned(network: str, seeds: int) -> list[PlannedRun]:
    """Return the runs of a network, those of both precisions."""
    spec = {
        "dataset": {"name": "mnist", "train_size": 4_000, "test_size": TEST_SAMPLES},
        "activation": list(ACTIVATIONS),
        "precision": ["float32", "bfloat16"],
        "seeds": seeds,
        **NETWORKS[network],
    }
    return expand(ExperimentSpec.model_validate(spec), Limits())


def trained(runs: list[PlannedRun]) -> list[TrainingRecord]:
    """Return the training of each run."""
    records: dict[int, TrainingRecord] = {}
    for positions in jobs_of(runs):
        job = train_runs([runs[position] for position in positions], keeps_layers=False)
        records |= dict(zip(positions, job, strict=True))
    return [records[position] for position in range(len(runs))]


def lines(network: str, runs: list[PlannedRun], records: list[TrainingRecord]) -> Iterator[str]:
    """Yield a row of the table for each activation and initializer."""
    groups: dict[tuple[str, str], dict[str, dict[int, TrainingRecord]]] = {}
    for run, record in zip(runs, records, strict=True):
        config = run.config
        group = groups.setdefault((str(config.activation), str(config.initializer)), {})
        group.setdefault(config.precision.name, {})[run.seed] = record
    for (activation, initializer), group in groups.items():
        plain, narrow = (group[name] for name in ("float32", "bfloat16"))
        first, second = (
            np.array([_accuracy(kept[seed]) for seed in plain]) for kept in (narrow, plain)
        )
        rounding = 2 * rounding_variance(1 / TEST_SAMPLES)
        (difference,) = paired_differences([(first, second)], [rounding])
        changed = [
            f"seed {seed}: {plain[seed].verdict} -> {narrow[seed].verdict}"
            for seed in plain
            if plain[seed].verdict != narrow[seed].verdict
        ]
        interval = "" if difference is None else _interval(difference.ci95)
        narrow_mean, plain_mean = first.mean(), second.mean()
        yield (
            f"| {network} | {activation} | {initializer} | {100 * plain_mean:.2f} | "
            f"{100 * narrow_mean:.2f} | {100 * (narrow_mean - plain_mean):+.2f} {interval} | "
            f"{'; '.join(changed) or 'the same'} |"
        )


def _accuracy(record: TrainingRecord) -> float:
    accuracies = record.history["val_accuracy"]
    return accuracies[max(accuracies)]


def _interval(ci95: tuple[float, float]) -> str:
    return f"({100 * ci95[0]:+.2f} to {100 * ci95[1]:+.2f})"


def main() -> None:
    """Train and print."""
    parser = program("benchmarks.statistics.precision", __doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    options = parser.parse_args()
    print("| network | activation | initializer | float32 | bfloat16 | difference | verdicts |")
    print("|---|---|---|---|---|---|---|")
    for network in options.networks:
        runs = planned(network, options.seeds)
        print(*lines(network, runs, trained(runs)), sep="\n", flush=True)
    print(f"{time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
