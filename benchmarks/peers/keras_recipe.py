"""Train one recipe here and in Keras, over several seeds, and print both as a table.

    python -m benchmarks.peers.keras_recipe --install     makes an environment for Keras, once
    python -m benchmarks.peers.keras_recipe [--seeds 3] [--epochs 2] [--recipes relu tanh ...]
    python -m benchmarks.peers.keras_recipe --table       prints what is recorded so far
    python -m benchmarks.peers.keras_recipe --fixed       prints Keras' numbers, which the fast test
                                              of tests/workers/training/test_keras_recipe.py holds

The recipe is Keras' MNIST example: Adam 1e-3, clipping by value 0.5, batch 128, the first 48,000
training images, validated on the last 12,000. The two sides take turns, each run in a process of
its own, and each is recorded as it ends: the command goes on where it was interrupted. A run
takes some minutes on one core; docs/keras.md holds the whole table.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.options import program
from benchmarks.peers.environments import PEERS
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import data_folder, load
from workers.training import devices
from workers.training.results import EpochResult
from workers.training.solo import train

FOLDER = Path(".actinium/keras")
SIDES = ("Actinium", "Keras")

Record = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What one row trains. Both sides share every name but an activation's parameters."""

    activation: str
    here: dict[str, Any] = field(default_factory=dict)
    in_keras: dict[str, Any] = field(default_factory=dict)
    initializer: str = "glorot_uniform"
    dropout: str = "dropout"
    loss: str = "categorical_crossentropy"


RECIPES = {
    "relu": Recipe("relu"),
    "tanh": Recipe("tanh"),
    "elu": Recipe("elu"),
    "selu": Recipe("selu"),
    "leaky_relu(negative_slope=0.2)": Recipe(
        "leaky_relu", {"negative_slope": 0.2}, {"negative_slope": 0.2}
    ),
    "gelu(tanh)": Recipe("gelu", {"approximate": "tanh"}, {"approximate": True}),
    "sigmoid": Recipe("sigmoid"),
    "relu, binary_crossentropy": Recipe("relu", loss="binary_crossentropy"),
    "selu, lecun_normal, alpha_dropout": Recipe(
        "selu", initializer="lecun_normal", dropout="alpha_dropout"
    ),
}
SIX = tuple(RECIPES)[:6]


def run_here(recipe: Recipe, seed: int, epochs: int, threads: int) -> Record:
    """Train a recipe once in Actinium's trainer."""
    spec = {
        "activation": {"name": recipe.activation, **recipe.here},
        "initializer": recipe.initializer,
        "dropout": recipe.dropout,
        "loss": recipe.loss,
        "clipping": {"name": "value", "threshold": 0.5},
        "dataset": {"name": "mnist", "validation_split": 0.2, "test_size": 1000},
        "epochs": epochs,
    }
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    data = load(run.config.dataset)
    recorded = []
    began = time.process_time()
    for result in train(run.config, seed, data, torch.device("cpu"), threads):
        if isinstance(result, EpochResult):
            metrics = {**result.metrics, "seconds": result.metrics["epoch_seconds"]}
            recorded.append({**metrics, "processor_seconds": time.process_time() - began})
            began = time.process_time()
    return {"engine": devices.describe(torch.device("cpu")), "epochs": recorded}


def run_in_keras(
    folder: Path, recipe: Recipe, seed: int | None, epochs: int, threads: int
) -> Record:
    """Train a recipe once in Keras, with the interpreter of its own environment.

    Without a seed a short run in which nothing is random; ``keras_run`` tells its start.
    """
    program = Path(__file__).with_name("keras_run.py")
    arguments = [json.dumps(each) for each in (asdict(recipe), seed, epochs, threads)]
    answer = subprocess.run(
        [_python(folder), program, *arguments, data_folder() / "mnist"],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        check=True,
    )
    record: Record = json.loads(answer.stdout)
    return record


def compare(folder: Path, names: Sequence[str], seeds: int, epochs: int, threads: int) -> None:
    """Train what is not recorded yet, the two sides in turns, and record each run as it ends."""
    places = [(side, name, seed) for seed in range(seeds) for name in names for side in SIDES]
    for side, name, seed in places:
        if len(_epochs(recorded(folder), side, name, seed)) >= epochs:
            continue
        given = (RECIPES[name], seed, epochs, threads)
        if side == "Keras":
            record = run_in_keras(folder, *given)
        else:
            with ProcessPoolExecutor(1, get_context("spawn")) as own_process:
                record = own_process.submit(run_here, *given).result()
        _append(folder, {"side": side, "recipe": name, "seed": seed, **record})
        accuracies = [f"{epoch['val_accuracy']:.4f}" for epoch in record["epochs"]]
        print(f"{side}, {name}, seed {seed}: {' '.join(accuracies)}", flush=True)


def fixed(folder: Path) -> Iterator[str]:
    """Return Keras' losses of two short epochs without chance, a line for each recipe."""
    for name, recipe in RECIPES.items():
        epochs = run_in_keras(folder, recipe, None, 2, 1)["epochs"]
        losses = [(round(epoch["loss"], 6), round(epoch["val_loss"], 6)) for epoch in epochs]
        yield f"{name}: {losses}"


def recorded(folder: Path) -> list[Record]:
    """Return what is recorded in a folder, in the order it was trained."""
    path = folder / "results.json"
    records: list[Record] = json.loads(path.read_text()) if path.exists() else []
    return records


def _append(folder: Path, record: Record) -> None:
    # A second file takes the place of the first, so that a stop midway loses nothing.
    written = folder / "results.json.new"
    written.write_text(json.dumps([*recorded(folder), record], indent=1))
    written.replace(folder / "results.json")


def _epochs(records: list[Record], side: str, name: str, seed: int) -> list[dict[str, float]]:
    """Return the metrics of one run's epochs, of the last such run recorded; none without one."""
    place = (side, name, seed)
    runs = [
        record for record in records if (record["side"], record["recipe"], record["seed"]) == place
    ]
    return runs[-1]["epochs"] if runs else []


def table(records: list[Record], metric: str) -> Iterator[str]:
    """Return the lines of a markdown table of one metric: a row for each recipe and epoch.

    A difference of the means is shown with its standard error, sqrt(s^2/n + s'^2/n'). The last
    rows are means over the ``SIX``, one value a seed: what a side's recipes share within a seed
    (the order of the samples, the dropout masks) makes their results move together.
    """
    yield f"| {metric} | epoch | Actinium | Keras | difference | seeds |"
    yield "|---|---|---|---|---|---|"
    sums: dict[int, dict[int, list[float]]] = {}
    for name in RECIPES:
        sides = [_histories(records, side, name) for side in SIDES]
        for epoch in range(max((len(each) for side in sides for each in side.values()), default=0)):
            here, keras = (
                {seed: each[epoch][metric] for seed, each in side.items() if len(each) > epoch}
                for side in sides
            )
            values = (list(here.values()), list(keras.values()))
            cells = (*map(_range, values), _difference(*values))
            yield f"| {name} | {epoch + 1} | {' | '.join(cells)} | {len(here)} and {len(keras)} |"
            for seed in here.keys() & keras.keys() if name in SIX else ():
                differences = sums.setdefault(epoch, {}).setdefault(seed, [])
                differences.append(here[seed] - keras[seed])
    for epoch, seeds in sums.items():
        means = [statistics.fmean(each) for each in seeds.values() if len(each) == len(SIX)]
        if means:
            shown = _difference(means, [0.0] * len(means))
            yield f"| mean of the six | {epoch + 1} | | | {shown} | {len(means)} |"


def speed(records: list[Record]) -> Iterator[str]:
    """Return the lines of a table of the last epoch's time, Keras' over Actinium's of one seed.

    Processor time, of all threads, is the steadier one on a shared machine.
    """
    yield "| recipe | wall time of an epoch, Keras / Actinium | processor time | pairs |"
    yield "|---|---|---|---|"
    for name in RECIPES:
        here, keras = (_histories(records, side, name) for side in SIDES)
        pairs = [(here[seed][-1], keras[seed][-1]) for seed in here.keys() & keras.keys()]
        if pairs:
            ratios = (
                [k[unit] / h[unit] for h, k in pairs] for unit in ("seconds", "processor_seconds")
            )
            cells = (
                f"{statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})"
                for ratio in ratios
            )
            yield f"| {name} | {' | '.join(cells)} | {len(pairs)} |"


def _histories(records: list[Record], side: str, name: str) -> dict[int, list[dict[str, float]]]:
    seeds = sorted({record["seed"] for record in records})
    return {seed: each for seed in seeds if (each := _epochs(records, side, name, seed))}


def _range(values: list[float]) -> str:
    if not values:
        return "-"
    mean = statistics.fmean(values)
    return f"{mean:.4f} ({min(values):.4f} to {max(values):.4f})"


def _difference(here: list[float], keras: list[float]) -> str:
    if not (here and keras):
        return "-"
    difference = f"{statistics.fmean(here) - statistics.fmean(keras):+.4f}"
    if min(len(here), len(keras)) < 2:
        return difference
    error = math.sqrt(sum(statistics.variance(each) / len(each) for each in (here, keras)))
    return f"{difference} ± {error:.4f}"


def install(folder: Path) -> None:
    """Make an environment with Keras and TensorFlow, apart from Actinium's."""
    venv.create(folder, with_pip=True)
    _, packages = PEERS["keras"]
    subprocess.run([_python(folder), "-m", "pip", "install", *packages], check=True)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def main() -> None:
    """Read the command line, train what is missing and print the tables."""
    parser = program("benchmarks.peers.keras_recipe", __doc__)
    parser.add_argument("--install", action="store_true", help="make Keras' environment first")
    parser.add_argument(
        "--table", action="store_true", help="print what is recorded, train nothing"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="environment and results")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fixed", action="store_true", help="print Keras' runs without chance")
    arguments = parser.parse_args()
    if arguments.install:
        install(arguments.folder)
    if not (arguments.table or _python(arguments.folder).exists()):
        sys.exit(f"There is no Keras in {arguments.folder}. Run this once with --install.")
    if arguments.fixed:
        for line in fixed(arguments.folder):
            print(line, flush=True)
        return
    if not arguments.table:
        given = (arguments.recipes, arguments.seeds, arguments.epochs, arguments.threads)
        compare(arguments.folder, *given)
    records = recorded(arguments.folder)
    for metric in ("val_accuracy", "val_loss", "loss"):
        print(*table(records, metric), "", sep="\n")
    print(*speed(records), sep="\n")


if __name__ == "__main__":
    main()
