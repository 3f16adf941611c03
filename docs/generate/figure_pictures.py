"""``python -m docs.generate.figure_pictures``: draw the pictures of docs/figures.md anew.

Starts the service with data of its own, trains what the pictures show, and keeps what the service
draws of it. All of it takes about three minutes.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actinium import Client
from docs.generate.sample_service import sample_service

FOLDER = Path(__file__).parents[1] / "pictures"

_ADAM = {"name": "adam", "learning_rate": 0.01}
_NORMALS = [{"name": "normal", "stddev": stddev} for stddev in (0.01, 1)]
_LEARNING_RATES = [
    {"name": "sgd", "learning_rate": rate} for rate in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
]


def _digits(*units: int, **fields: Any) -> dict[str, Any]:
    return {"dataset": "digits", "model": {"name": "mlp", "hidden_units": list(units)}, **fields}


def _ball(activation: str, initializer: Any, layers: int, **fields: Any) -> dict[str, Any]:
    """Return a spec of one deep run, whose layers are worth looking at."""
    return {
        "dataset": {"name": "ball", "train_size": 1000, "test_size": 200},
        "model": {"name": "mlp", "hidden_units": [100] * layers},
        "activation": activation,
        "initializer": initializer,
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
        "batch_size": 16,
        "layer_statistics": {"every": 1},
        **fields,
    }


_README = _digits(
    *(32, 32), activation=["relu", "tanh", "sigmoid"], optimizer=_ADAM, epochs=5, seeds=3
)
_SIX = _digits(
    *(64, 64),
    name="six activations",
    activation=["relu", "leaky_relu", "elu", "selu", "tanh", "sigmoid"],
    epochs=5,
    seeds=5,
)
_GRID = _digits(
    *(64, 64, 64),
    activation=["relu", "elu", "gelu", "tanh", "sigmoid"],
    initializer=["he_normal", "glorot_uniform", *_NORMALS],
    epochs=10,
    seeds=3,
)
_TUNED = _digits(
    *(64, 64),
    name="four activations, six learning rates",
    activation=["relu", "elu", "tanh", "sigmoid"],
    optimizer=_LEARNING_RATES,
    epochs=10,
    seeds=3,
)
_FADING = {"name": "normal", "stddev": 0.05}
_MOONS = {
    "activation": "relu",
    "dataset": "moons",
    "model": {"name": "mlp", "hidden_units": [32, 32]},
    "optimizer": _ADAM,
    "batch_size": 16,
    "epochs": 16,
}
_CIRCLES = {**_MOONS, "dataset": "circles", "epochs": 100}


@dataclass(frozen=True)
class Picture:
    """A file, and what is drawn in it.

    Attributes:
        file: its name.
        spec: of the experiment.
        figure: the experiment's picture, or the picture of its one run.
        options: what the picture is asked for.
        of_run: whether it is a run's.
    """

    file: str
    spec: dict[str, Any]
    figure: str
    options: dict[str, Any] = field(default_factory=dict)
    of_run: bool = False


def _of_run(file: str, spec: dict[str, Any], figure: str, **options: Any) -> Picture:
    return Picture(file, spec, figure, options, of_run=True)


PICTURES = (
    Picture(
        "readme_comparison.png",
        _README,
        "comparison",
        {"title": "Three activations on digits, five epochs, three seeds"},
    ),
    Picture("comparison.png", _SIX, "comparison"),
    Picture(
        "learning_curves_left_out.png", _SIX, "learning_curves", {"leave_out": "activation:sigmoid"}
    ),
    Picture(
        "learning_curves_grid.png",
        _GRID,
        "learning_curves",
        {"title": "Digits, 64-64-64: five activations, four initializers"},
    ),
    Picture(
        "heatmap.png",
        _GRID,
        "heatmap",
        {"title": "Digits, 64-64-64: final validation accuracy and verdict"},
    ),
    Picture("tuning.png", _TUNED, "tuning"),
    _of_run("layers_healthy.png", _ball("relu", "he_normal", 5, epochs=0), "layers"),
    _of_run("layers_vanishing.png", _ball("tanh", _NORMALS[0], 5, epochs=0), "layers"),
    _of_run("layer_moments.png", _ball("tanh", _FADING, 8, epochs=5), "layer_moments"),
    _of_run(
        "gradient_flow.png", _digits(*[64] * 6, activation="sigmoid", epochs=20), "gradient_flow"
    ),
    _of_run("decision_boundary.png", _CIRCLES, "decision_boundary", theme="dark"),
    _of_run("outputs.png", _MOONS, "outputs"),
    _of_run(
        "decision_boundary.gif",
        {**_MOONS, "layer_statistics": {"every": 2}},
        "decision_boundary",
    ),
)


def main() -> None:
    """Train and draw them all."""
    prog = "python -m docs.generate.figure_pictures"
    argparse.ArgumentParser(prog=prog, description=__doc__).parse_args()
    with sample_service() as client:
        for picture in PICTURES:
            draw(client, picture)


def draw(client: Client, picture: Picture) -> None:
    """Train what a picture shows, and save it; what was trained before is not trained again.

    Raises:
        TimeoutError: it has not ended within ten minutes.
    """
    experiment = client.submit(picture.spec)
    client.wait(experiment, timeout=600, progress=False)
    kind = picture.file.rpartition(".")[2]
    if picture.of_run:
        run = next(client.runs(experiment))
        drawn = client.run_figure(run, picture.figure, kind=kind, **picture.options)
    else:
        drawn = client.figure(experiment, picture.figure, kind=kind, **picture.options)
    drawn.save(FOLDER / picture.file)


if __name__ == "__main__":
    main()
