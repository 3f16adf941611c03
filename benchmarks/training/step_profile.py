"""What one step of the recipe's training is made of, and how near to the processor's peak it is.

    python -m benchmarks.training.step_profile [--steps 40] [--precision bfloat16]
    python -m benchmarks.training.step_profile --settings [--rounds 3]

One mnist_cnn on MNIST (batch 128, relu, clipping by value, dropout, Adam) and one thread. First
comes the processor time of a step as it is, then that of its parts: torch's operations as they are
dispatched, by their names and shapes, and dropout, clipping and Adam as they are called. All are
medians over the steps, in processor time: torch's profiler tells the time on the clock, in which a
busy machine's waits are. GFLOP/s of the products stand beside those of sgemm in the same process.
conv_2's backward is one operation; its two products are timed alone besides.

With ``--settings`` the two settings of a worker's process that decide no bit, each in fresh
processes with it and without: page faults where freed memory stays with the process or goes back,
and an mlp's epoch on two threads that sleep or spin while they wait (OMP_WAIT_POLICY and
GOMP_SPINCOUNT).
"""

import os
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.options import program
from benchmarks.training.epoch import configuration
from benchmarks.training.packs import planned
from workers.datasets.loading import load
from workers.nn.dropouts import Dropout
from workers.nn.pooling import Pooling, _Largest
from workers.training import devices
from workers.training.solo import SoloTraining

T = TypeVar("T")

_CPU = torch.device("cpu")
_BATCH, _WARM = 128, 5
_CONVOLUTIONS = {32: "conv_1", 64: "conv_2"}  # by their channels
#: Operations whose name alone says what part of a step they are.
_NAMED = {
    "aten::relu": "relu of conv_1 and dense_1, both ways",
    "aten::threshold_backward": "relu of conv_1 and dense_1, both ways",
}
_POOLING = "max-pooling with relu, both ways"
#: Where dense_1's inputs are.
_DENSE = ("aten::addmm", "aten::mm", "mkldnn::_linear_pointwise")
_REST = "the rest"
_MLP = {"dataset": {"name": "mnist", "train_size": 12_000, "test_size": 1000}, "batch_size": 128}


def new_training(steps: int, precision: str = "float32") -> tuple[SoloTraining, list[Tensor]]:
    """Return a training of the recipe, some steps in, and the samples of its next so many steps."""
    images = _BATCH * (_WARM + steps)
    config = configuration(images, _BATCH, "relu", precision)
    training = SoloTraining(config, 0, load(config.dataset), _CPU)
    batches = list(torch.split(training.streams.order(1, images), _BATCH))
    training.network.train()
    for samples in batches[:_WARM]:
        training.train_step(samples)
    return training, batches[_WARM:]


class Clock(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the processor milliseconds of each part; as a context, of torch's operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.took: dict[str, float] = defaultdict(float)

    def timed(self, part: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return some work that counts as a part."""

        def timed(*arguments: Any, **named: Any) -> T:
            began = time.process_time()
            result = work(*arguments, **named)
            self.took[part] += 1000 * (time.process_time() - began)
            return result

        return timed

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation, and count it where it is a part."""
        part = _part(func.name().partition(".")[0], args)
        return (self.timed(part, func) if part else func)(*args, **(kwargs or {}))


def _part(operation: str, args: tuple[Any, ...]) -> str | None:
    if operation == "aten::convolution":
        return f"{_CONVOLUTIONS[len(args[1])]} forward"
    if operation == "aten::convolution_backward":
        return f"{_CONVOLUTIONS[len(args[2])]} backward"
    if operation in _DENSE:
        wide = any(9216 in argument.shape for argument in args)
        return "dense_1, three products" if wide else None
    return _NAMED.get(operation)


def parts(steps: int, precision: str) -> dict[str, float]:
    """Return the processor milliseconds of each part of a step, medians over so many steps."""
    training, batches = new_training(3 * steps, precision)
    whole, found = [], []
    for samples in batches[:steps]:
        whole.append(_processor_milliseconds(training.train_step, samples))
    for samples in batches[steps : 2 * steps]:
        with Clock() as clock:
            training.train_step(samples)
        found.append(clock.took)
    for samples in batches[2 * steps :]:
        found.append(_called(training, samples))
    names = {name: None for each in found for name in each}
    middle = {
        name: statistics.median(each[name] for each in found if name in each) for name in names
    }
    return middle | {_REST: statistics.median(whole) - sum(middle.values())}


def _called(training: SoloTraining, samples: Tensor) -> dict[str, float]:
    """Take a step and time what is not one operation of torch's."""
    clock = Clock()
    drop = clock.timed("dropout with its masks, forward", Dropout.forward)
    pool = clock.timed(_POOLING, Pooling.activated)
    unpool = clock.timed(_POOLING, _Largest.backward)
    with ExitStack() as stack:
        for whose, name, part in (
            (training, "clip", "clipping, with its norms"),
            (training.optimizer, "step", "Adam"),
        ):
            timed = clock.timed(part, getattr(whose, name))
            stack.enter_context(patch.object(whose, name, timed))
        stack.enter_context(patch.object(Dropout, "forward", drop))
        stack.enter_context(patch.object(Pooling, "activated", pool))
        stack.enter_context(patch.object(_Largest, "backward", staticmethod(unpool)))
        training.train_step(samples)
    return clock.took


def products_alone(rounds: int, precision: str) -> dict[str, float]:
    """Return the processor milliseconds of conv_2's backward products, each computed alone."""
    x, weights, gradient = (
        devices.products_of(precision, _CPU).operand(each).to(memory_format=torch.channels_last)
        for each in (
            torch.randn(_BATCH, 32, 26, 26),
            torch.randn(64, 32, 3, 3),
            torch.randn(_BATCH, 64, 24, 24),
        )
    )
    form = ([64], (1, 1), (0, 0), (1, 1), False, (0, 0), 1)

    def backward(wanted: list[bool]) -> None:
        torch.ops.aten.convolution_backward(gradient, x, weights, *form, wanted)

    return {
        "its inputs": _least(lambda: backward([True, False, False]), rounds),
        "its weights": _least(lambda: backward([False, True, False]), rounds),
    }


def sgemm(rounds: int) -> Iterator[tuple[int, float]]:
    """Return GFLOP/s of square float32 products, by their size."""
    for size in (512, 1024, 2048):
        a, b = torch.randn(size, size), torch.randn(size, size)
        milliseconds = _least(lambda a=a, b=b: torch.mm(a, b), rounds)  # type: ignore[misc]
        yield size, 2 * size**3 / milliseconds / 1e6


def _least(work: Callable[[], object], rounds: int) -> float:
    return min(_processor_milliseconds(work) for _ in range(rounds + 1))


def _processor_milliseconds(work: Callable[..., object], *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)
    return 1000 * (time.process_time() - began)


def gflop() -> dict[str, float]:
    """Return the work of the parts that are products."""
    convolution = 2 * _BATCH * 24 * 24 * 64 * 32 * 9 / 1e9
    return {
        "conv_2 forward": convolution,
        "conv_2 backward": 2 * convolution,
        "its inputs": convolution,
        "its weights": convolution,
        "dense_1, three products": 3 * 2 * _BATCH * 9216 * 128 / 1e9,
    }


def report(steps: int, precision: str) -> Iterator[str]:
    """Return the lines of the table of a step."""
    yield ", ".join(f"sgemm of {size}: {each:.0f} GFLOP/s" for size, each in sgemm(steps))
    found, alone, work = parts(steps, precision), products_alone(steps, precision), gflop()
    whole = sum(found.values())
    yield f"| part of a step | ms of {whole:.1f}, processor time | GFLOP/s | share |"
    yield "|---|---|---|---|"
    for part, milliseconds in sorted(found.items(), key=lambda each: -each[1]):
        rate = f"{1000 * work[part] / milliseconds:.0f}" if part in work else ""
        yield f"| {part} | {milliseconds:.1f} | {rate} | {milliseconds / whole:.0%} |"
        if part == "conv_2 backward":
            for each, took in alone.items():
                yield f"| {each}, alone | {took:.1f} | {1000 * work[each] / took:.0f} | |"
    products = sum(found[part] for part in found if part in work)
    yield (
        f"Products are {products / whole:.0%} of a step; were the rest free, it would be "
        f"{whole / products:.2f} times as fast."
    )


def faults(keep: bool, steps: int) -> tuple[int, float]:
    """Return the page faults of so many steps in this process, and their processor seconds."""
    torch.set_num_threads(1)
    if keep:
        devices.prepare(_CPU)
    training, batches = new_training(steps)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.process_time()
    for samples in batches:
        training.train_step(samples)
    took = time.process_time() - began
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, took


def mlp_epoch() -> tuple[float, float]:
    """Return the seconds of an mlp's epoch on two threads: on the clock, and of the processor.

    The second of two like trainings: the first of a process also imports.
    """
    devices.prepare(_CPU, 2)
    spec = _MLP | {"model": {"name": "mlp", "hidden_units": [128, 128]}}
    (run,) = planned(spec, 1)
    data = load(run.config.dataset)
    for _ in range(2):
        training = SoloTraining(run.config, 0, data, _CPU)
        wall, processor = time.perf_counter(), time.process_time()
        for _ in training.run():
            pass
    return time.perf_counter() - wall, time.process_time() - processor


def report_settings(steps: int, rounds: int) -> Iterator[str]:
    """Return a line for each setting and round, with it and without in turns."""
    policies = {
        "spin": {},
        "spin for some microseconds": {"GOMP_SPINCOUNT": "1000"},
        "sleep (PASSIVE)": {"OMP_WAIT_POLICY": "PASSIVE"},
    }
    for _ in range(rounds):
        for keep in (False, True):
            count, seconds = _fresh(faults, keep, steps)
            how = "stays" if keep else "goes back"
            yield f"Memory {how}: {count:,} page faults in {steps} steps, {seconds:.2f} s"
        for how, variables in policies.items():
            wall, processor = _fresh(mlp_epoch, variables=variables)
            yield f"Threads {how}: an mlp's epoch {wall:.2f} s, of the processor {processor:.2f} s"


def _fresh(
    work: Callable[..., T], *arguments: object, variables: dict[str, str] | None = None
) -> T:
    """Do some work in a process of its own."""
    without = {name: each for name, each in os.environ.items() if not name.startswith("OMP_")}
    with (
        patch.dict(os.environ, without | (variables or {}), clear=True),
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
    ):
        return pool.submit(work, *arguments).result()


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.training.step_profile", __doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--rounds", type=int, default=3, help="of fresh processes")
    parser.add_argument("--settings", action="store_true", help="the settings of a process")
    options = parser.parse_args()
    devices.prepare(_CPU, 1)
    print(devices.describe(_CPU), flush=True)
    if options.settings:
        lines = report_settings(options.steps, options.rounds)
    else:
        lines = report(options.steps, options.precision)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
