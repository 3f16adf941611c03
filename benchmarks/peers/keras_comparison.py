"""The service's training against Keras on TensorFlow: one run, a queue, many small networks.

The two sides take turns. Of Keras one run's epochs are timed in ``fit``, and of several networks
each from building it to the end of ``fit``: neither starting its process nor importing TensorFlow
nor reading the data counts, while the service's times begin with the POST. Without Keras our side
is measured all the same.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import numpy as np

from benchmarks.http.serving import Service, processor_seconds, wait_for
from benchmarks.peers.environments import PeerError, interpreter
from benchmarks.peers.keras_recipe import RECIPES
from benchmarks.table import Row, faster
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import data_folder, load

#: The lone mnist_cnn's, but for its data set and epochs.
RECIPE: dict[str, Any] = {
    "activation": "relu",
    "initializer": "glorot_uniform",
    "clipping": {"name": "value", "threshold": 0.5},
    "reuse": False,
}
_LONGEST_SECONDS = 1800.0

ONE = "one mnist_cnn run through the service, seconds of an epoch"
ONE_PROCESSOR = "the same in processor time, the whole run with all the service does"
QUEUE = "queue of mnist_cnn runs, one worker per core"
MANY = "small MLPs (digits, 32-32) in one experiment"

#: Keras' interpreter, or why there is none.
Keras = Path | PeerError


@dataclass(frozen=True)
class Sizes:
    """How much is trained."""

    images: int = 60_000
    rounds: int = 2
    queued_images: int = 12_000
    queued: int = 4
    small: int = 64
    small_in_keras: int = 8


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure all three."""
    keras: Keras
    try:
        keras = interpreter("keras")
    except PeerError as error:
        keras = error
    yield from _one_run(keras, sizes)
    yield queue(keras, sizes)
    yield _many(keras, sizes)


def _one_run(keras: Keras, sizes: Sizes) -> list[Row]:
    threads = os.cpu_count() or 1
    spec = RECIPE | {"dataset": sample(sizes.images), "epochs": 2}
    ours: list[float] = []
    theirs: list[float] = []
    processor: tuple[list[float], list[float]] = ([], [])
    with Service() as service:  # a lone run has all cores
        service.api()
        worker = service.worker()
        for seed in range(sizes.rounds):
            before = processor_seconds(worker.pid)
            _, (run_id,) = trained(service, spec | {"seeds": [seed]})
            processor[0].append(processor_seconds(worker.pid) - before)
            ours.append(epoch_seconds(service, run_id)[-1])
            if isinstance(keras, Path):
                answer = in_keras_run(keras, seed, sizes.images, threads)
                theirs.append(answer[-1]["seconds"])
                processor[1].append(sum(each["processor_seconds"] for each in answer))
    return [
        faster(f"{ONE} ({sizes.images:,} images)", ours, theirs or str(keras), "s", 1.3),
        faster(ONE_PROCESSOR, processor[0], processor[1] or str(keras), "s", None),
    ]


def sample(images: int) -> dict[str, Any]:
    """Return the recipe's data set: so many images of MNIST, a fifth of them for validation."""
    split = {"train_size": images, "validation_split": 0.2, "test_size": 1000}
    return {"name": "mnist", **split}


def epoch_seconds(service: Service, run_id: str) -> list[float]:
    """Return the seconds of each epoch of a run, training and validation alone."""
    history = httpx.get(f"{service.url}/v1/runs/{run_id}/history").raise_for_status().json()
    seconds: list[float] = history["metrics"]["epoch_seconds"]
    return seconds


def in_keras_run(
    keras: Path, seed: int, images: int, threads: int, policy: str = "float32"
) -> list[dict[str, float]]:
    """Train the recipe once in Keras, by a policy of its precision; return its epochs."""
    program = Path(__file__).with_name("keras_run.py")
    recipe = RECIPES["relu"]
    shown = {
        "activation": recipe.activation,
        "in_keras": recipe.in_keras,
        "initializer": recipe.initializer,
        "dropout": recipe.dropout,
        "loss": recipe.loss,
        "images": images,
        "policy": policy,
    }
    arguments = [json.dumps(each) for each in (shown, seed, 2, threads)]
    answer = _ask(keras, program, *arguments, str(data_folder() / "mnist"))
    epochs: list[dict[str, float]] = answer["epochs"]
    return epochs


def queue(keras: Keras, sizes: Sizes, precision: str = "float32", least: float | None = 1.5) -> Row:
    """Measure a queue of runs of a precision against Keras in float32, one after the other."""
    dataset = {"name": "mnist", "train_size": sizes.queued_images, "test_size": 2000}
    spec = RECIPE | {"dataset": dataset, "epochs": 2, "seeds": sizes.queued}
    spec |= {"precision": precision}
    with Service() as service:
        service.api()
        for number in range(os.cpu_count() or 1):
            service.worker(f"cpu-{number}")
        ours, _ = trained(service, spec)
    theirs: list[float] = []
    if isinstance(keras, Path):
        theirs = [sum(_in_keras(keras, spec, None, sizes.queued))]
    what = f"{QUEUE} ({sizes.queued} runs of {sizes.queued_images:,} images, {precision})"
    return faster(what, [ours], theirs or str(keras), "s", least)


def _many(keras: Keras, sizes: Sizes) -> Row:
    units = [32, 32]
    spec = {
        "activation": "relu",
        "initializer": "glorot_uniform",
        "clipping": {"name": "value", "threshold": 0.5},
        "dataset": "digits",
        "model": {"name": "mlp", "hidden_units": units},
        "batch_size": 32,
        "epochs": 20,
        "seeds": sizes.small,
        "reuse": False,
    }
    with Service() as service:
        service.api()
        for number in range(os.cpu_count() or 1):
            service.worker(f"cpu-{number}")
        ours, _ = trained(service, spec)
    theirs: list[float] = []
    if isinstance(keras, Path):
        # Their mean: the first of a process also builds what all share.
        theirs = [sizes.small * fmean(_in_keras(keras, spec, units, sizes.small_in_keras))]
    what = f"{sizes.small} {MANY} (Keras: {sizes.small_in_keras}, scaled)"
    return faster(what, [ours], theirs or str(keras), "s", 20)


def trained(service: Service, spec: dict[str, Any]) -> tuple[float, list[str]]:
    """Submit an experiment and wait for its end; gives the seconds, and its runs' ids."""
    with httpx.Client(base_url=service.url, timeout=90) as client:
        began = time.perf_counter()
        made = client.post("/v1/experiments", json=spec).raise_for_status().json()
        path, wait = f"/v1/experiments/{made['id']}", {"Prefer": "wait=60"}

        def ended() -> dict[str, Any]:
            found: dict[str, Any] = client.get(path, headers=wait).raise_for_status().json()
            return found if found["status"] not in {"queued", "running"} else {}

        found = wait_for(ended, "the experiment has finished", _LONGEST_SECONDS)
        seconds = time.perf_counter() - began
    if found["runs"]["completed"] != found["runs"]["total"]:
        raise RuntimeError(f"Not every run was completed: {found['runs']}")
    return seconds, [str(each.id) for each in service.store.runs_of(made["id"])]


def _in_keras(
    keras: Path, spec: dict[str, Any], hidden_units: list[int] | None, runs: int
) -> list[float]:
    """Train so many runs of a spec in Keras one after the other; gives the seconds of each."""
    config = expand(ExperimentSpec.model_validate(spec), Limits())[0].config
    data = load(config.dataset)
    work = {
        "hidden_units": hidden_units,
        "batch_size": config.batch_size,
        "epochs": config.epochs,
        "seeds": list(range(runs)),
        "threads": os.cpu_count(),
    }
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(
            file,
            train_inputs=data.train.inputs.numpy(),
            train_labels=data.train.labels.numpy(),
            validation_inputs=data.validation.inputs.numpy(),
            validation_labels=data.validation.labels.numpy(),
        )
        file.flush()
        program = Path(__file__).with_name("keras_queue.py")
        answer = _ask(keras, program, json.dumps(work), file.name)
    return [each["wall"] for each in answer]


def _ask(python: Path, program: Path, *arguments: str) -> Any:
    answer = subprocess.run([python, program, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(answer.stdout)
