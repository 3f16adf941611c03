"""Train several networks one after the other in Keras, for the interpreter of its environment.

    PYTHON benchmarks/peers/keras_queue.py WORK DATA

WORK is JSON: ``hidden_units`` of an mlp or null for the recipe's mnist_cnn, ``batch_size``,
``epochs``, ``seeds`` and ``threads``. DATA is an npz file of ``train_inputs``, ``train_labels``,
``validation_inputs`` and ``validation_labels``. The answer, on standard output, is JSON: for each
seed the seconds from building the network to the end of its training, and the processor seconds.
"""

import argparse
import json
import time
from importlib import import_module
from typing import Any

import numpy as np

#: Beside this file, which is run as a program and belongs to no package then.
keras_run: Any = import_module(f"{__package__}.keras_run" if __package__ else "keras_run")

_RECIPE = {
    "activation": "relu",
    "in_keras": {},
    "initializer": "glorot_uniform",
    "dropout": "dropout",
}


def network(keras: Any, hidden_units: list[int] | None, features: int, classes: int) -> Any:
    """Build the recipe's network, or an mlp of relu units."""
    if hidden_units is None:
        return keras_run.network(keras, _RECIPE)
    layers = [keras.layers.Dense(units, activation="relu") for units in hidden_units]
    output = keras.layers.Dense(classes, activation="softmax")
    return keras.Sequential([keras.Input((features,)), *layers, output])


def trained(keras: Any, work: dict[str, Any], data: dict[str, Any], seed: int) -> dict[str, float]:
    """Build, compile and train one network; tell what that took."""
    wall, processor = time.monotonic(), time.process_time()
    keras.utils.set_random_seed(seed)
    classes = data["train_labels"].shape[1]
    model = network(keras, work["hidden_units"], data["train_inputs"].shape[-1], classes)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3, clipvalue=0.5),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        data["train_inputs"],
        data["train_labels"],
        batch_size=work["batch_size"],
        epochs=work["epochs"],
        validation_data=(data["validation_inputs"], data["validation_labels"]),
        verbose=0,
    )
    keras.backend.clear_session()
    return {"wall": time.monotonic() - wall, "processor": time.process_time() - processor}


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", metavar="WORK", type=json.loads)
    parser.add_argument("data", metavar="DATA")
    given = parser.parse_args()
    work = given.work
    keras, _ = keras_run.engine(work["threads"])
    with np.load(given.data) as stored:
        data = dict(stored)
    for part in ("train", "validation"):
        inputs = data[f"{part}_inputs"]
        if inputs.ndim == 4 and work["hidden_units"] is None:
            data[f"{part}_inputs"] = inputs.transpose(0, 2, 3, 1)
        else:
            data[f"{part}_inputs"] = inputs.reshape(len(inputs), -1)
        data[f"{part}_labels"] = keras.utils.to_categorical(data[f"{part}_labels"])
    print(json.dumps([trained(keras, work, data, seed) for seed in work["seeds"]]))


if __name__ == "__main__":
    main()
