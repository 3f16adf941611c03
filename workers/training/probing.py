"""Probing: at which epochs a run's layer statistics are taken, and on how many samples.

Layer statistics explain a run. Taking them may fail without failing the run: the failure is logged,
and that epoch has no statistics.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from service.specs.probes import probed_epochs, probed_samples
from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset, Part
from workers.diagnostics.boundary import SIZE, SMALL_SIZE, decision_boundary
from workers.diagnostics.distributions import Distribution, Gathering
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.outputs import OutputGathering, Outputs
from workers.diagnostics.probe import Probe
from workers.nn.losses import Loss
from workers.nn.models import Network
from workers.training.remarks import or_none
from workers.training.results import Pulse

#: Validation samples that go through the network at once.
_AT_ONCE = 200


@dataclass(frozen=True)
class Probing:
    """A run's probes.

    Attributes:
        samples: how many training samples are probed, from the first.
        epochs: the epochs at whose end they are probed; 0 is before the first step.
    """

    samples: int
    epochs: frozenset[int]

    def at(self, epoch: int, *, ending: bool = False) -> bool:
        """Whether statistics are taken at an epoch; ``ending``: the run ends in it."""
        return epoch in self.epochs or (ending and bool(self.epochs))


def probing_of(config: RunConfig, trained: int) -> Probing:
    """Return a configuration's probes, by its ``layer_statistics``.

    Args:
        config: of the run.
        trained: samples that an epoch trains on.
    """
    wanted = config.layer_statistics
    if wanted == "off":
        return Probing(0, frozenset())
    epochs = probed_epochs(wanted, config.epochs, trained)
    return Probing(probed_samples(wanted, trained), epochs)


def probed(
    network: Network,
    loss: Loss,
    data: Dataset,
    samples: int,
    pulse: Callable[[], Iterator[Pulse]],
    *,
    first: bool,
    last: bool,
    validated: Sequence[Tensor] | None = None,
) -> Generator[Pulse, None, NetworkStatistics | None]:
    """Return the layer statistics of a network's present weights, without changing the training.

    None, with a log line, where they cannot be taken.

    Args:
        network: on the device of the data.
        loss: of the run.
        data: of the run.
        samples: how many training samples are probed, from the first.
        pulse: yields a pulse if one is due; called between chunks of samples.
        first: whether this is before the first step; then the statistics include the inputs.
        last: whether the run ends here; then the statistics include the outputs on the validation
            part, and the decision boundary (for data with two features) has its finer grid. Of
            targets that are numbers there is neither.
        validated: the network's outputs on the validation part, chunk after chunk, where its
            evaluation has kept them; otherwise they are computed.
    """
    part = data.train
    probe = or_none(
        "layer statistics",
        lambda: Probe(
            network,
            loss.function,
            samples,
            label_smoothing=loss.label_smoothing,
            task=loss.task,
        ),
    )
    if probe is None:
        return None
    for chunk in probe.chunks():
        if not or_none("layer statistics", partial(_add, probe, part, chunk)):
            return None
        if chunk.stop < samples:
            yield from pulse()
    statistics = or_none("layer statistics", probe.statistics)
    if statistics is None:
        return None
    if first:
        inputs = or_none("inputs", lambda: _distribution(part.inputs[:samples]))
        statistics = replace(statistics, inputs=inputs)
    if loss.task == "regression":
        return statistics
    boundary = or_none(
        "decision boundary",
        lambda: decision_boundary(
            network, part.inputs, part.labels, size=SIZE if last else SMALL_SIZE
        ),
    )
    statistics = replace(statistics, boundary=boundary)
    if not last:
        return statistics
    outputs = yield from _outputs(network, loss, data, pulse, validated)
    return replace(statistics, outputs=outputs)


def _outputs(
    network: Network,
    loss: Loss,
    data: Dataset,
    pulse: Callable[[], Iterator[Pulse]],
    validated: Sequence[Tensor] | None,
) -> Generator[Pulse, None, Outputs | None]:
    """Return the network's outputs on the validation part; None where they cannot be taken."""
    part = data.validation
    gathering = or_none("outputs", lambda: OutputGathering(loss.per_sample, data.classes))
    if gathering is None:
        return None
    logits = iter(validated) if validated else _computed(network, part)
    start = 0
    while start < len(part):
        added = or_none("outputs", partial(_gather, gathering, logits, part.labels[start:]))
        if added is None:
            return None
        start += added
        yield from pulse()
    return or_none("outputs", gathering.outputs)


def _computed(network: Network, part: Part) -> Iterator[Tensor]:
    """Yield the network's outputs, chunk after chunk."""
    for start in range(0, len(part), _AT_ONCE):
        training = network.training
        network.eval()
        try:
            with torch.inference_mode():
                logits = network(part.inputs[start : start + _AT_ONCE])
        finally:
            network.train(training)
        yield logits


def _gather(gathering: OutputGathering, logits: Iterator[Tensor], labels: Tensor) -> int:
    """Add the next outputs, whose labels come first in ``labels``; return how many these are."""
    found = next(logits)
    with torch.inference_mode():
        gathering.add(found, labels[: len(found)])
    return len(found)


def _distribution(inputs: Tensor) -> Distribution:
    gathering = Gathering(len(inputs))
    gathering.add(inputs)
    return gathering.distribution()


def _add(probe: Probe, part: Part, chunk: slice) -> bool:
    probe.add(part.inputs[chunk], part.labels[chunk])
    return True
