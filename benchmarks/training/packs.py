"""Time packs of runs against the same runs one after the other.

    python -m benchmarks.training.packs [--sizes 1 8 32] [--rounds 3] [--device cpu] [--peak TFLOPS]

Each network is trained for one epoch as plain trainings, and in packs of each size; both take
turns in one process with one thread. A line tells the median time of a plain training, how many
times less a run takes in a pack of each size (the median of the rounds' ratios), and the runs a
second, plain and in packs. On a CPU all that is by processor time. On CUDA it is by the wall's,
mnist_cnn is among the networks, and where --peak gives what the device can do in float32, a further
line tells the share of it that is reached, plain and in packs.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch

from benchmarks.options import program
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.resolution import network_of
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.training import devices
from workers.training.packed.training import PackedTraining
from workers.training.solo import SoloTraining

MNIST = {"name": "mnist", "train_size": 4000, "test_size": 1000}
MLPS: list[dict[str, Any]] = [
    {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [8, 8]}, "batch_size": 32},
    {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [32, 32]}, "batch_size": 32},
    {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [64] * 3}, "batch_size": 64},
    {"dataset": MNIST, "model": {"name": "mlp", "hidden_units": [64, 64]}, "batch_size": 128},
    {"dataset": MNIST, "model": {"name": "mlp", "hidden_units": [128, 128]}, "batch_size": 128},
]
CNN: dict[str, Any] = {"dataset": MNIST, "model": "mnist_cnn", "batch_size": 128}


SIZES = {"cpu": [1, 8, 32], "cuda": [1, 8, 16, 32, 64]}


def main() -> None:
    """Print the table."""
    parser = program("benchmarks.training.packs", __doc__)
    shown = "; ".join(f"{device}: {' '.join(map(str, sizes))}" for device, sizes in SIZES.items())
    parser.add_argument("--sizes", type=int, nargs="+", help=f"runs of a pack ({shown})")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=tuple(SIZES), default="cpu")
    parser.add_argument("--peak", type=float, help="of the device in float32, TFLOP/s")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    sizes = arguments.sizes or SIZES[device.type]
    devices.prepare(device, 1)
    print(devices.describe(device))
    gains = "".join(f" {size:6}" for size in sizes)
    rates = "".join(f" {size:8}" for size in sizes)
    print(f"{'':<34} {'weights':>10} {'plain':>9}   gain at{gains}   runs/s plain and at{rates}")
    for spec in MLPS if device.type == "cpu" else [*MLPS, CNN]:
        compare(spec, sizes, arguments.rounds, device, arguments.peak)


def compare(
    spec: dict[str, Any], sizes: list[int], rounds: int, device: torch.device, peak: float | None
) -> None:
    """Time one network both ways and print its line."""
    runs = planned(spec, max(sizes))
    config = runs[0].config
    data = load(config.dataset).to(device)

    def plain() -> None:
        exhaust(SoloTraining(config, 0, data, device).run())

    def packed(size: int) -> Callable[[], None]:
        members = [(run.config, run.seed) for run in runs[:size]]
        return lambda: exhaust(PackedTraining(members, data, device).run())

    plain()
    # Seconds of a run, one value per round.
    alone: list[float] = []
    in_packs: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        alone.append(seconds(plain, device))
        for size in sizes:
            in_packs[size].append(seconds(packed(size), device) / size)
    network = network_of(config.dataset, config.model, config.activation)
    name = f"{config.dataset.name} {spec['model'] if isinstance(spec['model'], str) else ''}"
    name += "-".join(map(str, config.model.parameters.get("hidden_units", [])))
    gains = "".join(f" {gain(alone, pack):6.2f}" for pack in in_packs.values())
    rates = [1 / statistics.median(each) for each in (alone, *in_packs.values())]
    print(
        f"{name:<34} {network.parameters:>10,} {statistics.median(alone):8.3f}s          {gains}"
        f"            {''.join(f' {each:8.1f}' for each in rates)}",
        flush=True,
    )
    if peak is not None:
        flop = network.multiply_adds * (6 * len(data.train) + 2 * len(data.validation))
        shares = "".join(f" {flop * rate / peak / 1e12:8.1%}" for rate in rates)
        print(f"{'':<34} {'share of the peak':>{37 + 7 * len(sizes)}}{shares}", flush=True)


def in_bfloat16(members: int, rounds: int) -> tuple[list[float], list[float]]:
    """Time mlps of 128-128 on mnist in turns: alone in float32, and in one pack in bfloat16.

    Returns:
        Seconds of the processor for an epoch of a run, one value per round: alone, and in the pack.
    """
    cpu = torch.device("cpu")
    (lone,) = planned(MLPS[-1], 1)
    narrow = planned(MLPS[-1] | {"precision": "bfloat16"}, members)
    data = load(lone.config.dataset)

    def plain() -> None:
        exhaust(SoloTraining(lone.config, 0, data, cpu).run())

    def packed() -> None:
        exhaust(PackedTraining([(run.config, run.seed) for run in narrow], data, cpu).run())

    plain()
    turns = [(seconds(plain, cpu), seconds(packed, cpu) / members) for _ in range(rounds)]
    return [alone for alone, _ in turns], [pack for _, pack in turns]


def gain(alone: list[float], packed: list[float]) -> float:
    """Return how many times less a run takes in a pack: the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(alone, packed, strict=True))


def planned(spec: dict[str, Any], count: int) -> list[PlannedRun]:
    """Resolve one epoch of a network with so many seeds."""
    whole = spec | {"activation": "relu", "epochs": 1, "layer_statistics": "off", "seeds": count}
    return expand(ExperimentSpec.model_validate(whole), Limits())


def exhaust(results: Iterable[Any]) -> None:
    """Train to the end."""
    for _ in results:
        pass


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Time some work: of the processor, and with CUDA of the wall."""
    if device.type == "cpu":
        began = time.process_time()
        work()
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
