"""``make demo``: which activation learns MNIST fastest? Six of them, trained and ranked.

Starts the service, or uses the one that `make up` runs. Everything else goes through the client:
submit the experiment, follow its runs, print the ranking, save the learning curves, and say why
sigmoid does not learn.
"""

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from actinium import ActiniumError, Client
from actinium.command.metrics import Metrics
from actinium.command.ranking import comparison_table
from actinium.progress import run_bars
from actinium.types import Run
from deploy.embedded import EmbeddedServerError
from deploy.embedded.ports import reachable_host
from deploy.service_log import ServiceLog
from deploy.stack import Stack, StackError, running_service
from deploy.terminal import Terminal
from service.settings import Settings, SettingsError, get_settings

FIGURE = Path("demo") / "learning_curves.png"

#: MNIST has ten classes: a network below this validation accuracy does not tell them apart.
_CHANCE = 0.15


def showdown(epochs: int, train_size: int, seeds: int) -> dict[str, Any]:
    """Return the spec: Keras' MNIST recipe with five activations, and selu as in its paper.

    The test samples are the validation set, as in the recipe, one per six training samples.
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
                "label": "Glorot",
                "initializer": "glorot_uniform",
                "activation": [
                    "sigmoid",
                    "relu",
                    "elu",
                    {"name": "leaky_relu", "negative_slope": 0.2},
                    {"name": "gelu", "approximate": "tanh"},
                ],
            },
            {"label": "LeCun", "activation": "selu", "initializer": "lecun_normal"},
        ],
    }


def main() -> int:
    """Run the demonstration; return 0 after success, 1 after an error, 130 after Ctrl-C."""
    arguments = _arguments()
    console = Terminal().console
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    try:
        settings = get_settings()
        url = running_service(settings.home)
        with ExitStack() as closing:
            client = _client(url, settings) if url else _own_service(closing, console, settings)
            closing.enter_context(client)
            experiment_id = _demonstrate(client, console, arguments)
    except KeyboardInterrupt:
        console.print("\nStopped. Finished epochs are kept; `make demo` continues from there.")
        return 130
    except (ActiniumError, SettingsError, StackError, EmbeddedServerError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    console.print(f"Done in {time.monotonic() - started:.0f} s. Everything is kept.")
    if url is None:
        url = f"http://{reachable_host(settings.host)}:{settings.port}"
        console.print("`make up` serves it again, with a page:")
    console.print(f"{url}/#/experiments/{experiment_id}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--epochs", type=int, default=3, help="EPOCHS, %(default)s")
    parser.add_argument("--train-size", type=int, default=12_000, help="TRAIN_SIZE, %(default)s")
    parser.add_argument("--seeds", type=int, default=1, help="SEEDS, %(default)s")
    return parser.parse_args()


def _client(url: str, settings: Settings) -> Client:
    """Return a client of the running service."""
    return Client(url, settings.api_key.get_secret_value() if settings.api_key else None)


def _own_service(closing: ExitStack, console: Console, settings: Settings) -> Client:
    """Start a service until ``closing`` is closed; return a client of it."""
    key = secrets.token_urlsafe(32)
    log = ServiceLog(settings.home)
    closing.callback(log.close)
    console.print(f"Starting PostgreSQL, Valkey, API, scheduler, workers (log: {log.path}) ...")
    # Any free port will do.
    stack = Stack(settings.model_copy(update={"port": 0}), log.write, api_key=key)
    closing.enter_context(stack)
    stack.wait_until_ready()
    return Client(stack.url, key)


def _demonstrate(client: Client, console: Console, arguments: argparse.Namespace) -> str:
    """Train the showdown and show its results; return the experiment's id."""
    spec = showdown(arguments.epochs, arguments.train_size, arguments.seeds)
    experiment = client.submit(spec)
    runs = list(client.runs(experiment, order_by="position"))
    console.print(f"Experiment {experiment['id']}: {len(runs)} runs on real MNIST.")
    reused = sum(run["reused_from"] is not None for run in runs)
    if reused:
        console.print(f"{reused} of them were already trained; their histories are reused.")
    with run_bars(console, runs) as bars:
        for event in client.events(experiment):
            bars.show(event)

    comparison = client.comparison(experiment, by=["activation", "initializer"])
    console.print()
    console.print(comparison_table(comparison, Metrics(client)))
    reason = why_sigmoid_fails(client.runs(experiment, activation="sigmoid"))
    if reason is not None:
        console.print(reason)
    FIGURE.parent.mkdir(exist_ok=True)
    client.figure(experiment, "learning_curves", kind="png", by=["activation"]).save(FIGURE)
    console.print(f"Learning curves: {FIGURE.absolute()}")
    return experiment["id"]


def why_sigmoid_fails(runs: Iterable[Run]) -> str | None:
    """Return why sigmoid did not learn, in one line; None if it did learn.

    Args:
        runs: the runs with sigmoid.
    """
    for run in runs:
        final, diagnosis = run["final"], run["diagnosis"]
        accuracy = final and final["val_accuracy"]
        if accuracy is None or accuracy >= _CHANCE or diagnosis is None:
            continue
        # The finding behind the verdict, rather than a remark.
        findings = sorted(
            diagnosis["findings"], key=lambda finding: finding["kind"] != diagnosis["verdict"]
        )
        if findings:
            verdict = (diagnosis["verdict"] or findings[0]["kind"]).replace("_", " ")
            return f"Why sigmoid stays at {accuracy:.0%} ({verdict}): {findings[0]['explanation']}"
    return None


if __name__ == "__main__":
    sys.exit(main())
