"""``python -m docs.generate.verdict_pictures``: draw the pictures of docs/diagnoses.md anew.

Starts the service with data of its own, trains a network for each verdict, and keeps what the
service draws of it, for a light and for a dark ground.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from actinium import Client
from docs.generate.sample_service import sample_service

FOLDER = Path(__file__).parents[1] / "pictures" / "verdicts"

#: Five hidden layers, few enough units that a picture stays small.
_BLOCK: dict[str, Any] = {
    "dataset": {"name": "ball", "train_size": 1000, "test_size": 200},
    "model": {"name": "mlp", "hidden_units": [100] * 5},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "batch_size": 16,
    "epochs": 5,
    "layer_statistics": {"every": 1},
}


@dataclass(frozen=True)
class Example:
    """A network with a verdict, and the picture that shows it.

    Attributes:
        spec: of one run.
        figure: the run's picture.
        options: what the picture is asked for.
    """

    spec: dict[str, Any]
    figure: str = "layers"
    options: dict[str, Any] = field(default_factory=lambda: {"epoch": 0})


def _block(activation: str, initializer: Any, **fields: Any) -> dict[str, Any]:
    return {**_BLOCK, "activation": activation, "initializer": initializer, **fields}


def _normal(stddev: float) -> dict[str, Any]:
    return {"name": "normal", "stddev": stddev}


EXAMPLES: dict[str, Example] = {
    "healthy": Example(_block("relu", "he_normal")),
    "vanishing": Example(_block("tanh", _normal(0.01))),
    "exploding": Example(
        _block("relu", _normal(0.5), optimizer={"name": "sgd", "learning_rate": 1e-5})
    ),
    "saturated": Example(_block("tanh", _normal(1))),
    "dead": Example(
        _block("relu", "he_normal", bias_initializer={"name": "constant", "value": -5})
    ),
    "symmetric": Example(_block("tanh", {"name": "constant", "value": 0.01}), options={"epoch": 5}),
    "diverged": Example(
        _block(
            "relu",
            "he_normal",
            optimizer={"name": "sgd", "learning_rate": 2},
            batch_size=1000,  # a step an epoch, so that each can be seen
            epochs=40,
        ),
        figure="gradient_flow",
        options={},
    ),
}


def main() -> None:
    """Draw them all; whatever has not its verdict is told and not drawn."""
    prog = "python -m docs.generate.verdict_pictures"
    argparse.ArgumentParser(prog=prog, description=__doc__).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sample_service() as client:
        for verdict, example in EXAMPLES.items():
            draw(client, verdict, example)


def train(client: Client, example: Example) -> Any:
    """Train an example's network; give its run.

    Raises:
        TimeoutError: it has not ended within two minutes.
    """
    experiment = client.submit(example.spec)
    client.wait(experiment, timeout=120, progress=False)
    return next(client.runs(experiment))


def draw(client: Client, verdict: str, example: Example) -> None:
    """Save an example's picture in both themes, or exit where the run shows something else."""
    run = train(client, example)
    diagnosis = run["diagnosis"]
    shown = {diagnosis["outcome"], diagnosis["verdict"]}
    shown.update(finding["kind"] for finding in diagnosis["findings"])
    if verdict not in shown:
        sys.exit(f"The example of {verdict} shows {shown}: {diagnosis['findings']}")
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:
        figure = client.run_figure(run, example.figure, theme=theme, **example.options)
        figure.save(FOLDER / f"{verdict}_{theme}.svg")


if __name__ == "__main__":
    main()
