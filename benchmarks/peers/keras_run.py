"""Train the recipe once in Keras: a program for the interpreter of Keras' own environment.

    PYTHON benchmarks/peers/keras_run.py RECIPE SEED EPOCHS THREADS MNIST_FOLDER

``benchmarks.peers.keras_recipe`` starts it. RECIPE is that module's recipe as JSON, with ``images``
where not all are to be taken, and ``policy`` where its precision is not float32; SEED, EPOCHS and
THREADS are JSON too. The answer, on standard output, is a JSON object of the engine and one object
of metrics an epoch. Where SEED is null nothing is random (see ``fixed``). It imports nothing of
Actinium.
"""

import argparse
import gzip
import json
import os
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

#: How many images a run without chance takes: ten whole batches and one of 20, then 325.
FIXED_IMAGES = 1625

#: Bytes before the values in an IDX file of so many dimensions.
HEADER = {1: 8, 3: 16}


def engine(threads: int) -> tuple[Any, Any]:
    """Import Keras and TensorFlow, to compute with so many threads, and give both.

    Not before the command line is read: ``--help`` needs neither.
    """
    os.environ.update(
        KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"
    )
    try:
        keras, tf = import_module("keras"), import_module("tensorflow")
    except ModuleNotFoundError as error:
        sys.exit(
            f"{sys.executable} has no {error.name}. Take the interpreter of Keras' environment."
        )
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return keras, tf


def read(path: Path, dimensions: int) -> Any:
    """Return the values of a gzipped IDX file as a flat array of bytes."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=HEADER[dimensions])


def network(keras: Any, recipe: dict[str, Any], rates: tuple[float, float] = (0.25, 0.5)) -> Any:
    """Build Keras' MNIST example with a recipe's parts."""
    activation = partial(getattr(keras.activations, recipe["activation"]), **recipe["in_keras"])
    start = recipe["initializer"]
    dropout = {"dropout": keras.layers.Dropout, "alpha_dropout": keras.layers.AlphaDropout}[
        recipe["dropout"]
    ]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation=activation, kernel_initializer=start),
            keras.layers.Conv2D(64, 3, activation=activation, kernel_initializer=start),
            keras.layers.MaxPooling2D(2),
            dropout(rates[0]),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation=activation, kernel_initializer=start),
            dropout(rates[1]),
            keras.layers.Dense(10, activation="softmax", kernel_initializer=start, dtype="float32"),
        ]
    )


class Clock:
    """Seconds of each epoch, validation included: on the wall, and of this process' threads."""

    def __init__(self) -> None:
        self.began = (0.0, 0.0)
        self.epochs: list[dict[str, float]] = []

    def begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.began = (time.monotonic(), time.process_time())

    def end(self, epoch: int, logs: dict[str, float]) -> None:  # noqa: ARG002
        wall, processor = time.monotonic() - self.began[0], time.process_time() - self.began[1]
        metrics = {name: float(each) for name, each in logs.items()}
        self.epochs.append({**metrics, "seconds": wall, "processor_seconds": processor})


def fixed(shapes: list[tuple[int, ...]]) -> list[Any]:
    """Return weights that anyone can draw again: glorot_uniform, biases within 0.1 of zero.

    tests/workers/training/test_keras_recipe.py starts from the same ones.
    """
    generator = np.random.default_rng(0)
    limits = [
        np.sqrt(6 / (np.prod(shape[:-2]) * sum(shape[-2:]))) if len(shape) > 1 else 0.1
        for shape in shapes
    ]
    return [
        generator.uniform(-limit, limit, shape) for limit, shape in zip(limits, shapes, strict=True)
    ]


def main() -> None:
    """Train as the command line says and print what was reached."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("RECIPE", "SEED", "EPOCHS", "THREADS"):
        parser.add_argument(name.lower(), metavar=name, type=json.loads)
    parser.add_argument("folder", metavar="MNIST_FOLDER", type=Path)
    given = parser.parse_args()
    keras, tf = engine(given.threads)
    recipe, seed, folder = given.recipe, given.seed, given.folder
    keras.config.set_dtype_policy(recipe.get("policy", "float32"))
    images = read(folder / "train-images-idx3-ubyte.gz", 3).reshape(-1, 28, 28, 1)
    labels = read(folder / "train-labels-idx1-ubyte.gz", 1)
    images, labels = images[: recipe.get("images")], labels[: recipe.get("images")]
    if seed is None:
        model = network(keras, recipe, rates=(0.0, 0.0))
        model.set_weights(fixed([weight.shape for weight in model.get_weights()]))
        images, labels = images[:FIXED_IMAGES], labels[:FIXED_IMAGES]
    else:
        keras.utils.set_random_seed(seed)
        model = network(keras, recipe)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3, clipvalue=0.5),
        loss=recipe["loss"],
        metrics=["accuracy", "binary_accuracy"],
    )
    clock = Clock()
    model.fit(
        images.astype("float32") / 255,
        keras.utils.to_categorical(labels),
        batch_size=128,
        epochs=given.epochs,
        validation_split=0.2,
        shuffle=seed is not None,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=clock.begin, on_epoch_end=clock.end)
        ],
        verbose=0,
    )
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    shown = {"engine": versions | {"threads": given.threads}, "epochs": clock.epochs}
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
