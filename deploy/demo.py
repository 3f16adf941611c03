"""``make demo``: which activation learns MNIST fastest? Six of them, trained and ranked.

Starts the service (or uses the one `make up` runs), submits the activation showdown, shows
every run's progress from the event stream, prints the ranking and saves the learning curves.
"""

import argparse
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from actinium import ActiniumError, Client
from actinium.progress import run_bars
from deploy.embedded import EmbeddedServerError
from deploy.ranking import Ranked, rank, ranking_table, run_label
from deploy.stack import Stack, StackError, running_service
from service.figures.plots.learning_curves import Curve, Trace, learning_curves
from service.settings import Settings, get_settings

PICTURE = Path("demo") / "learning_curves.png"


def showdown(epochs: int, train_size: int, seeds: int) -> dict[str, Any]:
    """The spec: Keras' MNIST recipe with each activation; selu as its paper prescribes it.

    The test part is the validation set, as the recipe has it, in the proportion of the whole.
    """
    return {
        "name": "activation_showdown",
        "tags": {"made_by": "make demo"},
        "dataset": {
            "name": "mnist",
            "train_size": train_size,
            "test_size": min(10_000, max(1_000, train_size // 6)),
        },
        "clipping": {"name": "value", "threshold": 0.5},
        "batch_size": 128,
        "epochs": epochs,
        "seeds": seeds,
        "variants": [
            {
                "label": "glorot",
                "initializer": "glorot_uniform",
                "activation": [
                    "sigmoid",
                    "relu",
                    "elu",
                    {"name": "leaky_relu", "negative_slope": 0.2},
                    {"name": "gelu", "approximate": "tanh"},
                ],
            },
            {"label": "selu", "activation": "selu", "initializer": "lecun_normal"},
        ],
    }


def main() -> int:
    """Run the demonstration; return 0 when it came to its end."""
    arguments = _arguments()
    console = Console(highlight=False, soft_wrap=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as closing:
            client = _service(closing, console, get_settings())
            _demonstrate(client, console, arguments)
    except KeyboardInterrupt:
        console.print("\nStopped. What was trained is kept; `make demo` goes on from there.")
        return 130
    except (ActiniumError, StackError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--epochs", type=int, default=3, help="EPOCHS, %(default)s")
    parser.add_argument("--train-size", type=int, default=12_000, help="TRAIN_SIZE, %(default)s")
    parser.add_argument("--seeds", type=int, default=1, help="SEEDS, %(default)s")
    return parser.parse_args()


def _service(closing: ExitStack, console: Console, settings: Settings) -> Client:
    """Give a client of the running service, or of one started for this demonstration."""
    url = running_service(settings.home)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    if url is None:
        key = secrets.token_urlsafe(32)
        log = settings.home / "logs" / "demo.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        output = closing.enter_context(log.open("w", buffering=1))
        # Any free port: the demonstration needs no particular one.
        stack = Stack(
            settings.model_copy(update={"port": 0}),
            lambda name, line: print(f"{name:>9} {line}", file=output),
            api_key=key,
        )
        console.print(f"Starting PostgreSQL, Valkey, API, scheduler, workers (log: {log}) ...")
        closing.enter_context(stack)
        stack.wait_until_ready()
        url = stack.url
    return closing.enter_context(Client(url, key))


def _demonstrate(client: Client, console: Console, arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    spec = showdown(arguments.epochs, arguments.train_size, arguments.seeds)
    experiment = client.submit(spec)
    runs = list(client.runs(experiment, order_by="position"))
    reused = sum(run["reused_from"] is not None for run in runs)
    console.print(f"Experiment {experiment['id']}: {len(runs)} runs on real MNIST.")
    if reused:
        console.print(f"{reused} of them were already trained; their histories are reused.")
    with_seed = len({run["seed"] for run in runs}) > 1
    with run_bars(console, runs, lambda run: run_label(run, with_seed=with_seed)) as bars:
        for event in client.events(experiment):
            bars.show(event)

    runs = list(client.runs(experiment, order_by="position"))
    histories = {each["run_id"]: each["metrics"] for each in client.histories(experiment)}
    ranked = rank(runs, histories)
    console.print(ranking_table(ranked))
    _save_picture(ranked, histories, arguments)
    console.print(f"Learning curves: {PICTURE.absolute()}")
    console.print(f"Done in {time.monotonic() - started:.0f} s. Everything is kept. Look again:")
    console.print("  make up")
    console.print(f"  curl -s http://127.0.0.1:8000/v1/experiments/{experiment['id']}")


def _save_picture(
    ranked: list[Ranked], histories: dict[str, Any], arguments: argparse.Namespace
) -> None:
    curves = [
        Curve(
            {"activation": each.label},
            {
                name: Trace.over([_numbers(histories[run][name]) for run in each.run_ids])
                for name in ("val_accuracy", "val_loss")
            },
            runs=len(each.statuses),
            diverged=each.statuses.count("diverged"),
        )
        for each in ranked
    ]
    title = (
        f"Activation showdown: mnist_cnn, {arguments.train_size:,} training images, "
        f"{arguments.seeds} seed{'s' if arguments.seeds > 1 else ''}"
    )
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(learning_curves(curves, title=title))


def _numbers(values: list[float | str | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


if __name__ == "__main__":
    sys.exit(main())
