"""Time an epoch of the trainer against torch loops as tutorials write them.

    python -m benchmarks.training.epoch [--images 12000] [--rounds 3] [--threads 1 2]
                                      [--activation relu]
    python -m benchmarks.training.epoch --ablate [--images 2560] [--rounds 5] [--threads 1]

All train one mnist_cnn on real MNIST: Adam, batch 128, clipping by value 0.5, dropout. The
loops take turns in one process, so that a shared machine disturbs all alike (on a busy one take
few images and many rounds). After a first round that is not counted, the table gives the least
and the median seconds per epoch and the median and range of the ratios within a round. No loop
validates here; the last line gives the trainer's seconds for 10,000 validation images.

With ``--ablate`` each step of the trainer's loop is turned off alone (``training.ablation``).
"""

import statistics
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.options import program
from benchmarks.training.ablation import ablate, report
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from workers.datasets.dataset import Dataset
from workers.datasets.loading import load
from workers.training import devices
from workers.training.assembly import build_network
from workers.training.results import EpochResult
from workers.training.solo import train
from workers.training.streams import Streams

Batches = Iterable[tuple[Tensor, Tensor]]


def configuration(
    images: int, validated: int, activation: str, precision: str = "float32"
) -> RunConfig:
    """Resolve the recipe of the showdown for one epoch."""
    spec = {
        "activation": activation,
        "initializer": "glorot_uniform",
        "clipping": {"name": "value", "threshold": 0.5},
        "dropout": {"name": "dropout"},
        "layer_statistics": "off",
        "precision": precision,
        "dataset": {"name": "mnist", "train_size": images, "test_size": validated},
        "epochs": 1,
    }
    return expand(ExperimentSpec.model_validate(spec), Limits())[0].config


def trainer(images: int, validated: int, activation: str) -> float:
    """Return the seconds of one epoch of the trainer."""
    config = configuration(images, validated, activation)
    *_, last = train(config, 0, load(config.dataset), torch.device("cpu"))
    if not isinstance(last, EpochResult):
        raise TypeError(f"Expected an epoch's result at the end, not {last}.")
    return last.metrics["epoch_seconds"]


class TutorialNetwork(nn.Module):
    """The same network in plain torch: NCHW, activation before pooling, nn.Dropout."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            activation,
            nn.Conv2d(32, 64, 3),
            activation,
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(9216, 128),
            activation,
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


def tutorial(batches: Batches, activation: nn.Module) -> float:
    """Return the seconds of one epoch of the usual loop, with its two ``.item()`` a step."""
    network = TutorialNetwork(activation)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7)
    criterion = nn.CrossEntropyLoss()
    network.train()
    began = time.perf_counter()
    loss_sum, correct = 0.0, 0.0
    for images, labels in batches:
        optimizer.zero_grad()
        logits = network(images)
        loss = criterion(logits, labels)
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 0.5)
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
    return time.perf_counter() - began


def sliced(data: Dataset) -> Batches:
    """Return shuffled batches of 128 by indexing."""
    order = torch.randperm(len(data.train))
    for start in range(0, len(order), 128):
        chosen = order[start : start + 128]
        yield data.train.inputs[chosen], data.train.labels[chosen]


def loaded(data: Dataset) -> Batches:
    """Return shuffled batches of 128 by a DataLoader."""
    return DataLoader(
        TensorDataset(data.train.inputs, data.train.labels), batch_size=128, shuffle=True
    )


def compare(images: int, rounds: int, threads: int, activation: str) -> None:
    """Time the loops in turns and print one table."""
    devices.prepare(torch.device("cpu"), threads)
    config = configuration(images, 1, activation)
    data = load(config.dataset)
    plain = build_network(config, data, Streams(0)).get_submodule("activation_1")
    loops: dict[str, Callable[[], float]] = {
        "trainer": lambda: trainer(images, 1, activation),
        "tutorial loop, sliced batches": lambda: tutorial(sliced(data), plain),
        "tutorial loop, DataLoader": lambda: tutorial(loaded(data), plain),
    }
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for counted in range(rounds + 1):
        for name, loop in loops.items():
            took = loop()
            if counted:
                seconds[name].append(took)
    print(f"{activation}, {images:,} images, {threads} thread(s), {rounds} round(s)")
    for name, each in seconds.items():
        ratios = [other / base for other, base in zip(each, seconds["trainer"], strict=True)]
        print(
            f"  {name:<30} {min(each):7.2f} {statistics.median(each):7.2f} s"
            f"   x{statistics.median(ratios):.2f}  ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    validation = trainer(128, 10_000, activation)
    print(f"  {'trainer: validation of 10,000':<30} {validation:15.2f} s", flush=True)


def main() -> None:
    """Read the command line and print a table for each number of threads."""
    parser = program("benchmarks.training.epoch", __doc__)
    parser.add_argument("--images", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--activation", default="relu")
    arguments = parser.parse_args()
    print(devices.describe(torch.device("cpu")))
    for threads in arguments.threads:
        if arguments.ablate:
            images = arguments.images or 2560
            print(f"{arguments.activation}, {images:,} images, {threads} thread(s)")
            config = configuration(images, images // 4, arguments.activation)
            print(*report(ablate(config, arguments.rounds, threads)), sep="\n", flush=True)
        else:
            images = arguments.images or 12_000
            compare(images, arguments.rounds, threads, arguments.activation)


if __name__ == "__main__":
    main()
