"""What each step of the lean loop is worth: each turned off alone, against the loop as it is.

    python -m benchmarks.training.epoch --ablate [--images 2560] [--rounds 5] [--threads 1]

One process, in turns; printed is the median and range of the ratios within a round, in processor
time, which a busy machine disturbs least. Each plain form computes what the trick computes.
"""

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset
from workers.datasets.loading import load
from workers.nn.clippings import Clipped
from workers.nn.dropouts import Dropout
from workers.training import devices, solo
from workers.training.solo import SoloTraining

_CPU = torch.device("cpu")

Change = Callable[[SoloTraining], AbstractContextManager[None]]


def ablate(config: RunConfig, rounds: int, threads: int) -> dict[str, list[float]]:
    """Return for each step left out its ratios to the loop as it is, one per round."""
    devices.prepare(_CPU, threads)
    data = load(config.dataset)
    seconds: dict[str, list[float]] = {name: [] for name in CHANGES}
    for counted in range(rounds + 1):
        for name, change in CHANGES.items():
            took = _epoch(config, data, change)
            if counted:
                seconds[name].append(took)
    whole = seconds.pop(WHOLE)
    return {
        name: [each / base for each, base in zip(values, whole, strict=True)]
        for name, values in seconds.items()
    }


def _epoch(config: RunConfig, data: Dataset, change: Change) -> float:
    """Return the processor seconds of one epoch, its validation included."""
    training = SoloTraining(config, 0, data, _CPU)
    with change(training):
        began = time.process_time()
        for _ in training.run():
            pass
        return time.process_time() - began


def _as_it_is(_: SoloTraining) -> AbstractContextManager[None]:
    return nullcontext()


@contextmanager
def _loader(training: SoloTraining) -> Iterator[None]:
    """Gather batches sample by sample, as a DataLoader does."""
    part = training.data.train
    samples = TensorDataset(part.inputs, part.labels)
    order = training.streams.order(1, len(part)).tolist()
    batches = iter(DataLoader(samples, training.config.batch_size, sampler=order))

    batch: list[Tensor] = []

    def inputs(*_: object) -> Tensor:
        batch[:] = next(batches)
        return batch[0]

    with (
        patch.object(part.inputs, "index_select", inputs),
        patch.object(part.labels, "index_select", lambda *_: batch[1]),
    ):
        yield


@contextmanager
def _channels_first(training: SoloTraining) -> Iterator[None]:
    training.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    yield


@contextmanager
def _synchronous(training: SoloTraining) -> Iterator[None]:
    """Read loss and metrics as numbers at each step."""
    take = training.train_step

    def step(samples: Tensor) -> None:
        take(samples)
        training.sums.tolist()

    with patch.object(training, "train_step", step):
        yield


@contextmanager
def _eager_adam(training: SoloTraining) -> Iterator[None]:
    (group,) = training.optimizer.param_groups
    training.optimizer = torch.optim.Adam(
        group["params"], group["lr"], group["betas"], group["eps"], foreach=False, fused=False
    )
    yield


@contextmanager
def _clip_one_by_one(training: SoloTraining) -> Iterator[None]:
    threshold = training.config.clipping.parameters["threshold"]

    def clip(network: nn.Module) -> Clipped:
        gradients = [
            parameter.grad for parameter in network.parameters() if parameter.grad is not None
        ]
        norm = torch.stack([each.double().norm() for each in gradients]).norm()
        over = torch.stack([(each.abs() > threshold).any() for each in gradients]).any()
        for gradient in gradients:
            gradient.clamp_(-threshold, threshold)
        return Clipped(norm, over)

    training.clip = clip
    yield


@contextmanager
def _activation_first(training: SoloTraining) -> Iterator[None]:
    for layer in training.network.hidden_layers():
        layer.activation.monotone = False
    yield


@contextmanager
def _stock_dropout(_: SoloTraining) -> Iterator[None]:
    def drop(layer: Dropout, x: Tensor, keys: object) -> Tensor:
        return F.dropout(x, 1 - layer.keep, training=keys is not None)

    with patch.object(Dropout, "forward", drop):
        yield


def _evaluating(size: int) -> Change:
    return lambda _: patch.dict(solo.EVALUATION_BATCH, cpu=size)


@contextmanager
def _memory_given_back(_: SoloTraining) -> Iterator[None]:
    """Set the thresholds that glibc comes to by itself once it has freed a block of 32 MB."""
    library = ctypes.CDLL(None)
    library.mallopt(devices.MMAP_THRESHOLD, 32 * 2**20)
    library.mallopt(devices.TRIM_THRESHOLD, 64 * 2**20)
    yield
    devices.prepare(_CPU)


WHOLE = "the loop as it is"
CHANGES: dict[str, Change] = {
    WHOLE: _as_it_is,
    "memory given back after each step": _memory_given_back,
    "batches from a DataLoader": _loader,
    "channels first in memory (NCHW)": _channels_first,
    "numbers read at each step (.item())": _synchronous,
    "eager Adam, parameter by parameter": _eager_adam,
    "clipping parameter by parameter": _clip_one_by_one,
    "activation before the pooling": _activation_first,
    "torch's dropout masks": _stock_dropout,
    "validation in batches of 1,000": _evaluating(1000),
    "validation in batches of 128": _evaluating(128),
}


def report(ratios: dict[str, list[float]]) -> Iterator[str]:
    """Return the lines of a markdown table."""
    yield "| left out or put otherwise | processor time against the loop as it is |"
    yield "|---|---|"
    for name, each in ratios.items():
        yield f"| {name} | x{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f}) |"
