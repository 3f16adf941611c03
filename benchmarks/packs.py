"""Time packs of runs against the same runs one after the other.

    python -m benchmarks.packs [--sizes 1 8 32] [--rounds 3] [--device cpu]

Each network is trained for one epoch as plain trainings, and in packs of each size; both take
turns in one process with one thread. The table gives the plain training's processor time for one
run, and how many times less a run takes in a pack (the median of the rounds' ratios). On CUDA it
is the wall's time, mnist_cnn is among the networks, and the share of the device's peak is told
where --peak gives it in TFLOP/s.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch

from service.door import Limits
from service.expansion import PlannedRun, expand
from service.resolution import network_of, training_samples
from service.spec import ExperimentSpec
from workers.datasets import load
from workers.training import devices
from workers.training.packs import PackedTraining
from workers.training.trainer import Training

MNIST = {"name": "mnist", "train_size": 4000, "test_size": 1000}
MLPS: list[dict[str, Any]] = [
    {"dataset": "circles", "model": {"name": "mlp", "hidden_units": [8, 8]}, "batch_size": 32},
    {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [32, 32]}, "batch_size": 32},
    {"dataset": "digits", "model": {"name": "mlp", "hidden_units": [64] * 3}, "batch_size": 64},
    {"dataset": MNIST, "model": {"name": "mlp", "hidden_units": [64, 64]}, "batch_size": 128},
    {"dataset": MNIST, "model": {"name": "mlp", "hidden_units": [128, 128]}, "batch_size": 128},
]
CNN: dict[str, Any] = {"dataset": MNIST, "model": "mnist_cnn", "batch_size": 128}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--peak", type=float, help="of the device in float32, TFLOP/s")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    devices.prepare(device, 1)
    print(devices.describe(device))
    print(f"{'network':<34} {'parameters':>10} {'plain':>9}   gain at", *arguments.sizes)
    for spec in MLPS if device.type == "cpu" else [*MLPS, CNN]:
        compare(spec, arguments.sizes, arguments.rounds, device, arguments.peak)


def compare(
    spec: dict[str, Any], sizes: list[int], rounds: int, device: torch.device, peak: float | None
) -> None:
    """Time one network both ways and print its line."""
    runs = planned(spec, max(sizes))
    config = runs[0].config
    data = load(config.dataset).to(device)

    def plain() -> None:
        exhaust(Training(config, 0, data, device).run())

    def packed(size: int) -> Callable[[], None]:
        members = [(each.config, each.seed) for each in runs[:size]]
        return lambda: exhaust(PackedTraining(members, data, device).run())

    plain()
    alone, gains = [], {size: [] for size in sizes}
    for _ in range(rounds):
        alone.append(seconds(plain, device))
        for size in sizes:
            gains[size].append(alone[-1] / (seconds(packed(size), device) / size))
    network = network_of(config.dataset, config.model, config.activation)
    name = f"{config.dataset.name} {spec['model'] if isinstance(spec['model'], str) else ''}"
    name += "-".join(map(str, config.model.parameters.get("hidden_units", [])))
    shown = "".join(f" {statistics.median(gains[size]):6.2f}" for size in sizes)
    print(f"{name:<34} {network.parameters:>10,} {min(alone):8.3f}s  {shown}", flush=True)
    if peak is not None:
        flop = 6 * network.multiply_adds * training_samples(config.dataset)
        reached = max(flop * each / min(alone) for each in map(statistics.median, gains.values()))
        print(f"{'':<34} {reached / peak / 1e12:.1%} of the peak at the best size")


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
